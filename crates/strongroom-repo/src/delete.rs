//! Deleting what was dropped: apart from pruning, delayed, and as often as one likes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use strongroom_crypt::RepositoryId;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::record::Deleted;
use strongroom_format::{ObjectHash, Time};
use strongroom_store::{Cause, Prefix};

use crate::context::{Context, object_key};
use crate::edge::{self, Remote, Ticket, cancelled};
use crate::error::{Error, ErrorKind, Head, Result};
use crate::evidence::deleted::{self, Tally};
use crate::features::may_maintain;
use crate::journal::{History, Replay, When};
use crate::locks::utc;
use crate::observer::{Event, Observer, Phase, Progress};
use crate::prune::{Listed, Requests};
use crate::repository::Repository;
use crate::state::State;

/// How [`plan_delete`](Repository::plan_delete) decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// How long ago something must have been dropped, by the clock of who dropped it. Until it is deleted, restores that read it go on
    /// and snapshots that were forgotten can be brought back. Default: 24 hours.
    pub min_age: Duration,
    /// Under which name of the policy the deletion is recorded in the journal, if anything was deleted that an entry had dropped. Default: it is not.
    ///
    /// Not on a replica: its journal is that of the original, and an entry of its own would part them. [`DeleteReport::fact`] is what to record in the original
    /// instead.
    pub record: Option<String>,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            min_age: Duration::from_secs(24 * 60 * 60),
            record: None,
        }
    }
}

impl DeleteOptions {
    /// Says how long ago something must have been dropped.
    #[must_use]
    pub fn with_min_age(mut self, age: Duration) -> Self {
        self.min_age = age;
        self
    }

    /// Has the deletion recorded in the journal, under this name of the repository. Not on a replica; see [`record`](Self::record).
    #[must_use]
    pub fn with_record(mut self, repository: impl Into<String>) -> Self {
        self.record = Some(repository.into());
        self
    }
}

/// What will be deleted. Made by [`Repository::plan_delete`] and carried out by [`Repository::delete_dropped`].
///
/// It does not become stale: what was dropped never comes back. That is true of one journal, so it is carried out only where the
/// journal is at least as long as the one it was made from: what is dropped here may be in force in an older copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletePlan {
    repository: RepositoryId,
    /// The last entry of the journal that says what was dropped.
    head: Head,
    objects: Vec<DoomedObject>,
    locked: Vec<LockedObject>,
    may_delete: MayDelete,
    waiting: u64,
    waiting_bytes: u64,
    next_due: Option<Time>,
    record: Option<String>,
}

/// An object that will be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoomedObject {
    /// Its name.
    pub object: String,
    /// Its length in bytes.
    pub len: u64,
    /// Why it may go.
    pub reason: DeleteReason,
}

/// An object that was dropped long enough ago, and that the store will not delete before its lock ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockedObject {
    /// Its name.
    pub object: String,
    /// Its length in bytes.
    pub len: u64,
    /// When its lock ends, in seconds since 1970, as far as the journal says.
    pub until: i64,
}

/// Whether the credentials of a handle may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MayDelete {
    /// The store was asked to delete an object that is not there, and did not refuse. Some look whether it is there before they look who asks, and say no only
    /// when something is deleted.
    Yes,
    /// It refused, or says that nothing can be deleted.
    No,
    /// It could not be asked.
    Unknown,
}

impl MayDelete {
    /// Asks the store to delete an object that is never there.
    pub(crate) fn ask(remote: &Remote, context: &Context) -> Result<Self> {
        if !context.store.capabilities().delete {
            return Ok(Self::No);
        }
        match remote.delete(&object_key(NEVER_THERE)?) {
            Ok(()) => Ok(Self::Yes),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(Self::No),
            Err(_) => Ok(Self::Unknown),
        }
    }

    /// Says what is lacking, to people.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        match self {
            Self::No => Some(LACKS),
            _ => None,
        }
    }
}

const LACKS: &str =
    "these credentials may not delete: what is dropped stays until somebody deletes it who may";

/// An object that the store is asked to delete to see whether it would: where packs are, if not everything is in one place. Whoever lists packs ignores
/// such names.
const NEVER_THERE: &str = "pack/never-there";

/// Why an object may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeleteReason {
    /// This journal entry dropped it, or the pack that it protects.
    Dropped(u64),
    /// There are newer checkpoints or, where a lock outlived a revocation, keyrings.
    Superseded,
    /// It is a slot that the keyring does not name any more, and its lock outlived the revocation.
    Revoked,
    /// The session has ended.
    Ended,
}

/// What was deleted.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct DeleteReport {
    /// Objects deleted.
    pub deleted: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that the store refused to delete because they are locked. They are left for later, when their locks have ended.
    pub locked: Vec<String>,
    /// Their bytes.
    pub locked_bytes: u64,
    /// What could not be deleted; the next time it is tried again. Where the credentials may not delete, the first refusal ends it. And why the deletion could
    /// not be recorded.
    pub problems: Vec<Error>,
    /// What to record of it; `None` if nothing was deleted that an entry had dropped.
    pub fact: Option<Deleted>,
    /// The journal entry that records it, if [`DeleteOptions::record`] asked for one.
    pub recorded: Option<u64>,
}

impl DeletePlan {
    /// Returns what will be deleted, by name.
    #[must_use]
    pub fn objects(&self) -> &[DoomedObject] {
        &self.objects
    }

    /// Returns the bytes that this frees.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.len).sum()
    }

    /// Returns what was dropped long enough ago and is locked, as far as the journal says, the first to be free first. It is left for a later plan.
    #[must_use]
    pub fn locked(&self) -> &[LockedObject] {
        &self.locked
    }

    /// Returns the bytes of what is locked.
    #[must_use]
    pub fn locked_bytes(&self) -> u64 {
        self.locked.iter().map(|object| object.len).sum()
    }

    /// Returns whether the credentials of this handle may delete.
    #[must_use]
    pub fn may_delete(&self) -> MayDelete {
        self.may_delete
    }

    /// Returns how many objects were dropped too recently.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Returns their bytes.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// Returns when the first of them may be deleted.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.next_due
    }

    /// Returns what it costs.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let recorded = u64::from(!self.is_empty() && self.record.is_some());
        Requests {
            gets: u64::from(!self.is_empty()),
            heads: recorded,
            puts: recorded,
            deletes: self.objects.len() as u64,
            ..Requests::default()
        }
    }

    /// Says whether there is nothing to delete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Counts something that was dropped too recently.
    fn wait(&mut self, when: &When, len: u64, options: &DeleteOptions) {
        let age = i64::try_from(options.min_age.as_secs()).unwrap_or(i64::MAX);
        let due = Time::new(when.time.seconds.saturating_add(age), when.time.nanos);
        self.waiting += 1;
        self.waiting_bytes += len;
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }
}

impl fmt::Display for DeletePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, bytes) = (self.objects.len(), self.bytes());
        writeln!(
            f,
            "delete {count} objects, {bytes} bytes; {} were dropped too recently",
            self.waiting
        )?;
        if let (Some(first), Some(last)) = (self.locked.first(), self.locked.last()) {
            writeln!(
                f,
                "{} objects, {} bytes, are locked: the first until {}, the last until {}",
                self.locked.len(),
                self.locked_bytes(),
                utc(first.until),
                utc(last.until)
            )?;
        }
        if let Some(lacks) = self.may_delete.lacks() {
            writeln!(f, "{lacks}")?;
        }
        write!(f, "costs {}", self.requests())
    }
}

impl Repository {
    /// Finds what was dropped at least [`DeleteOptions::min_age`] ago and is still there, and checkpoints and beacons that are of no use any
    /// more.
    ///
    /// Reads every journal entry itself: only what one of them dropped is ever deleted. Lists the repository. To see whether it may
    /// delete, it asks the store to delete an object that is never there.
    ///
    /// # Errors
    ///
    /// `Damaged` names a journal entry that cannot be read; `Incompatible` when a later version forbids this one to maintain; otherwise what
    /// the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_delete(&self, options: DeleteOptions) -> Result<DeletePlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-delete", move |remote| {
            make_plan(&this, remote, &options)
        })
        .await
    }

    /// Deletes, after making sure that this store has the journal that the plan was made from. What is gone already is no error, so that it can be done again after an interruption, or by two at once.
    ///
    /// # Errors
    ///
    /// `Invalid` when the plan is of another repository, `Incompatible` as for [`plan_delete`](Self::plan_delete), by what this
    /// handle has read. `Rollback` or `Fork` when the journal here is older than the one that the plan was made from, as in a replica
    /// that lags behind, or another: nothing is deleted then ([`Error::heads`] has both). `Stale` when something of the plan is in force again, since the journal
    /// was repaired: plan again. What the store refuses to delete is in the
    /// report; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two requests; the rest is found by the next plan.
    pub async fn delete_dropped(
        &self,
        plan: DeletePlan,
        observer: Arc<dyn Observer>,
    ) -> Result<DeleteReport> {
        may_maintain(self.context(), &self.journal().state())?;
        if plan.repository != self.id() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the plan is of another repository",
            ));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-delete", move |remote| {
            if !plan.is_empty() {
                Replay::new(remote, this.context()).check_head(plan.head)?;
                let state = this.journal().refresh(remote, this.context())?;
                refuse_what_is_in_force(&plan, &state, this.context())?;
            }
            let mut report = delete(remote, &plan, observer.as_ref())?;
            record(&this, remote, &plan, &mut report)?;
            Ok(report)
        })
        .await
    }
}

fn make_plan(
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

/// Makes sure that nothing counts again which had been dropped when the plan was made: a repair of the journal may have replaced the entry that dropped it.
fn refuse_what_is_in_force(plan: &DeletePlan, state: &State, context: &Context) -> Result<()> {
    let keys = context.keys();
    for object in &plan.objects {
        let is_in_force = match object_name::parse(&object.object) {
            Some(ObjectName::Pack(name)) => state.packs.contains(&name)?,
            Some(ObjectName::Index(name)) => state.segments.contains_key(&name),
            Some(ObjectName::Slot(id)) => keys.slots.iter().any(|slot| slot.id == id),
            _ => false,
        };
        if is_in_force {
            let what = "what the plan deletes is in force again";
            return Err(Error::new(ErrorKind::Stale, what).object_named(&*object.object));
        }
    }
    Ok(())
}

/// Records what was deleted, if the plan says so. That it could not is a problem, and what was deleted stays so.
fn record(
    repository: &Repository,
    remote: &Remote,
    plan: &DeletePlan,
    report: &mut DeleteReport,
) -> Result<()> {
    let (Some(name), Some(fact)) = (&plan.record, &mut report.fact) else {
        return Ok(());
    };
    fact.repository.clone_from(name);
    match deleted::record(repository, remote, fact) {
        Ok(n) => report.recorded = Some(n),
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        Err(error) => report.problems.push(error),
    }
    repository.journal().keep(repository.context());
    Ok(())
}

fn delete(remote: &Remote, plan: &DeletePlan, observer: &dyn Observer) -> Result<DeleteReport> {
    observer.on_event(&Event::Phase(Phase::Store));
    let mut report = DeleteReport::default();
    let mut tally = Tally::default();
    let mut waiting: VecDeque<(&DoomedObject, Ticket<()>)> = VecDeque::new();
    let mut coming = plan.objects.iter();
    let bytes_total = Some(plan.bytes());
    let refuses = plan.may_delete == MayDelete::No;
    loop {
        while waiting.len() < AT_ONCE {
            let Some(object) = coming.next() else { break };
            waiting.push_back((object, remote.delete_later(&object_key(&object.object)?)));
        }
        let Some((object, ticket)) = waiting.pop_front() else {
            report.fact = tally.fact(plan, &report);
            return Ok(report);
        };
        match ticket.wait() {
            Ok(()) => {
                tally.deleted(object);
                report.deleted += 1;
                report.bytes += object.len;
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(cancelled()),
            Err(error) if error.cause() == Some(Cause::Retained) => {
                report.locked.push(object.object.clone());
                report.locked_bytes += object.len;
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied && refuses => {
                // Who was told that he may delete nothing is refused once, and not for every object.
                coming = [].iter();
                if report.problems.is_empty() {
                    report.problems.push(error.object_named(&*object.object));
                }
            }
            Err(error) => report.problems.push(error.object_named(&*object.object)),
        }
        let progress = Progress {
            entries: report.deleted,
            entries_total: Some(plan.objects.len() as u64),
            bytes: report.bytes,
            bytes_total,
            ..Progress::default()
        };
        observer.on_event(&Event::Progress(&progress));
    }
}

/// Deletes on their way at once.
const AT_ONCE: usize = 16;
/// Checkpoints that stay: the newest may be on its way to somebody, or damaged.
const CHECKPOINTS: usize = 2;

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use strongroom_store::StoreExt as _;

    use super::*;
    use crate::testing::{Shape, Tree, Writer, repository};

    #[test]
    fn what_is_in_force_again_is_not_deleted() {
        let (store, repository) = repository();
        let tree = Tree::dir([("a", Tree::file(b"content"))]);
        Writer::new(&repository, Shape::default()).snapshot(&tree, "series");
        let mut plan = block_on(repository.plan_delete(DeleteOptions::default())).unwrap();
        let state = repository.journal().state();
        let name = object_name::pack(state.packs.all().keys().next().unwrap());
        plan.objects.push(DoomedObject {
            object: name.clone(),
            len: 1,
            reason: DeleteReason::Dropped(0),
        });
        let error = block_on(repository.delete_dropped(plan, Arc::new(()))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stale);
        assert!(block_on(store.exists(&object_key(&name).unwrap())).unwrap());
    }
}
