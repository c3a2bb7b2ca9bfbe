//! Takes a slot's way into the repository away.

use strongroom_crypt::{Secret, SlotId};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Epoch, EpochState, KeyBundle, Slot};
use strongroom_store::{Cause, Prefix};

use super::rotate::{Changes, rotate};
use crate::context::{crypt_error, get_if_there, is_there, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::utc;
use crate::repository::Repository;

/// What a revocation did, and what it could not do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevokeReport {
    /// The slot.
    pub slot: SlotId,
    /// The generation of the keyring in force from now on.
    pub generation: u64,
    /// The epoch under which new content is written; `None` when an earlier, interrupted revocation had opened it.
    pub opened_epoch: Option<u32>,
    /// Objects that were deleted: the slot and old generations of the keyring.
    pub deleted: Vec<String>,
    /// Objects that should be deleted and could not be, and why. Delete them by other means: with them and the
    /// revoked secret, everything before the revocation can be read.
    pub left: Vec<(String, String)>,
    /// When the last of the locks ends that keep what is left, in seconds since 1970, as far as the store says. After that
    /// [`plan_delete`](crate::Repository::plan_delete) finds what is left.
    pub locked_until: Option<i64>,
}

impl RevokeReport {
    /// Says in words what somebody who once held the slot can still read.
    #[must_use]
    pub fn still_readable(&self) -> String {
        let copies = if self.left.is_empty() {
            "The slot and the old keyrings are deleted from the store; copies of them elsewhere, such as versions that the \
             store keeps, backups of it, or what the holder kept, still open what they opened."
        } else {
            "Not all of the old objects could be deleted from the store, and with them the slot still opens the old keyring."
        };
        let locked = self.locked_until.map_or_else(String::new, |until| {
            let until = utc(until);
            format!(" They are locked until {until}; a deletion of what was dropped after that deletes them.")
        });
        format!(
            "{copies}{locked} Whoever has or had the old keys and can read the store can read everything that was \
             backed up before, and of everything that is backed up later the journal, the structure of snapshots, the sizes and the \
             index, but not the content and not the names of files. The signing keys are not changed: if the \
             holder can also write to the store, they can add entries to the journal. Take that access away too."
        )
    }
}

/// Revokes a slot, or finishes a revocation that was interrupted.
pub(super) fn revoke(repository: &Repository, remote: &Remote, id: SlotId) -> Result<RevokeReport> {
    let context = repository.context();
    repository.journal().refresh(remote, context)?;
    let granted = context.keys().slots.iter().any(|slot| slot.id == id);
    let mut opened_epoch = None;
    let generation = if granted {
        check_not_last(repository, remote, id)?;
        rotate(repository, remote, &mut |bundle| {
            let random = &context.components.random;
            let key = Secret::generate(random).map_err(crypt_error)?;
            bundle.slots.retain(|slot| slot.id != id);
            let (number, epochs) = open_epoch(bundle, key)?;
            opened_epoch = Some(number);
            Ok(Changes {
                epochs,
                ..Changes::default()
            })
        })?
    } else if is_there(remote, &object_name::slot(id))? {
        context.keys().generation
    } else {
        return Err(Error::new(ErrorKind::NotFound, "there is no such slot")
            .object_named(object_name::slot(id)));
    };
    let mut report = RevokeReport {
        slot: id,
        generation,
        opened_epoch,
        deleted: Vec::new(),
        left: Vec::new(),
        locked_until: None,
    };
    report.delete(remote, object_name::slot(id));
    match old_keyrings(remote, generation) {
        Ok(names) => names
            .into_iter()
            .for_each(|name| report.delete(remote, name)),
        Err(error) => report.left.push(("keyring/".to_owned(), error.to_string())),
    }
    Ok(report)
}

/// Closes all epochs and opens a new one.
fn open_epoch(bundle: &mut KeyBundle, key: Secret) -> Result<(u32, Vec<(u32, EpochState)>)> {
    let newest = bundle.epochs.iter().map(|epoch| epoch.number).max();
    let number = newest
        .map_or(Some(0), |newest| newest.checked_add(1))
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "there are no more epochs"))?;
    let mut changes = Vec::new();
    for epoch in &mut bundle.epochs {
        if epoch.state == EpochState::Open {
            epoch.state = EpochState::Closed;
            changes.push((epoch.number, EpochState::Closed));
        }
    }
    let state = EpochState::Open;
    bundle.epochs.push(Epoch {
        number,
        kind: Epoch::SYMMETRIC,
        state,
        key,
    });
    changes.push((number, EpochState::Open));
    Ok((number, changes))
}

/// Makes sure that another slot is there, whole, and the one that the keyring means.
fn check_not_last(repository: &Repository, remote: &Remote, id: SlotId) -> Result<()> {
    let keys = repository.context().keys();
    for entry in keys.slots.iter().filter(|slot| slot.id != id) {
        let Some(bytes) = get_if_there(remote, &object_name::slot(entry.id))? else {
            continue;
        };
        let opens = Slot::decode(&bytes)
            .is_ok_and(|slot| slot.id == entry.id && slot.public == entry.public);
        if opens {
            return Ok(());
        }
    }
    let what = "this is the last slot that opens the repository; add another one first";
    Err(Error::new(ErrorKind::Invalid, what).object_named(object_name::slot(id)))
}

/// Names all generations before the one in force. This is the one place where a change of slots lists.
fn old_keyrings(remote: &Remote, generation: u64) -> Result<Vec<String>> {
    let listed = remote.list(&Prefix::parse("keyring/")?)?;
    let is_old = |name: &str| match object_name::parse(name) {
        Some(ObjectName::Keyring(old) | ObjectName::KeyringCopy(old)) => old < generation,
        _ => false,
    };
    let names = listed.into_iter().map(|meta| meta.key.as_str().to_owned());
    Ok(names.filter(|name| is_old(name)).collect())
}

/// Returns when the lock of an object ends, if the store says so.
fn end_of_lock(remote: &Remote, name: &str) -> Option<i64> {
    let found = object_key(name).and_then(|key| remote.retention_later(&key).wait());
    found.ok().flatten().map(|found| found.until)
}

impl RevokeReport {
    fn delete(&mut self, remote: &Remote, name: String) {
        match object_key(&name).and_then(|key| remote.delete(&key)) {
            Ok(()) => self.deleted.push(name),
            Err(error) => {
                if error.cause() == Some(Cause::Retained) {
                    self.locked_until = self.locked_until.max(end_of_lock(remote, &name));
                }
                self.left.push((name, error.to_string()));
            }
        }
    }
}
