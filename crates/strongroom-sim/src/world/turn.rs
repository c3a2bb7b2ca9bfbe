//! Who is next.

use std::sync::{MutexGuard, PoisonError};

use super::actor::{Actor, Doing};
use super::{NANOS, State, World};
use crate::faults::Fault;
use crate::trace::Event;

impl World {
    pub(super) fn begin(&self, clients: usize) {
        let mut state = self.state();
        state.actors = (0..clients).map(|_| Actor::new()).collect();
        // Whoever comes first; the rest wait. No thread has to have begun to wait for that.
        state.turn = None;
        state.turn = state.choose(None);
    }

    /// Waits for the turn of `client`, which somebody else has or is about to have.
    pub(super) fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        client: usize,
    ) -> MutexGuard<'a, State> {
        let Some(turn) = self.inner.turns.get(client) else {
            return state;
        };
        while state.turn != Some(client) {
            state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Lets the world go on by one step, and returns when it is this client's turn.
    pub(super) fn next_turn<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        client: usize,
    ) -> MutexGuard<'a, State> {
        state.advance();
        let next = state.choose(Some(client));
        if next == Some(client) {
            return state;
        }
        state.turn = next;
        self.wake(next);
        self.wait(state, client)
    }

    /// Gives the turn away for good.
    pub(super) fn leave(&self, client: usize) {
        let mut state = self.state();
        if let Some(actor) = state.actors.get_mut(client) {
            actor.doing = Doing::Done;
        }
        state.advance();
        let next = state.choose(None);
        state.turn = next;
        self.wake(next);
    }

    fn wake(&self, client: Option<usize>) {
        if let Some(turn) = client.and_then(|client| self.inner.turns.get(client)) {
            turn.notify_all();
        }
    }
}

impl State {
    /// Makes time pass between two calls.
    pub(super) fn advance(&mut self) {
        self.step += 1;
        // Mostly milliseconds, sometimes minutes, seldom days.
        let nanos = match self.dice.below(64) {
            0 => self.dice.below(3_600) * 1_000_000_000,
            1..=8 => self.dice.below(20_000) * 1_000_000,
            _ => self.dice.below(50) * 1_000_000,
        };
        self.time += i128::from(nanos);
        self.deliver(self.step);
        if self.strikes(Fault::TimeJump) {
            self.time += self.years();
            self.note(None, "jump", Fault::TimeJump);
        }
        if self.strikes(Fault::Full) {
            self.full_until = self.step + self.dice.between(1, 60);
            self.note(None, "full", Fault::Full);
        }
        if self.strikes(Fault::Rot) {
            let folders = std::mem::take(&mut self.plan.rot_below);
            let rotten = self.shelf.rot(&folders, &mut self.dice);
            self.plan.rot_below = folders;
            if let Some(key) = rotten {
                self.note(None, key.as_str(), Fault::Rot);
            }
        }
        if self.step > self.plan.max_steps && !self.exhausted {
            self.exhausted = true;
            self.note(None, "too many steps", Fault::Pause);
        }
    }

    /// Chooses whose turn it is, of which `now` would like to go on.
    pub(super) fn choose(&mut self, now: Option<usize>) -> Option<usize> {
        for actor in &mut self.actors {
            if matches!(actor.doing, Doing::Asleep(until) if until <= self.step) {
                actor.doing = Doing::Ready;
            }
        }
        let is_ready = |client: &usize| {
            let actor = self.actors.get(*client);
            actor.is_some_and(|actor| actor.doing == Doing::Ready)
        };
        let stays = now.filter(is_ready);
        if stays.is_some() && !self.dice.one_in(u64::from(self.plan.switch_one_in)) {
            return stays;
        }
        let ready: Vec<usize> = (0..self.actors.len()).filter(is_ready).collect();
        if let Some(next) = self.dice.pick(&ready) {
            return Some(*next);
        }
        self.wake_first_sleeper()
    }

    /// Nobody is ready: wakes whoever would wake first.
    fn wake_first_sleeper(&mut self) -> Option<usize> {
        let sleepers = self.actors.iter().enumerate();
        let (until, next) = sleepers
            .filter_map(|(client, actor)| match actor.doing {
                Doing::Asleep(until) => Some((until, client)),
                Doing::Ready | Doing::Done => None,
            })
            .min()?;
        self.step = self.step.max(until);
        self.deliver(self.step);
        if let Some(actor) = self.actors.get_mut(next) {
            actor.doing = Doing::Ready;
        }
        Some(next)
    }

    /// Says whether a fault happens now.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        match self.plan.one_in(fault) {
            0 => false,
            many => self.dice.one_in(u64::from(many)),
        }
    }

    /// Returns up to three years, forward or back, in nanoseconds; mostly far less.
    pub(super) fn years(&mut self) -> i128 {
        let most = match self.dice.below(3) {
            0 => 3 * 365 * DAY,
            1 => 40 * DAY,
            _ => 3_600,
        };
        let seconds = i128::from(self.dice.between(1, most));
        let sign = if self.dice.one_in(2) { 1 } else { -1 };
        seconds * NANOS * sign
    }

    pub(super) fn note(&mut self, client: Option<usize>, what: &str, fault: Fault) {
        let event = Event {
            client,
            fault: Some(fault),
            ..Event::new("world")
        };
        self.record(event, what);
    }
}

pub(super) const DAY: u64 = 86_400;
