//! Reads the journal on from where a view ends.

use std::sync::Arc;

use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::{ObjectHash, object_name};

use super::View;
use super::fetch::{Fetched, missing_entry, out_of_chain};
use super::gallop::{end_of_journal, first_missing};
use crate::context::{Context, is_there};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Head, Result};
use crate::state::Effect;

/// From how many missed entries on a checkpoint is used instead of bundles.
///
/// Below, the chain is followed entry by entry, which costs 8 bundles at most.
pub(super) const WORTH_A_CHECKPOINT: u64 = 512;

/// Reads the journal on.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(super) remote: &'a Remote,
    pub(super) context: &'a Context,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(remote: &'a Remote, context: &'a Context) -> Self {
        Self { remote, context }
    }

    /// Folds entry 0, which must be the Genesis that the keyring names.
    ///
    /// # Errors
    ///
    /// `NotFound` when the repository's creation was never finished, `Damaged` when Genesis is missing or another.
    pub(crate) fn begin(&self, view: &mut View) -> Result<()> {
        let name = object_name::journal(0);
        let fetched = match self.entry(0)? {
            Some(fetched) => fetched,
            None => self.bundled_copy(0, missing_entry(0)).or_else(|error| {
                if end_of_journal(self.remote, 1)? > 1 {
                    return Err(error);
                }
                let what =
                    "creation of this repository was never finished: it has no first journal entry";
                Err(Error::new(ErrorKind::NotFound, what).object_named(name.clone()))
            })?,
        };
        if fetched.entry.hash != self.context.keys().genesis {
            let what = "the first journal entry is not the one that the keyring names";
            return Err(Error::new(ErrorKind::Damaged, what).object_named(name));
        }
        if fetched.entry.previous != self.context.config_hash {
            let what = "config is not the one that the first journal entry follows";
            return Err(Error::new(ErrorKind::Damaged, what).object_named("config"));
        }
        match self.fold(view, fetched)? {
            Effect::InForce => Ok(()),
            Effect::Void(reason) => Err(Error::new(ErrorKind::Damaged, reason).object_named(name)),
        }
    }

    /// Makes sure that the store has the entry that was seen last.
    ///
    /// # Errors
    ///
    /// `Rollback` when it has neither that nor a later one, `Fork` when it has another in its place, `Damaged` when only later ones are
    /// there; otherwise what the store said.
    pub(crate) fn check_head(&self, remembered: Head) -> Result<()> {
        let n = remembered.n;
        let found = match self.entry(n)? {
            Some(found) => Some(found),
            None => self.bundled_copy(n, missing_entry(n)).ok(),
        };
        match found.map(|found| found.entry.hash) {
            Some(hash) if hash == remembered.hash => Ok(()),
            Some(hash) => Err(Error::fork(remembered, Head::new(n, hash))),
            None if is_there(self.remote, &object_name::journal(n + 1))? => Err(missing_entry(n)),
            None => Err(Error::rollback(remembered, self.newest_below(n)?)),
        }
    }

    /// Finds the newest of the entries below `n`, of which some at the end are missing.
    fn newest_below(&self, n: u64) -> Result<Option<Head>> {
        let name = |n| object_name::journal(n);
        let end = first_missing(0, |probe| {
            Ok(probe < n && is_there(self.remote, &name(probe))?)
        })?;
        let Some(newest) = end.checked_sub(1) else {
            return Ok(None);
        };
        // What cannot be read is no head; the rollback is what matters.
        let hash = self.entry(newest).ok().flatten();
        Ok(hash.map(|found| Head::new(newest, found.entry.hash)))
    }

    /// Folds everything that follows. When nothing does, that is one request.
    pub(crate) fn catch_up(&self, view: &mut View) -> Result<()> {
        while let Some(fetched) = self.entry(view.state.head)? {
            let next = view.state.head;
            let end = end_of_journal(self.remote, next + 1)?;
            if end - next <= WORTH_A_CHECKPOINT || !self.jump(view, end)? {
                self.fold_chained(view, fetched)?;
            }
            self.fold_range(view, end)?;
            if end == next + 1 || !self.bridge(view)? {
                break;
            }
        }
        Ok(())
    }

    /// Like [`catch_up`](Self::catch_up), by somebody who knows nothing yet of where the end should be.
    pub(crate) fn catch_up_first(&self, view: &mut View) -> Result<()> {
        loop {
            self.catch_up(view)?;
            if !self.bridge(view)? {
                return Ok(());
            }
        }
    }

    /// Folds an entry that is missing from its bundle, if a later one says that it was there; says whether it did.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not in its bundle.
    fn bridge(&self, view: &mut View) -> Result<bool> {
        let n = view.state.head;
        let full = (n - n % BUNDLE_ENTRIES).saturating_add(BUNDLE_ENTRIES);
        let is_later = is_there(self.remote, &object_name::journal(n + 1))?
            || is_there(self.remote, &object_name::bundle(full))?;
        if is_later && self.entry(n)?.is_none() {
            let fetched = self.bundled_copy(n, missing_entry(n))?;
            self.fold_chained(view, fetched)?;
        }
        Ok(is_later)
    }

    fn fold_range(&self, view: &mut View, end: u64) -> Result<()> {
        self.each(view.state.head..end, |fetched| {
            self.fold_chained(view, fetched)
        })
    }

    /// Folds an entry if it follows the one before it, or its copy in a bundle if that does.
    pub(super) fn fold_chained(&self, view: &mut View, fetched: Fetched) -> Result<()> {
        let n = fetched.entry.n;
        let fetched = self.chained(&view.state.head_hash, fetched)?;
        match self.fold(view, fetched)? {
            Effect::InForce => {}
            Effect::Void(reason) => tracing::debug!(n, reason, "a journal entry is void"),
        }
        Ok(())
    }

    /// Returns the entry if it follows `previous`, or its other copy if that does.
    ///
    /// # Errors
    ///
    /// `Fork` or `Rollback` when it is because another history is there than was read; `Damaged` when it is this entry.
    pub(crate) fn chained(&self, previous: &ObjectHash, fetched: Fetched) -> Result<Fetched> {
        if fetched.entry.previous == *previous {
            return Ok(fetched);
        }
        let n = fetched.entry.n;
        // It came from one of the two places where entries are: the other may have the right one.
        let follows = |copy: &Fetched| copy.entry.previous == *previous;
        let bundled = self
            .bundled_copy(n, out_of_chain(n, previous))
            .ok()
            .filter(follows);
        let copy = bundled.or_else(|| self.entry(n).ok().flatten().filter(follows));
        match copy {
            Some(copy) => Ok(copy),
            None => Err(self.fork_before(n, previous)),
        }
    }

    /// Finds out why entry `n` does not follow the entry before it as this client has read that: either `n` is damaged, or
    /// what is before it has been replaced since.
    fn fork_before(&self, n: u64, previous: &ObjectHash) -> Error {
        let Some(last) = n.checked_sub(1) else {
            return out_of_chain(n, previous);
        };
        match self.check_head(Head::new(last, *previous)) {
            Err(error) if error.heads().is_some() || error.kind() == ErrorKind::Cancelled => error,
            _ => out_of_chain(n, previous),
        }
    }

    pub(super) fn fold(&self, view: &mut View, fetched: Fetched) -> Result<Effect> {
        let keys = self.context.keys();
        let effect = Arc::make_mut(&mut view.state).fold(&fetched.entry, &keys.structure)?;
        view.push_recent(fetched.bytes);
        Ok(effect)
    }

    /// Replaces the view by the newest checkpoint before `end` that it can trust; says whether there was one.
    fn jump(&self, view: &mut View, end: u64) -> Result<bool> {
        let newest = end - end % BUNDLE_ENTRIES;
        for number in [newest, newest.saturating_sub(BUNDLE_ENTRIES)] {
            if number <= view.state.head {
                break;
            }
            if let Some(state) = self.checkpoint(number, end, &view.state)? {
                *view = View {
                    state: Arc::new(state),
                    recent: Vec::new(),
                };
                return Ok(true);
            }
        }
        Ok(false)
    }
}
