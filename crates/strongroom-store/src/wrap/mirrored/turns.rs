//! Who may write to a key: many that create it, whom the arbiter decides between, or one that replaces or deletes it.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

use crate::key::Key;

/// Turns at keys. Members must end alike, so what replaces or deletes an object has it to itself, within this process.
#[derive(Debug)]
pub(super) struct Turns(Vec<Arc<Stripe>>);

/// Whether others may have a turn at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Shared,
    Alone,
}

/// A turn, for as long as it lives.
#[derive(Debug)]
pub(super) struct Turn {
    stripe: Option<Arc<Stripe>>,
    kind: Kind,
}

#[derive(Debug, Default)]
struct Stripe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shared: usize,
    alone: bool,
    waiting: VecDeque<(Kind, oneshot::Sender<Turn>)>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self((0..STRIPES).map(|_| Arc::default()).collect())
    }

    /// Waits for a turn. Those that came first go first.
    pub(super) async fn take(&self, key: &Key, kind: Kind) -> Turn {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let at = usize::try_from(hash % STRIPES).unwrap_or(0);
        let Some(stripe) = self.0.get(at) else {
            return Turn { stripe: None, kind };
        };
        loop {
            let turn = {
                let mut state = stripe.state();
                if state.waiting.is_empty() && state.enter(kind) {
                    return stripe.turn(kind);
                }
                let (sender, turn) = oneshot::channel();
                state.waiting.push_back((kind, sender));
                turn
            };
            // A sender is dropped only with its stripe, which is held here.
            if let Ok(turn) = turn.await {
                return turn;
            }
        }
    }
}

impl Stripe {
    fn turn(self: &Arc<Self>, kind: Kind) -> Turn {
        Turn {
            stripe: Some(Arc::clone(self)),
            kind,
        }
    }

    /// Lets in whoever waits and may.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let (kind, sender) = {
                let mut state = self.state();
                let Some((kind, sender)) = state.waiting.pop_front() else {
                    return;
                };
                if !state.enter(kind) {
                    state.waiting.push_front((kind, sender));
                    return;
                }
                (kind, sender)
            };
            // Whoever gave up waiting is passed over.
            if let Err(mut refused) = sender.send(self.turn(kind)) {
                refused.stripe = None;
                self.state().leave(kind);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, kind: Kind) -> bool {
        let may = !self.alone && (kind == Kind::Shared || self.shared == 0);
        match kind {
            _ if !may => {}
            Kind::Shared => self.shared += 1,
            Kind::Alone => self.alone = true,
        }
        may
    }

    fn leave(&mut self, kind: Kind) {
        match kind {
            Kind::Shared => self.shared = self.shared.saturating_sub(1),
            Kind::Alone => self.alone = false,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(stripe) = self.stripe.take() {
            stripe.state().leave(self.kind);
            stripe.hand_on();
        }
    }
}

/// Keys that share a turn by chance cost a wait, no more.
const STRIPES: u64 = 128;

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::poll_immediate;

    use super::*;

    #[test]
    fn many_share_one_is_alone_and_nobody_is_forgotten() {
        block_on(async {
            let (turns, key) = (Turns::new(), Key::parse("a").expect("a key"));
            let first = turns.take(&key, Kind::Shared).await;
            let second = turns.take(&key, Kind::Shared).await;
            let mut alone = Box::pin(turns.take(&key, Kind::Alone));
            let mut leaves = Box::pin(turns.take(&key, Kind::Alone));
            let mut shared = Box::pin(turns.take(&key, Kind::Shared));
            for waiting in [&mut alone, &mut leaves, &mut shared] {
                assert!(poll_immediate(waiting).await.is_none());
            }
            drop(first);
            assert!(poll_immediate(&mut alone).await.is_none());
            drop(second);
            let alone = poll_immediate(alone).await.expect("its turn");
            drop(leaves);
            assert!(poll_immediate(&mut shared).await.is_none());
            drop(alone);
            let shared = poll_immediate(shared).await.expect("its turn");
            let another = turns.take(&key, Kind::Shared).await;
            drop((shared, another));
            drop(turns.take(&key, Kind::Alone).await);
        });
    }
}
