//! The last step in the life of an epoch: nothing depends on it, and nothing ever will.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypt::Roles;
use strongroom_format::{
    Body, EpochState, FrameKey, Keys, ObjectHash, PackClass, PackHeader, object_name,
};

use crate::blobs::Blobs;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::repository::Repository;
use crate::state::State;

impl Repository {
    /// Retires an epoch: what is sealed under it does not count as stored from then on. [`revoke_slot`](Self::revoke_slot) closes epochs, and
    /// [`prune`](Self::prune) moves what is needed to the open one when it writes packs again.
    ///
    /// Reads the header of every pack in force that has content, so it is slow in a large repository. An epoch that is retired already stays so.
    ///
    /// # Errors
    ///
    /// `Conflict` when a pack in force has something sealed under the epoch; it says how many do and names one. `Invalid` when the epoch is
    /// not closed. `WrongKey` when this handle's keys are not the admin's. `Damaged` names a pack that cannot be looked at. Otherwise as
    /// [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the epoch closed, or retires it.
    pub async fn retire_epoch(&self, epoch: u32) -> Result<()> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-retire-epoch", move |remote| {
            retire(&this, remote, epoch)
        })
        .await
    }
}

fn retire(repository: &Repository, remote: &Remote, epoch: u32) -> Result<()> {
    let context = repository.context();
    let mut looked_at = BTreeSet::new();
    loop {
        let state = repository.journal().refresh(remote, context)?;
        match state.epochs.get(&epoch) {
            Some(EpochState::Retired) => return Ok(()),
            Some(EpochState::Closed) => {}
            _ => return Err(not_closed(epoch)),
        }
        look_at_packs(repository, remote, epoch, &mut looked_at)?;
        let mut is_stale = false;
        let appended = repository
            .journal()
            .append(remote, context, Roles::ADMIN, &mut |now| {
                // What was looked at does not depend on it. Names never come back, so only others matter.
                is_stale = now.epochs.get(&epoch) != Some(&EpochState::Closed)
                    || !content(now)?.is_subset(&looked_at);
                match is_stale {
                    true => Err(Error::new(ErrorKind::Stale, "packs were added meanwhile")),
                    false => Ok(Body::Keys(Keys {
                        epochs: vec![(epoch, EpochState::Retired)],
                        ..Keys::default()
                    })),
                }
            });
        match appended {
            Err(_) if is_stale => {}
            appended => return appended.map(drop),
        }
    }
}

/// Reads the headers of packs in force that were not looked at.
///
/// # Errors
///
/// `Conflict` when some depend on the epoch.
fn look_at_packs(
    repository: &Repository,
    remote: &Remote,
    epoch: u32,
    looked_at: &mut BTreeSet<ObjectHash>,
) -> Result<()> {
    let context = repository.context();
    let (state, index) = repository.current(remote)?;
    let blobs = Blobs::new(remote.clone(), Arc::clone(context), Arc::clone(&index), 0);
    let mut left = content(&state)?;
    left.retain(|name| !looked_at.contains(name));
    let mut dependent = Vec::new();
    for pack in index.packs()? {
        if !left.remove(&pack.name) {
            continue;
        }
        match blobs.header(&pack) {
            Ok(header) if depends_on(&header, epoch) => dependent.push(pack.name),
            Ok(_) => {
                looked_at.insert(pack.name);
            }
            // Who has dropped it may have deleted it.
            Err(error) if is_loss(&error) => {
                let now = repository.journal().refresh(remote, context)?;
                if now.packs.contains(&pack.name)? {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(first) = dependent.first() {
        let count = dependent.len();
        let what = format!("{count} packs in force have something sealed under epoch {epoch}");
        return Err(Error::new(ErrorKind::Conflict, what).object_named(object_name::pack(first)));
    }
    left.first().map_or(Ok(()), |name| {
        let what = "no readable index segment says where the header of a pack in force is";
        Err(Error::new(ErrorKind::Damaged, what).object_named(object_name::pack(name)))
    })
}

/// Returns the packs in force that have content: pages are sealed under no epoch.
fn content(state: &State) -> Result<BTreeSet<ObjectHash>> {
    let mut content = BTreeSet::new();
    for pack in state.packs.iter() {
        let pack = pack?;
        if pack.class != PackClass::Pages {
            content.insert(pack.name);
        }
    }
    Ok(content)
}

fn depends_on(header: &PackHeader, epoch: u32) -> bool {
    header.frames.iter().any(|frame| match frame.key {
        FrameKey::Refs => false,
        FrameKey::Session(at) => {
            let session = header.sessions.get(usize::from(at));
            session.is_none_or(|session| session.epoch == epoch)
        }
    })
}

fn not_closed(epoch: u32) -> Error {
    let what = format!("epoch {epoch} is not closed, and only a closed one is retired");
    Error::new(ErrorKind::Invalid, what)
}

#[cfg(test)]
mod tests;
