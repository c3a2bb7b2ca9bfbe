//! Bringing back what was forgotten, for as long as its data is not deleted.
//!
//! What was dropped never comes back. So of what a snapshot needs, that which is not in force any more is copied out of the packs
//! that were dropped and still exist: whole frames, sealed as they are, in new packs. Then the snapshot is committed anew, with the
//! same record and so the same id, as any other is: everything it needs must be in force, or added, just before the entry.

mod paths;
mod plan;
mod rescue;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Details, ObjectHash, Snapshot, Time};
use strongroom_store::Prefix;

pub use self::plan::UndeletePlan;
use self::rescue::Rescue;
use self::survey::Survey;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::ForgottenRecord;
use crate::observer::Observer;
use crate::parity::ParityCount;
use crate::repository::{Repository, details};
use crate::state::State;

/// A snapshot that was forgotten.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Forgotten {
    /// Its id.
    pub id: Id,
    /// What everybody who can list saw.
    pub snapshot: Snapshot,
    /// Paths, excludes and what was skipped, if the key is among ours.
    pub details: Option<Details>,
    /// The journal entry that committed it last.
    pub committed: u64,
    /// The journal entry that forgot it.
    pub entry: u64,
    /// When it was forgotten, by the clock of who did.
    pub time: Time,
    /// Whether everything that it needs is still there.
    pub still_there: StillThere,
}

/// Whether everything that a forgotten snapshot needs is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StillThere {
    /// It is: nothing that was dropped since it was forgotten is deleted.
    Yes,
    /// Something is deleted that it may have needed; [`Repository::plan_undelete`] finds out.
    Perhaps,
}

/// What bringing a snapshot back took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UndeleteReport {
    /// The snapshot.
    pub snapshot: Id,
    /// The entry that committed it, and its hash; `None` if somebody else was faster.
    pub entry: Option<(u64, ObjectHash)>,
    /// Packs written.
    pub packs: u64,
    /// Bytes of packs and index segments written.
    pub bytes: u64,
    /// Parity that packs got, if [`Settings::parity`](crate::Settings::parity) asked for any.
    pub parity: ParityCount,
}

impl Repository {
    /// Lists the snapshots that were forgotten and are not in force again, in the order of their forgetting.
    ///
    /// Reads the whole journal and, if anything was dropped since, lists the packs.
    ///
    /// # Errors
    ///
    /// `Damaged` names a journal entry that cannot be read; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn forgotten(&self) -> Result<Vec<Forgotten>> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-forgotten", move |remote| {
            forgotten(&this, remote)
        })
        .await
    }

    /// Plans to bring a forgotten snapshot back: walks its tree and says what of it is in force, what has to be copied out of dropped
    /// packs, and what is lost.
    ///
    /// # Errors
    ///
    /// `NotFound` when no such snapshot was ever forgotten; `Invalid` when it is in force; otherwise as [`forgotten`](Self::forgotten).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn plan_undelete(&self, id: Id) -> Result<UndeletePlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-undelete", move |remote| {
            plan_undelete(&this, remote, id)
        })
        .await
    }

    /// Brings a forgotten snapshot back. It has the same id as before, and is the last one in the journal.
    ///
    /// It may go on while others delete and prune: what they take away is looked for anew.
    ///
    /// # Errors
    ///
    /// `Invalid` when something is lost by the plan, or it is of another repository; `Stale` when something was deleted since that is needed; `Conflict` when others
    /// took something away, time after time; `WrongKey` when this handle's keys are not a writer's; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves unreferenced packs at worst, or the snapshot in force.
    pub async fn undelete(
        &self,
        plan: UndeletePlan,
        observer: Arc<dyn Observer>,
    ) -> Result<UndeleteReport> {
        if plan.repository != self.id() {
            let what = "the plan is of another repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-undelete", move |remote| {
            let report = Rescue::new(&this, remote, &plan, observer.as_ref())?.run();
            this.journal().keep(this.context());
            report
        })
        .await
    }
}

fn forgotten(repository: &Repository, remote: &Remote) -> Result<Vec<Forgotten>> {
    let context = repository.context();
    let history = repository
        .journal()
        .history_with_forgotten(remote, context)?;
    let records = history.forgotten();
    let Some(oldest) = records.first().map(|one| one.forgotten.n) else {
        return Ok(Vec::new());
    };
    let is_there = existing(remote, |name| {
        history
            .dropped
            .get(name)
            .is_some_and(|when| when.n > oldest)
    })?;
    // The last entry that dropped something which is deleted by now. Segments may go: packs say themselves what is in them.
    let gone = history
        .dropped
        .iter()
        .filter(|(name, _)| !is_there.contains_key(*name))
        .filter(|(name, _)| !history.dropped_segments.contains(*name));
    let gone = gone.map(|(_, when)| when.n).max();
    let describe = |record: &ForgottenRecord| Forgotten {
        id: record.id,
        snapshot: record.snapshot.clone(),
        details: details(context, &record.snapshot),
        committed: record.committed.n,
        entry: record.forgotten.n,
        time: record.forgotten.time,
        still_there: match gone {
            Some(n) if n > record.forgotten.n => StillThere::Perhaps,
            _ => StillThere::Yes,
        },
    };
    Ok(records.into_iter().map(describe).collect())
}

fn plan_undelete(repository: &Repository, remote: &Remote, id: Id) -> Result<UndeletePlan> {
    let context = repository.context();
    loop {
        let history = repository
            .journal()
            .history_with_forgotten(remote, context)?;
        let state = &history.state;
        if state.snapshot(&id).is_some() {
            let what = format!("the snapshot {id} is in force");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let record = history.forgotten_one(&id).ok_or_else(|| {
            let what = format!("there is no forgotten snapshot {id}");
            Error::new(ErrorKind::NotFound, what)
        })?;
        let since = record.committed.n;
        let mut survey = Survey::begin(repository, remote, state, since, &[], &HashSet::new())?;
        survey.walk(&record.snapshot.root)?;
        if survey.found.lost.is_empty() || !has_moved(repository, remote, state)? {
            return UndeletePlan::of(context, record, survey);
        }
    }
}

/// Says whether others have written since, so that what seems to be lost may have moved.
fn has_moved(repository: &Repository, remote: &Remote, state: &State) -> Result<bool> {
    let now = repository.journal().refresh(remote, repository.context())?;
    Ok(now.head_hash != state.head_hash)
}

/// Lists the packs that exist, of those that are wanted, with their lengths.
fn existing(
    remote: &Remote,
    is_wanted: impl Fn(&ObjectHash) -> bool,
) -> Result<BTreeMap<ObjectHash, u64>> {
    let listed = remote.list(&Prefix::parse("pack/")?)?;
    let named = listed
        .iter()
        .filter_map(|meta| match object_name::parse(meta.key.as_str()) {
            Some(ObjectName::Pack(name)) if is_wanted(&name) => Some((name, meta.len)),
            _ => None,
        });
    Ok(named.collect())
}
