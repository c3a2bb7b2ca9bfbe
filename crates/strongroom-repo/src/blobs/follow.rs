//! Going on when a pack is not there any more, because others have moved what was in it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use strongroom_crypt::Id;

use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::Index;
use crate::repository::Repository;

/// The index of a reader, which may be replaced while it reads.
#[derive(Debug)]
pub(super) struct Follow {
    index: RwLock<Arc<Index>>,
    whose: Option<Whose>,
    /// Something is gone because the snapshot was forgotten.
    forgotten: AtomicBool,
}

/// The snapshot that is read, and how to learn what became of it.
#[derive(Debug)]
struct Whose {
    repository: Repository,
    remote: Remote,
    snapshot: Id,
    state: Mutex<Asked>,
}

#[derive(Debug)]
struct Asked {
    /// How many entries the index has taken note of.
    head: u64,
    in_force: bool,
    /// What was missing when the journal had nothing new.
    in_vain: HashSet<String>,
}

impl Follow {
    /// An index that stays as it is.
    pub(super) fn fixed(index: Arc<Index>) -> Self {
        Self {
            index: RwLock::new(index),
            whose: None,
            forgotten: AtomicBool::new(false),
        }
    }

    /// The index of a snapshot that was in force after `head` entries.
    pub(super) fn of_snapshot(
        index: Arc<Index>,
        repository: &Repository,
        remote: &Remote,
        snapshot: Id,
        head: u64,
    ) -> Self {
        let state = Asked {
            head,
            in_force: true,
            in_vain: HashSet::new(),
        };
        Self {
            whose: Some(Whose {
                repository: repository.clone(),
                remote: remote.clone(),
                snapshot,
                state: Mutex::new(state),
            }),
            ..Self::fixed(index)
        }
    }

    pub(super) fn index(&self) -> Arc<Index> {
        let index = self.index.read();
        Arc::clone(&index.unwrap_or_else(PoisonError::into_inner))
    }

    /// Says whether there is a newer index than `used`, in which something was missing, reading the journal and the index again
    /// if need be. That is done once for every missing object, and as often as others have written.
    ///
    /// # Errors
    ///
    /// As [`Journal::refresh`](crate::journal::Journal::refresh).
    pub(super) fn has_moved(&self, used: &Arc<Index>, missing: &Error) -> Result<bool> {
        let Some(whose) = &self.whose else {
            return Ok(false);
        };
        let mut asked = whose.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&self.index(), used) {
            return Ok(true);
        }
        let name = missing.object().unwrap_or_default();
        if asked.in_vain.contains(name) {
            return Ok(false);
        }
        let context = whose.repository.context();
        let state = whose.repository.journal().refresh(&whose.remote, context)?;
        if state.head == asked.head {
            if asked.in_vain.len() < REMEMBERED {
                asked.in_vain.insert(name.to_owned());
            }
            return Ok(false);
        }
        tracing::debug!(name, "what is missing is looked for in the newest index");
        let index = whose.repository.index(&whose.remote, &state)?;
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        asked.head = state.head;
        asked.in_force = state.snapshot(&whose.snapshot).is_some();
        asked.in_vain.clear();
        Ok(true)
    }

    /// Says it of a loss if it is because the snapshot was forgotten: then nothing is damaged.
    pub(super) fn explain(&self, loss: Error) -> Error {
        let in_force = self.whose.as_ref().is_none_or(|whose| {
            let asked = whose.state.lock().unwrap_or_else(PoisonError::into_inner);
            asked.in_force
        });
        if in_force {
            return loss;
        }
        self.forgotten.store(true, Ordering::Release);
        forgotten().caused_by(loss)
    }

    /// Says whether something was gone because the snapshot was forgotten.
    pub(super) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Acquire)
    }
}

/// The error of a snapshot whose data is not there any more, on purpose.
pub(crate) fn forgotten() -> Error {
    let what = "the snapshot was forgotten while it was read, and its data is deleted";
    Error::new(ErrorKind::NotFound, what)
}

/// Objects of which it is remembered that nothing new is known of them; beyond that, the journal is asked again.
const REMEMBERED: usize = 65_536;
