//! A store, a scheduler and a clock that one seed decides.
//!
//! Programs of a world are ordinary closures on threads of their own. Exactly one of them runs at a time: every call of a
//! [`SimStore`] waits until the world gives its client the turn, and the world may just as well let another client's
//! call happen first, make this one fail, or let the client die in it. So everything that happens follows from the seed,
//! as long as the programs themselves do nothing that the seed does not decide: they use the world's store, clock
//! and randomness, start no threads and look at no other clock.

mod actor;
mod arrival;
mod client;
mod judgement;
mod shelf;
mod turn;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use strongroom_format::Time;
use strongroom_store::{Key, Retention};

use self::actor::Actor;
pub use self::client::{Client, SimSleep};
pub(crate) use self::judgement::{Answer, Asked};
pub use self::shelf::Deletion;
use self::shelf::Shelf;
use crate::clock::SimClock;
use crate::dice::Dice;
use crate::faults::FaultPlan;
use crate::pool::Pool;
use crate::store::SimStore;
use crate::trace::{Event, Trace};

/// What one client does in a world.
pub type Program = Box<dyn FnOnce(&Client) + Send>;

/// A simulated world. A clone is another handle on the same one.
///
/// ```
/// use futures::executor::block_on;
/// use strongroom_sim::{Fault, FaultPlan, Pool, Program, World};
/// use strongroom_store::{Key, StoreExt};
///
/// let key = Key::parse("config").unwrap();
/// let run = |seed| {
///     let world = World::new(seed, FaultPlan::none().with(Fault::LostReply, 2));
///     let programs = (0..2).map(|_| -> Program {
///         let key = key.clone();
///         Box::new(move |client| drop(block_on(client.store().put_new(&key, "mine".into()))))
///     });
///     world.run(&mut Pool::new(), programs.collect());
///     assert!(block_on(world.store().exists(&key)).unwrap());
///     world.fingerprint()
/// };
/// assert_eq!(run(1), run(1));
/// ```
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Where each client waits for its turn.
    turns: Vec<Condvar>,
}

pub(crate) struct State {
    pub(crate) plan: FaultPlan,
    pub(crate) dice: Dice,
    pub(crate) shelf: Shelf,
    pub(crate) step: u64,
    /// True time, in nanoseconds since 1970.
    time: i128,
    actors: Vec<Actor>,
    /// Whose turn it is.
    turn: Option<usize>,
    full_until: u64,
    exhausted: bool,
    trace: Trace,
}

/// How many clients a world may have.
pub const MAX_CLIENTS: usize = 16;

/// When worlds begin: 2026-01-01.
const BEGINNING: i128 = 1_767_225_600 * NANOS;
const NANOS: i128 = 1_000_000_000;

impl World {
    /// Makes an empty world.
    #[must_use]
    pub fn new(seed: u64, plan: FaultPlan) -> Self {
        let state = State {
            plan,
            dice: Dice::new(seed),
            shelf: Shelf::default(),
            step: 0,
            time: BEGINNING,
            actors: Vec::new(),
            turn: None,
            full_until: 0,
            exhausted: false,
            trace: Trace::default(),
        };
        let inner = Inner {
            state: Mutex::new(state),
            turns: (0..MAX_CLIENTS).map(|_| Condvar::new()).collect(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Keeps every event from now on, for [`take_events`](Self::take_events).
    pub fn keep_events(&self) {
        self.state().trace.keep_events();
    }

    /// Returns the events kept so far, and keeps no more.
    #[must_use]
    pub fn take_events(&self) -> Vec<Event> {
        self.state().trace.take()
    }

    /// Returns a number that stands for everything that has happened: equal for equal histories.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.state().trace.fingerprint()
    }

    /// Returns the store as a bystander sees it: without faults and without waiting for a turn.
    #[must_use]
    pub fn store(&self) -> SimStore {
        SimStore::new(self.clone(), None)
    }

    /// Returns the clock that is right.
    #[must_use]
    pub fn clock(&self) -> SimClock {
        SimClock::new(self.clone(), None)
    }

    /// Runs programs to their ends, each as a client of its own, numbered from 0. Returns the message of each that panicked.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_CLIENTS`].
    pub fn run(&self, pool: &mut Pool, programs: Vec<Program>) -> Vec<Option<String>> {
        assert!(
            programs.len() <= MAX_CLIENTS,
            "a world has at most {MAX_CLIENTS} clients"
        );
        self.begin(programs.len());
        let jobs = programs.into_iter().enumerate().map(|(id, program)| {
            let client = Client::new(self.clone(), id);
            let job = move || {
                client.wait_for_first_turn();
                let outcome = crate::pool::catch(|| program(&client));
                client.finish();
                outcome
            };
            Box::new(job) as crate::pool::Job
        });
        pool.run(jobs.collect())
    }

    /// Ends all faults: what is on its way arrives, nobody is asleep, the store has room again.
    pub fn calm(&self) {
        let mut state = self.state();
        state.plan.end();
        state.full_until = 0;
        state.deliver(u64::MAX - 1);
    }

    /// Says whether the world gave up because there were too many calls.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.state().exhausted
    }

    /// Returns how many calls there were, counting pauses.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.state().step
    }

    /// Returns every deletion of an object that was there, in order.
    #[must_use]
    pub fn deletions(&self) -> Vec<Deletion> {
        self.state().shelf.deletions().to_vec()
    }

    /// Returns every object that was replaced by another, in order.
    #[must_use]
    pub fn replacements(&self) -> Vec<Key> {
        self.state().shelf.replaced.clone()
    }

    /// Returns every object in which a bit flipped, in order.
    #[must_use]
    pub fn rotten(&self) -> Vec<Key> {
        self.state().shelf.rotten().to_vec()
    }

    /// Returns every object as it is now, by its name.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.state().shelf.objects()
    }

    /// Returns how every object was locked last, by its name.
    #[must_use]
    pub fn locks(&self) -> BTreeMap<String, Option<Retention>> {
        self.state().shelf.locks()
    }

    /// Lets time pass until no lock is left.
    pub fn outlive_locks(&self) {
        let mut state = self.state();
        let locks = state.shelf.locks();
        let last = locks.values().flatten().map(|lock| lock.until).max();
        if let Some(last) = last {
            state.time = state.time.max((i128::from(last) + 1) * NANOS);
        }
    }

    pub(crate) fn time_of(&self, client: Option<usize>) -> Time {
        let state = self.state();
        let offset = client
            .and_then(|client| state.actors.get(client))
            .map_or(0, |actor| actor.clock_offset);
        let time = state.time + offset;
        Time {
            seconds: i64::try_from(time.div_euclid(NANOS)).unwrap_or(i64::MAX),
            nanos: u32::try_from(time.rem_euclid(NANOS)).unwrap_or(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }
}

fn lock(mutex: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics between two halves of a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Returns the true time in seconds.
    pub(crate) fn seconds(&self) -> i64 {
        i64::try_from(self.time.div_euclid(NANOS)).unwrap_or(i64::MAX)
    }

    /// Records what was done.
    pub(crate) fn record(&mut self, event: Event, what: &str) {
        let event = Event {
            step: self.step,
            seconds: self.seconds(),
            ..event
        };
        self.trace.push(event, what);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("World")
            .field("step", &state.step)
            .field("objects", &state.shelf.len())
            .field("clients", &state.actors.len())
            .finish_non_exhaustive()
    }
}
