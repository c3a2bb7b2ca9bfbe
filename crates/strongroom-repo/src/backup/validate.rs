//! Whether what a commit relies on is in force (format §8, the precondition of Commit).
//!
//! It held in the state that the pass started from. As long as nothing was dropped or damaged since, it still does, and that is
//! seen without a request. Otherwise what the new tree refers to is walked: every page, names blob and piece of content must
//! have a good copy. What is walked is remembered by the packs and segments it is in, so that of what happens next only
//! what concerns them matters.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{EpochState, ObjectHash};

use super::Base;
use super::reach::Reach;
use super::run::Stored;
use crate::edge::Remote;
use crate::error::Result;
use crate::repository::Repository;
use crate::state::State;

/// What stands between a pass and its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing.
    None,
    /// Something went that the snapshot may refer to: it has to be looked at.
    Walk,
    /// What the pass has stored cannot be added any more.
    Lost,
}

/// What a commit relies on, and the state in which all of it was there.
#[derive(Debug)]
pub(super) struct Ground {
    state: Arc<State>,
    reliance: Reliance,
}

#[derive(Debug)]
enum Reliance {
    /// Anything that was in force, and what the session has announced since.
    Anything { announced: Vec<ObjectHash> },
    /// These packs and segments; and whatever the snapshot stands for, if there is one.
    Only {
        names: HashSet<ObjectHash>,
        through: Option<Id>,
    },
}

impl Ground {
    /// Everything that was in force when the pass began.
    pub(super) fn of_pass(base: &Base, stored: &Stored) -> Self {
        Self {
            state: Arc::clone(&base.state),
            reliance: Reliance::Anything {
                announced: stored.announced.clone(),
            },
        }
    }

    /// Walks what the new tree refers to, in the state as it is now. `None` when something is missing.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached, and what [`Index::grounds`](crate::index::Index::grounds) says.
    pub(super) fn walk(
        repository: &Repository,
        remote: &Remote,
        parent: Option<(Id, Id)>,
        stored: &Stored,
    ) -> Result<Option<Self>> {
        let context = repository.context();
        let (state, mut index) = repository.current(remote)?;
        if let (Some(segment), Some(bytes)) = (stored.rest.segment, &stored.rest.bytes) {
            index = Arc::new(index.with_segment(&segment, bytes.clone(), context)?);
        }
        // Where something is damaged, or an entry was lost, a snapshot in force proves nothing of its blobs.
        let mut is_sound = !state.is_pieced_together();
        for pack in state.damaged.keys() {
            is_sound = is_sound && !state.packs.contains(pack)?;
        }
        let parent = parent.filter(|(id, _)| is_sound && state.snapshot(id).is_some());
        let root = parent.map(|(_, root)| root);
        let mut reach = Reach::new(repository, remote, &index, &state);
        if !reach.stands(&stored.root, root.as_ref())? {
            return Ok(None);
        }
        let through = parent.map(|(id, _)| id).filter(|_| reach.shared > 0);
        let reliance = Reliance::Only {
            names: reach.into_names(),
            through,
        };
        Ok(Some(Self { state, reliance }))
    }

    /// Returns the head of the state in which everything was there.
    pub(super) fn seen(&self) -> (u64, ObjectHash) {
        (self.state.head, self.state.head_hash)
    }

    /// Says what stands between the pass and its commit in that state.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](crate::state::Packs::get).
    pub(super) fn doubt(&self, now: &State, stored: &Stored) -> Result<Doubt> {
        if !may_add(now, &stored.session, stored.epoch) || !stored.rest.is_intact(now) {
            return Ok(Doubt::Lost);
        }
        Ok(match self.holds(now)? {
            true => Doubt::None,
            false => Doubt::Walk,
        })
    }

    fn holds(&self, now: &State) -> Result<bool> {
        let then = &self.state;
        if now.bridges != then.bridges {
            return Ok(false);
        }
        // The usual case, and the only one that does not look at every pack.
        if now.head_hash == then.head_hash {
            return Ok(true);
        }
        // What is dropped never comes back, so what is in force now was so all the time.
        let (all_there, only) = match &self.reliance {
            Reliance::Anything { announced } => {
                let names = then.segments.keys().chain(announced);
                let all_there = then.packs.are_all_in(&now.packs)? && now.are_in_force(names)?;
                (all_there, None)
            }
            Reliance::Only { names, through } => {
                let in_force = through.is_none_or(|id| now.snapshot(&id).is_some());
                let only = through.is_none().then_some(names);
                (in_force && now.are_in_force(names)?, only)
            }
        };
        if !all_there || retired(now) != retired(then) {
            return Ok(false);
        }
        for (pack, frames) in &now.damaged {
            let is_relied_on = || match only {
                Some(names) => Ok(names.contains(pack)),
                None => now.packs.contains(pack),
            };
            if then.damaged.get(pack) != Some(frames) && is_relied_on()? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Says whether a session whose content is sealed under that epoch may still add packs.
///
/// A closed epoch is for reading: whoever it was closed against can read what is written under it.
pub(crate) fn may_add(now: &State, session: &SessionId, epoch: u32) -> bool {
    let state = now.epochs.get(&epoch).copied();
    !now.session_ended(session) && state.is_none_or(|state| state == EpochState::Open)
}

/// Returns the epochs under which nothing counts as stored.
pub(crate) fn retired(state: &State) -> BTreeSet<u32> {
    let retired = |(_, state): &(&u32, &EpochState)| **state == EpochState::Retired;
    state
        .epochs
        .iter()
        .filter(retired)
        .map(|(number, _)| *number)
        .collect()
}
