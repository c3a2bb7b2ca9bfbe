//! A fair semaphore whose limit can change.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// Turns, handed out to whoever came first.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to make a call, handed on when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Option<Arc<Turns>>,
}

impl Turns {
    pub(super) fn new(limit: usize) -> Self {
        let state = State {
            limit: limit.max(1),
            taken: 0,
            waiting: VecDeque::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Waits for a turn.
    pub(super) async fn take(self: &Arc<Self>) -> Turn {
        let receiver = {
            let mut state = self.lock();
            if state.taken < state.limit {
                state.taken += 1;
                return self.turn();
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back(sender);
            receiver
        };
        // A sender is dropped only after it was used, so this is the turn that was handed on.
        receiver.await.unwrap_or(Turn { turns: None })
    }

    /// Changes how many turns there are; 0 counts as 1. Those that are out stay out.
    pub(super) fn set_limit(self: &Arc<Self>, limit: usize) {
        self.lock().limit = limit.max(1);
        self.hand_out();
    }

    /// Returns how many turns are out, and how many there are.
    pub(super) fn taken_of(&self) -> (usize, usize) {
        let state = self.lock();
        (state.taken, state.limit)
    }

    fn turn(self: &Arc<Self>) -> Turn {
        Turn {
            turns: Some(Arc::clone(self)),
        }
    }

    /// Gives turns to those that wait, as long as there are any.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                if state.taken >= state.limit {
                    return;
                }
                let Some(next) = state.waiting.pop_front() else {
                    return;
                };
                state.taken += 1;
                next
            };
            // Whoever gave up waiting is passed over. A turn that arrives and is never looked at
            // comes back here when the receiver drops it.
            if let Err(mut refused) = next.send(self.turn()) {
                refused.turns = None;
                self.lock().taken -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.lock().taken -= 1;
            turns.hand_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::poll_immediate;

    use super::*;

    #[test]
    fn no_more_turns_than_the_limit_and_none_is_lost() {
        block_on(async {
            let turns = Arc::new(Turns::new(2));
            let first = turns.take().await;
            let second = turns.take().await;
            let mut third = Box::pin(turns.take());
            let mut fourth = Box::pin(turns.take());
            assert!(poll_immediate(&mut third).await.is_none());
            assert!(poll_immediate(&mut fourth).await.is_none());

            // Handed to the third, who leaves without looking: the fourth gets it.
            drop(first);
            drop(third);
            let fourth = poll_immediate(fourth).await.expect("its turn");
            drop((second, fourth));
            assert_eq!(turns.taken_of(), (0, 2));
        });
    }

    #[test]
    fn whoever_gives_up_waiting_is_passed_over() {
        block_on(async {
            let turns = Arc::new(Turns::new(1));
            let first = turns.take().await;
            let mut second = Box::pin(turns.take());
            assert!(poll_immediate(&mut second).await.is_none());
            drop(second);
            drop(first);
            assert!(poll_immediate(Box::pin(turns.take())).await.is_some());
            assert_eq!(turns.taken_of(), (0, 1));
        });
    }

    #[test]
    fn a_new_limit_lets_in_or_lets_nobody_in_until_enough_have_left() {
        block_on(async {
            let turns = Arc::new(Turns::new(1));
            let first = turns.take().await;
            let mut second = Box::pin(turns.take());
            let mut third = Box::pin(turns.take());
            assert!(poll_immediate(&mut second).await.is_none());
            assert!(poll_immediate(&mut third).await.is_none());
            turns.set_limit(2);
            let second = poll_immediate(second).await.expect("there is room now");
            turns.set_limit(1);
            drop(first);
            assert!(poll_immediate(&mut third).await.is_none());
            drop(second);
            assert!(poll_immediate(third).await.is_some());
        });
    }
}
