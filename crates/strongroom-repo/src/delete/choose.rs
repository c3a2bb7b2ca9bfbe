//! Finds what may be deleted.

use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{ObjectHash, Time};
use strongroom_store::Prefix;

use super::{DeleteOptions, DeletePlan, DeleteReason, DoomedObject, LockedObject, MayDelete};
use crate::context::{Context, object_key};
use crate::edge::Remote;
use crate::error::{ErrorKind, Head, Result};
use crate::features::may_maintain;
use crate::journal::History;
use crate::prune::Listed;
use crate::repository::Repository;

pub(super) fn make_plan(
    repository: &Repository,
    remote: &Remote,
    options: &DeleteOptions,
) -> Result<DeletePlan> {
    let listed = Listed::read(remote)?;
    let context = repository.context();
    let notes = list_notes(remote, context)?;
    let history = repository.journal().history(remote, context)?;
    may_maintain(context, &history.state)?;
    let now = context.components.clock.now();
    let state = &history.state;
    let mut plan = DeletePlan {
        repository: repository.id(),
        head: Head::new(state.head.saturating_sub(1), state.head_hash),
        objects: Vec::new(),
        locked: Vec::new(),
        may_delete: MayDelete::Unknown,
        waiting: 0,
        waiting_bytes: 0,
        next_due: None,
        record: options.record.clone(),
    };
    let packs = listed
        .packs
        .iter()
        .map(|(name, len)| (object_name::pack(name), name, len));
    let segments = listed
        .segments
        .iter()
        .map(|(name, len)| (object_name::index(name), name, len));
    let parities = listed
        .parities
        .iter()
        .map(|(name, len)| (object_name::parity(name), name, len));
    for (object, name, len) in packs.chain(segments).chain(parities) {
        let Some(when) = history.dropped.get(name) else {
            continue;
        };
        if !when.is_older(options.min_age, now) {
            plan.wait(when, *len, options);
        } else if let Some(until) = locked_until(&history, &object, name, when.n, now) {
            plan.locked.push(LockedObject {
                object,
                len: *len,
                until,
            });
        } else {
            plan.objects.push(DoomedObject {
                object,
                len: *len,
                reason: DeleteReason::Dropped(when.n),
            });
        }
    }
    revoked(remote, context, &history, &notes, &mut plan)?;
    plan.objects.extend(useless(&history, notes));
    plan.objects
        .sort_by(|one, other| one.object.cmp(&other.object));
    plan.locked
        .sort_by(|one, other| (one.until, &one.object).cmp(&(other.until, &other.object)));
    if !(plan.objects.is_empty() && plan.locked.is_empty() && plan.waiting == 0) {
        plan.may_delete = MayDelete::ask(remote, context)?;
    }
    Ok(plan)
}

/// Returns when the lock of an object ends that entry `dropped` dropped, if that is to come, as far as the journal says.
fn locked_until(
    history: &History,
    object: &str,
    name: &ObjectHash,
    dropped: u64,
    now: Time,
) -> Option<i64> {
    let object = object_name::parse(object)?;
    // The parity of a locked pack is not.
    if matches!(object, ObjectName::Parity(_)) {
        return None;
    }
    let lock = history.locks.of_content(name, &object, Some(dropped))?;
    Some(lock.until).filter(|until| *until > now.seconds)
}

/// Finds what locks kept when a revocation deleted it: old keyrings, and slots that the keyring in force does not name.
fn revoked(
    remote: &Remote,
    context: &Context,
    history: &History,
    notes: &[(ObjectName, u64)],
    plan: &mut DeletePlan,
) -> Result<()> {
    let Some((generation, _)) = history.state.keyring else {
        return Ok(());
    };
    let keys = context.keys();
    let now = context.components.clock.now().seconds;
    for (name, len) in notes {
        let reason = match name {
            ObjectName::Keyring(old) | ObjectName::KeyringCopy(old) if *old < generation => {
                DeleteReason::Superseded
            }
            ObjectName::Slot(id)
                if keys.generation == generation
                    && keys.slots.iter().all(|slot| slot.id != *id) =>
            {
                DeleteReason::Revoked
            }
            _ => continue,
        };
        let (object, len) = (name.to_string(), *len);
        let until = match remote.retention_later(&object_key(&object)?).wait() {
            Ok(found) => found.map(|found| found.until).filter(|until| *until > now),
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            // If it is locked, the store refuses to delete it.
            Err(_) => None,
        };
        match until {
            Some(until) => plan.locked.push(LockedObject { object, len, until }),
            None => plan.objects.push(DoomedObject {
                object,
                len,
                reason,
            }),
        }
    }
    Ok(())
}

/// Lists checkpoints, beacons and, where objects are locked, keyrings and slots.
fn list_notes(remote: &Remote, context: &Context) -> Result<Vec<(ObjectName, u64)>> {
    let mut notes = Vec::new();
    // A revocation deletes them itself, unless they are locked.
    let locked = context.store.locker().map(|_| ["keyring/", "slot/"]);
    let locked = locked.into_iter().flatten();
    for prefix in ["checkpoint/", "session/"].into_iter().chain(locked) {
        let listed = remote.list(&Prefix::parse(prefix)?)?;
        let named = listed
            .iter()
            .filter_map(|meta| Some((object_name::parse(meta.key.as_str())?, meta.len)));
        notes.extend(named);
    }
    Ok(notes)
}

/// Chooses checkpoints that are superseded, and beacons of sessions that have ended.
fn useless(history: &History, notes: Vec<(ObjectName, u64)>) -> Vec<DoomedObject> {
    let state = &history.state;
    let number = |(name, _): &(ObjectName, u64)| match name {
        ObjectName::Checkpoint(n) if *n <= state.head => Some(*n),
        _ => None,
    };
    let mut numbers: Vec<u64> = notes.iter().filter_map(number).collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    let oldest_kept = numbers.get(CHECKPOINTS - 1).copied().unwrap_or(0);
    let reason = |name: &ObjectName| match name {
        ObjectName::Checkpoint(n) if *n < oldest_kept => Some(DeleteReason::Superseded),
        ObjectName::Session(id)
            if state.committed_sessions.contains_key(id)
                || state.ended_sessions.contains_key(id) =>
        {
            Some(DeleteReason::Ended)
        }
        _ => None,
    };
    let doomed = notes.into_iter().filter_map(|(name, len)| {
        Some(DoomedObject {
            reason: reason(&name)?,
            object: name.to_string(),
            len,
        })
    });
    doomed.collect()
}

/// Checkpoints that stay: the newest may be on its way to somebody, or damaged.
const CHECKPOINTS: usize = 2;
