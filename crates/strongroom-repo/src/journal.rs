//! The journal as this client knows it: read to its end, appended to by put-if-absent.

mod append;
mod checkpoint;
mod events;
mod fetch;
mod gallop;
mod history;
mod locked;
mod objects;
mod replay;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use strongroom_format::{ObjectHash, Time};

use self::append::Attempt;
pub(crate) use self::fetch::{Fetched, missing_entry};
pub(crate) use self::gallop::first_missing;
pub(crate) use self::history::{ForgottenRecord, History, When, is_past};
pub(crate) use self::locked::LockHistory;
pub(crate) use self::replay::Replay;
use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Head, Result};
use crate::head::{Cache, Remembered, Written};
use crate::lost::JournalDamage;
use crate::state::State;

/// This client's view of the journal. Whoever asks for its state gets what was folded last, without a request.
#[derive(Debug)]
pub(crate) struct Journal {
    view: Mutex<View>,
    /// Held by who reads on or appends, so that the threads of one client do not race each other.
    turn: Mutex<()>,
    /// In single-writer mode, what this client has put and does not know to be in the journal or not.
    doubt: Mutex<Option<Attempt>>,
    /// When the store last showed the last entry of the view.
    shown: Mutex<Time>,
    cache: Option<Cache>,
    /// Tells this client's journal from everybody else's.
    identity: Arc<()>,
    /// What the cache has, if it has anything.
    cached: Mutex<Option<Written>>,
    /// What is lost of the journal, if this handle was opened around it: its view then stays as it is.
    frozen: Mutex<Option<Arc<JournalDamage>>>,
}

/// A state and what is needed to go on from it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) state: Arc<State>,
    /// The entries since the last multiple of 64, or the 64 before it when the head is one: the next bundle.
    pub(crate) recent: Vec<Bytes>,
}

impl Journal {
    /// The journal of who was shown `view` at the time `now`.
    pub(crate) fn new(view: View, cache: Option<Cache>, now: Time) -> Self {
        Self {
            view: Mutex::new(view),
            turn: Mutex::new(()),
            doubt: Mutex::default(),
            shown: Mutex::new(now),
            cache,
            identity: Arc::default(),
            cached: Mutex::default(),
            frozen: Mutex::default(),
        }
    }

    /// The journal of who was shown what is left of one.
    pub(crate) fn frozen(
        view: View,
        cache: Option<Cache>,
        damage: JournalDamage,
        now: Time,
    ) -> Self {
        let journal = Self::new(view, cache, now);
        *lock(&journal.frozen) = Some(damage.into());
        journal
    }

    /// Takes note of what the local cache had when the view was taken up from it.
    pub(crate) fn with_cached(self, remembered: Option<&Remembered>) -> Self {
        *lock(&self.cached) = remembered.map(Written::of);
        self
    }

    /// Returns what is lost, if this handle was opened around it.
    pub(crate) fn damage(&self) -> Option<Arc<JournalDamage>> {
        lock(&self.frozen).clone()
    }

    /// Reads the journal, in which nothing is lost any more, and goes on as usual.
    ///
    /// # Errors
    ///
    /// `Rollback` and `Fork` when it is not the one that this client has seen; the view then stays as it is, and the cache. Otherwise those of
    /// reading.
    pub(crate) fn thaw(&self, remote: &Remote, context: &Context) -> Result<()> {
        let _turn = lock(&self.turn);
        let seen = self.seen(self.remembered(context).as_ref());
        let mut view = View::before_genesis(context.config_hash);
        Replay::of_entries(remote, context).read_all_with(&mut view, &seen)?;
        self.check_length(view.state.head)?;
        *lock(&self.frozen) = None;
        context.store.set_read_only(false);
        self.remember(context, view);
        let state = self.state();
        crate::open::follow_keyring(remote, context, &state)
    }

    /// Returns what the local cache has of this journal.
    pub(crate) fn remembered(&self, context: &Context) -> Option<Remembered> {
        let remembered = self.cache.as_ref()?.read();
        remembered.filter(|one| one.config == context.config_hash)
    }

    /// Returns the last entries that this client has seen: what is `remembered` of them, and this handle's own.
    pub(crate) fn seen(&self, remembered: Option<&Remembered>) -> Vec<Head> {
        // The last entry of what is left of a journal may be one that nobody has written.
        let own = self.damage().is_none().then(|| self.state().last());
        let remembered = remembered.filter(|one| one.n > 0).map(Remembered::head);
        remembered.into_iter().chain(own.flatten()).collect()
    }

    /// Makes sure that there are no fewer entries than when this handle was opened around lost ones.
    ///
    /// # Errors
    ///
    /// `Rollback` when there are.
    pub(crate) fn check_length(&self, found: u64) -> Result<()> {
        match self.damage().map(|damage| damage.end) {
            Some(end) if found < end => {
                let what = format!(
                    "the store went back: it had {end} journal entries when it was opened, and it has {found}"
                );
                Err(Error::new(ErrorKind::Rollback, what))
            }
            _ => Ok(()),
        }
    }

    /// Returns what was read last.
    pub(crate) fn read_so_far(&self) -> View {
        self.view().clone()
    }

    /// Returns the state as it was read last.
    pub(crate) fn state(&self) -> Arc<State> {
        self.view().state.clone()
    }

    /// Reads what others have appended since, and returns the state.
    ///
    /// # Errors
    ///
    /// `Damaged` names an entry that is neither readable nor in a bundle, `Fork` and `Rollback` say that the chain is not
    /// the one read before, `Incompatible` that a later version has written; otherwise what the store said.
    pub(crate) fn refresh(&self, remote: &Remote, context: &Context) -> Result<Arc<State>> {
        let _turn = lock(&self.turn);
        self.catch_up(remote, context)
    }

    /// Like [`refresh`](Self::refresh), by who has the turn.
    fn catch_up(&self, remote: &Remote, context: &Context) -> Result<Arc<State>> {
        self.catch_up_by(&Replay::new(remote, context))
    }

    fn catch_up_by(&self, replay: &Replay<'_>) -> Result<Arc<State>> {
        if self.damage().is_some() {
            return Ok(self.state());
        }
        let (remote, context) = (replay.remote, replay.context);
        let mut view = self.view().clone();
        if view.state.packs.is_unreadable() {
            view = self.read_anew(remote, context)?;
            view = self.remember(context, view);
        }
        context.learn(&view.state);
        let before = Arc::clone(&view.state);
        let folded = replay.follow(&mut view);
        if !Arc::ptr_eq(&view.state, &before) {
            // What was read before a failure is read, and is not asked for again.
            view = self.remember(context, view);
        }
        folded?;
        crate::open::follow_keyring(remote, context, &view.state)?;
        Ok(view.state)
    }

    /// Reads the journal without what the local cache lost meanwhile, and entry by entry: somebody may rely on it that what is known here is no summary
    /// of somebody else's (`History::covers`).
    fn read_anew(&self, remote: &Remote, context: &Context) -> Result<View> {
        let seen = self.seen(self.remembered(context).as_ref());
        let mut view = View::before_genesis(context.config_hash);
        Replay::of_entries(remote, context).read_all_with(&mut view, &seen)?;
        // What is written there needs what was lost.
        *lock(&self.cached) = None;
        Ok(view)
    }

    /// Writes the view into the local cache once more, because what is remembered beside it has changed.
    pub(crate) fn remember_again(&self, context: &Context) {
        self.keep(context);
    }

    /// Writes what the local cache does not have yet, at the end of an operation. Without it the next one reads some entries again.
    pub(crate) fn keep(&self, context: &Context) {
        let before = self.view().clone();
        let mut view = before.clone();
        self.write_cache(context, &mut view);
        let mut now = self.view();
        if Arc::ptr_eq(&now.state, &before.state) {
            *now = view;
        }
    }

    /// Writes a view into the local cache, where its table of packs may be from then on.
    fn write_cache(&self, context: &Context, view: &mut View) {
        // What is left of a journal is not what is to be remembered of it.
        let is_whole = self.damage().is_none();
        if let Some(cache) = self.cache.as_ref().filter(|_| is_whole) {
            let mut cached = lock(&self.cached);
            *cached = cache.write(context, view, cached.as_ref());
        }
    }

    /// Takes up a view whose last entry the store has just shown or taken, and returns it as it is from then on.
    fn remember(&self, context: &Context, mut view: View) -> View {
        *lock(&self.shown) = context.components.clock.now();
        context.learn(&view.state);
        let cached = lock(&self.cached).clone();
        if cached.is_none_or(|cached| cached.is_outdated(view.state.head)) {
            self.write_cache(context, &mut view);
        }
        self.view().clone_from(&view);
        view
    }

    fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }
}

impl View {
    /// The view of somebody who has read nothing yet.
    pub(crate) fn before_genesis(config_hash: ObjectHash) -> Self {
        Self {
            state: Arc::new(State::before_genesis(config_hash)),
            recent: Vec::new(),
        }
    }

    /// Takes note of the bytes of the entry that was folded last.
    fn push_recent(&mut self, bytes: Bytes) {
        push_recent(&mut self.recent, bytes);
    }
}

/// Adds an entry to those since the last multiple of 64, or to the 64 before it, which are a bundle and done with.
pub(crate) fn push_recent(recent: &mut Vec<Bytes>, entry: Bytes) {
    if recent.len() >= ENTRIES {
        recent.clear();
    }
    recent.push(entry);
}

/// How many entries a bundle holds.
const ENTRIES: usize = 64;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half changed under any of these locks, so a panic elsewhere does not spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
