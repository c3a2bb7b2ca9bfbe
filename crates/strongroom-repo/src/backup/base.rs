//! What a pass of a backup starts from.

use std::sync::Arc;

use strongroom_crypt::{Id, Roles, Session, SessionId};
use strongroom_format::{Body, ObjectHash, PackRef, Packs, Snapshot, Time};

use super::judge::Parent;
use super::options::{BackupOptions, ParentChoice};
use super::retired::Retired;
use super::upload::Unannounced;
use super::validate::may_add;
use crate::blobs::Blobs;
use crate::context::crypt_error;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Breadth, Index};
use crate::repository::Repository;
use crate::state::State;

/// What a pass starts from: a state, the index there, and what tells it which files have not changed.
#[derive(Debug)]
pub(crate) struct Base {
    pub(super) state: Arc<State>,
    pub(super) index: Arc<Index>,
    /// In force in that state.
    pub(super) parent: Option<(Id, Snapshot)>,
    pub(super) began: Time,
    /// The tree that the pass before this one built.
    before: Option<Before>,
    /// Something that was relied on went away: whatever is reused is looked up.
    careful: bool,
}

/// What a pass leaves to the next one, because what it relied on went away.
#[derive(Debug)]
pub(super) struct Leftover {
    /// The tree it had built, or the pass before it.
    pub(super) before: Option<Before>,
    /// Its session and epoch, if something of it is not announced.
    pub(super) session: Option<(SessionId, u32)>,
    /// What it had stored and not announced.
    pub(super) rest: Unannounced,
}

/// A tree that is in no snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    pub(super) root: Id,
    /// When its capture began.
    pub(super) began: Time,
}

impl Base {
    /// Reads what others have done, and chooses the parent.
    pub(super) fn prepare(
        repository: &Repository,
        remote: &Remote,
        options: &BackupOptions,
    ) -> Result<Self> {
        let (state, index) = repository.current_as_wide_as(Breadth::Enough, remote)?;
        let parent = options.parent_in(&state)?;
        if let Some((_, parent)) = &parent
            && index.locate(&parent.root)?.is_empty()
        {
            // Another machine wrote it, or this one before it lost its cache.
            let (state, index) = repository.current(remote)?;
            let parent = options.parent_in(&state)?;
            return Ok(Self::of(repository, state, index, parent));
        }
        Ok(Self::of(repository, state, index, parent))
    }

    /// Like [`prepare`](Self::prepare), after a pass that could not commit. A parent that was forgotten meanwhile is none.
    pub(super) fn prepare_again(
        repository: &Repository,
        remote: &Remote,
        options: &BackupOptions,
        before: Option<Before>,
    ) -> Result<Self> {
        let (state, index) = repository.current(remote)?;
        let parent = match options.parent_in(&state) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            found => found?,
        };
        let base = Self::of(repository, state, index, parent);
        let reads_everything = options.parent == ParentChoice::None;
        Ok(Self {
            before: before.filter(|_| !reads_everything),
            careful: true,
            ..base
        })
    }

    fn of(
        repository: &Repository,
        state: Arc<State>,
        index: Arc<Index>,
        parent: Option<(Id, Snapshot)>,
    ) -> Self {
        Self {
            state,
            index,
            parent,
            began: repository.context().components.clock.now(),
            before: None,
            careful: false,
        }
    }

    /// Returns what the source is compared with: the parent, or else what the pass before has built.
    ///
    /// The references of a snapshot in force have good copies as long as nothing is damaged and no entry was lost. All others are looked up.
    pub(super) fn beside<'a>(&'a self, blobs: &'a Blobs) -> Option<Parent<'a>> {
        let parent = self.parent.as_ref().map(|(_, one)| (one.root, one.began));
        let before = self.before.map(|before| (before.root, before.began));
        let (root, began) = parent.or(before)?;
        let is_doubtful = !self.state.damaged.is_empty() || self.state.is_pieced_together();
        let is_sound = parent.is_some() && !is_doubtful && !self.careful;
        Some(Parent {
            blobs,
            root,
            began,
            suspect: (!is_sound).then_some(self.index.as_ref()),
            retired: Retired::of(&self.state, blobs),
        })
    }
}

impl Leftover {
    /// What is left of a pass that did not come to its end.
    pub(super) fn without_tree(base: &Base) -> Self {
        Self {
            before: base.before,
            session: None,
            rest: Unannounced::default(),
        }
    }

    /// Announces what was stored and is still there, so that it need not be stored again. If that cannot be, it is.
    ///
    /// # Errors
    ///
    /// As [`Journal::append`](crate::journal::Journal::append).
    pub(super) fn announce(&self, repository: &Repository, remote: &Remote) -> Result<()> {
        let context = repository.context();
        let (Some((session, epoch)), Some(segment)) = (self.session, self.rest.segment) else {
            return Ok(());
        };
        // Whoever gave the session up said nothing of these packs: they are announced as another's.
        let other =
            Session::start(context.suite, &context.components.random).map_err(crypt_error)?;
        let mut gone = false;
        let appended = repository
            .journal()
            .append(remote, context, Roles::WRITER, &mut |now| {
                let is_there = |name: &ObjectHash| {
                    !now.dropped.contains_key(name) && !now.damaged.contains_key(name)
                };
                let packs = self.rest.packs.iter().copied();
                let packs: Vec<PackRef> = packs.filter(|pack| is_there(&pack.name)).collect();
                let session = match now.session_ended(&session) {
                    true => other.id(),
                    false => session,
                };
                gone =
                    packs.is_empty() || !is_there(&segment.name) || !may_add(now, &session, epoch);
                if gone {
                    return Err(Error::new(ErrorKind::Stale, "what was stored is gone"));
                }
                Ok(Body::Packs(Packs {
                    session,
                    packs,
                    segments: vec![segment],
                    unknown: Default::default(),
                }))
            });
        match appended {
            Err(_) if gone => Ok(()),
            appended => appended.map(drop),
        }
    }
}
