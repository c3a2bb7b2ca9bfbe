//! One store of a mirror, and what is still to be done to it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::lock::Mutex as AsyncMutex;

use super::status::{Health, MemberStatus};
use crate::error::Error;
use crate::key::Key;
use crate::options::StorageClass;
use crate::store::Store;

/// One store of a mirror.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) store: Arc<dyn Store>,
    /// Held by whoever works the queue off.
    pub(super) draining: AsyncMutex<()>,
    queue_max: usize,
    state: Mutex<State>,
}

/// Something that a member has yet to be made like the arbiter in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queued {
    pub(super) key: Key,
    pub(super) wanted: Wanted,
    pub(super) len: u64,
    pub(super) class: StorageClass,
    /// The arbiter has done it. Otherwise nobody knows whether it has.
    pub(super) decided: bool,
}

/// What was asked of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The object was created.
    Created,
    /// The object was put in place of another.
    Replaced,
    /// The object was deleted.
    Absent,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which it was asked for.
    queue: VecDeque<Queued>,
    bytes: u64,
    /// Keys that somebody is about to replace or delete; what becomes of it is queued before they go.
    coming: Vec<Key>,
    /// Keys that reads found missing or broken.
    flawed: BTreeSet<Key>,
    /// Of these, those that could not be repaired.
    hopeless: BTreeSet<Key>,
    repaired: u64,
    overflowed: bool,
    resyncing: bool,
    diverged: Option<Key>,
    failures: u32,
    /// Calls to pass over before the next try.
    pause: u32,
    last_error: Option<String>,
    /// The last object with a predecessor that it was given.
    tail: Option<Key>,
}

impl Member {
    pub(super) fn new(store: Arc<dyn Store>, queue_max: usize) -> Self {
        Self {
            store,
            draining: AsyncMutex::new(()),
            queue_max,
            state: Mutex::default(),
        }
    }

    /// Says whether it has everything and may be given more.
    pub(super) fn is_ready(&self) -> bool {
        let state = self.state();
        state.queue.is_empty() && state.is_open()
    }

    /// Says whether working its queue off makes it ready.
    pub(super) fn can_catch_up(&self) -> bool {
        self.state().is_open()
    }

    /// Says whether what it has of this object can be older than what was put.
    pub(super) fn is_stale(&self, key: &Key) -> bool {
        let state = self.state();
        !state.is_open() || state.queue.iter().any(|queued| queued.key == *key)
    }

    /// Says whether the arbiter has deleted the object, and this one has yet to.
    pub(super) fn is_to_delete(&self, key: &Key) -> bool {
        let state = self.state();
        let last = state.queue.iter().rfind(|queued| queued.key == *key);
        last.is_some_and(|queued| queued.wanted == Wanted::Absent && queued.decided)
    }

    /// Says whether it has everything that was acknowledged.
    pub(super) fn has_everything(&self) -> bool {
        let state = self.state();
        let lacks = |queued: &Queued| queued.decided && queued.wanted != Wanted::Absent;
        state.is_open() && !state.queue.iter().any(lacks)
    }

    /// Says whether it is worth a try: after failures it is left alone for twice as many calls each time.
    pub(super) fn is_worth_a_try(&self) -> bool {
        let mut state = self.state();
        if state.pause == 0 {
            return true;
        }
        state.pause -= 1;
        false
    }

    /// Says that an object is about to be replaced or deleted.
    pub(super) fn announce(&self, key: &Key) {
        self.state().coming.push(key.clone());
    }

    /// Says that this is over, one way or another.
    pub(super) fn retract(&self, key: &Key) {
        let mut state = self.state();
        if let Some(at) = state.coming.iter().position(|coming| coming == key) {
            state.coming.swap_remove(at);
        }
    }

    /// Says whether what was asked for first of an object was followed by something else: then that decides.
    pub(super) fn is_superseded(&self, key: &Key) -> bool {
        let state = self.state();
        let queued = state.queue.iter().filter(|queued| queued.key == *key);
        state.coming.contains(key) || queued.count() > 1
    }

    pub(super) fn enqueue(&self, queued: Queued) {
        let mut state = self.state();
        if state.overflowed || state.diverged.is_some() {
            return;
        }
        if state.queue.len() >= self.queue_max {
            state.forget_queue();
            state.overflowed = true;
            return;
        }
        state.bytes += queued.len;
        state.queue.push_back(queued);
    }

    /// Returns what is to be done next.
    pub(super) fn front(&self) -> Option<Queued> {
        let state = self.state();
        state.is_open().then(|| state.queue.front().cloned())?
    }

    /// Takes away what was done.
    pub(super) fn done(&self, queued: &Queued) {
        let mut state = self.state();
        if state.queue.front() == Some(queued) {
            state.queue.pop_front();
            state.bytes = state.bytes.saturating_sub(queued.len);
        }
    }

    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.pause = 0;
    }

    pub(super) fn failed(&self, error: &Error) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.pause = (1 << state.failures.min(MAX_PAUSE_LOG)) - 1;
        state.last_error = Some(words(error));
    }

    /// Says that it lacks what an object needs: that is no failure to reach it.
    pub(super) fn lacks(&self, key: &Key) {
        self.state().last_error =
            Some(format!("{key} waits for its predecessor, which is missing"));
    }

    /// Says that it has an object under a name that is another's.
    pub(super) fn diverges(&self, key: &Key) {
        let mut state = self.state();
        state.forget_queue();
        state.last_error = Some(format!("another object is there under the name {key}"));
        state.diverged = Some(key.clone());
    }

    pub(super) fn has_flaw(&self, key: &Key) {
        let mut state = self.state();
        let known = state.flawed.len() + state.hopeless.len();
        if known < MAX_FLAWED && !state.hopeless.contains(key) {
            state.flawed.insert(key.clone());
        }
    }

    /// Returns a flaw that was not tried yet.
    pub(super) fn next_flaw(&self) -> Option<Key> {
        self.state().flawed.first().cloned()
    }

    /// Returns all flaws; all are to be tried again.
    pub(super) fn flaws(&self) -> Vec<Key> {
        let mut state = self.state();
        let hopeless = std::mem::take(&mut state.hopeless);
        state.flawed.extend(hopeless);
        state.flawed.iter().cloned().collect()
    }

    /// Says that nothing can be done about a flaw for now.
    pub(super) fn give_up(&self, key: &Key) {
        let mut state = self.state();
        state.flawed.remove(key);
        state.hopeless.insert(key.clone());
    }

    pub(super) fn forget_flaw(&self, key: &Key) {
        let mut state = self.state();
        state.flawed.remove(key);
        state.hopeless.remove(key);
    }

    pub(super) fn repaired(&self, key: &Key) {
        self.forget_flaw(key);
        self.state().repaired += 1;
    }

    pub(super) fn is_tail(&self, key: &Key) -> bool {
        self.state().tail.as_ref() == Some(key)
    }

    pub(super) fn set_tail(&self, key: &Key) {
        self.state().tail = Some(key.clone());
    }

    /// Sets aside what is queued: from now on until [`end_resync`](Self::end_resync) everything is queued anew.
    pub(super) fn begin_resync(&self) {
        let mut state = self.state();
        state.forget_queue();
        state.overflowed = false;
        state.diverged = None;
        state.resyncing = true;
    }

    /// Ends a resync; one that was not complete has to be done again.
    pub(super) fn end_resync(&self, conflict: Option<&Key>, complete: bool) {
        let mut state = self.state();
        state.resyncing = false;
        if let Some(key) = conflict {
            state.forget_queue();
            state.last_error = Some(format!("another object is there under the name {key}"));
            state.diverged = Some(key.clone());
        } else if !complete {
            state.forget_queue();
            state.overflowed = true;
        }
    }

    pub(super) fn status(&self) -> MemberStatus {
        let state = self.state();
        let health = if state.diverged.is_some() {
            Health::Diverged
        } else if state.overflowed || state.resyncing {
            Health::NeedsResync
        } else if !state.queue.is_empty() {
            Health::Lagging
        } else if state.failures > 0 {
            Health::Failing
        } else {
            Health::Healthy
        };
        MemberStatus {
            name: self.store.to_string(),
            health,
            queued_objects: state.queue.len(),
            queued_bytes: state.bytes,
            flawed_objects: state.flawed.len() + state.hopeless.len(),
            repaired_objects: state.repaired,
            failures: state.failures,
            last_error: state.last_error.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_open(&self) -> bool {
        !self.overflowed && !self.resyncing && self.diverged.is_none()
    }

    fn forget_queue(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }
}

/// Returns an error and its causes on one line.
pub(super) fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// A member that fails is passed over for at most two to this power calls.
const MAX_PAUSE_LOG: u32 = 6;
/// Flaws of one member that are remembered; the next read of others finds them again.
const MAX_FLAWED: usize = 10_000;
