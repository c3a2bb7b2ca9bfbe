//! A client: what a program has of its world.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use strongroom_store::wrap::Sleep;

use super::World;
use super::actor::Doing;
use crate::clock::SimClock;
use crate::store::SimStore;
use crate::trace::Event;

/// What a program has of its world: a store that may fail it, a clock that may be wrong.
#[derive(Debug)]
pub struct Client {
    world: World,
    id: usize,
}

impl Client {
    pub(super) fn new(world: World, id: usize) -> Self {
        Self { world, id }
    }

    /// Returns its number, from 0.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }

    /// Returns the world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Returns the store for the life that the client now has. When the client dies, the handle is dead for ever: every call
    /// of it fails without an effect. After [`revive`](Self::revive) ask for another.
    #[must_use]
    pub fn store(&self) -> Arc<SimStore> {
        let life = self.world.life_of(self.id);
        Arc::new(SimStore::new(self.world.clone(), Some((self.id, life))))
    }

    /// Returns the client's clock.
    #[must_use]
    pub fn clock(&self) -> Arc<SimClock> {
        Arc::new(SimClock::new(self.world.clone(), Some(self.id)))
    }

    /// Returns a way to wait that takes no time.
    #[must_use]
    pub fn sleep(&self) -> Arc<SimSleep> {
        Arc::new(SimSleep {
            world: self.world.clone(),
            client: self.id,
        })
    }

    /// Says whether the client's process has died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let state = self.world.state();
        state.actors.get(self.id).is_some_and(|actor| actor.dead)
    }

    /// Says whether the world has given up: nothing will have an effect any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.world.is_exhausted()
    }

    /// Starts the client's process anew: what it had in memory must not be used any more, and its clock is as it was.
    pub fn revive(&self) {
        let mut state = self.world.state();
        if let Some(actor) = state.actors.get_mut(self.id) {
            actor.dead = false;
            actor.life += 1;
        }
    }

    /// Lets others work for a while, during which `duration` passes.
    pub fn pause(&self, duration: Duration) {
        self.world.pause(self.id, duration);
    }

    /// Records words of the program among the events.
    pub fn say(&self, words: &str, outcome: &'static str) {
        let event = Event {
            client: Some(self.id),
            outcome,
            ..Event::new("---")
        };
        self.world.state().record(event, words);
    }

    pub(super) fn wait_for_first_turn(&self) {
        drop(self.world.wait(self.world.state(), self.id));
    }

    pub(super) fn finish(&self) {
        self.world.leave(self.id);
    }
}

impl World {
    fn life_of(&self, client: usize) -> u32 {
        let state = self.state();
        state.actors.get(client).map_or(0, |actor| actor.life)
    }

    fn pause(&self, client: usize, duration: Duration) {
        let mut state = self.state();
        state.time += i128::try_from(duration.as_nanos()).unwrap_or(0);
        let until = state.step + state.dice.between(1, 50);
        if let Some(actor) = state.actors.get_mut(client) {
            actor.doing = Doing::Asleep(until);
        }
        drop(self.next_turn(state, client));
    }
}

/// Waits by letting others work.
#[derive(Debug)]
pub struct SimSleep {
    world: World,
    client: usize,
}

impl Sleep for SimSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (world, client) = (self.world.clone(), self.client);
        async move { world.pause(client, duration) }.boxed()
    }
}
