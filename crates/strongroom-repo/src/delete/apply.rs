//! Deletes what a plan says.

use std::collections::VecDeque;

use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::Cause;

use super::{DeletePlan, DeleteReport, DoomedObject, MayDelete};
use crate::context::{Context, object_key};
use crate::edge::{Remote, Ticket, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::deleted::{self, Tally};
use crate::journal::Replay;
use crate::observer::{Event, Observer, Phase, Progress};
use crate::repository::Repository;
use crate::state::State;

/// Carries a plan out, of this repository.
///
/// # Errors
///
/// Those of [`Repository::delete_dropped`].
pub(super) fn apply(
    repository: &Repository,
    remote: &Remote,
    plan: &DeletePlan,
    observer: &dyn Observer,
) -> Result<DeleteReport> {
    let context = repository.context();
    if !plan.is_empty() {
        Replay::new(remote, context).check_head(plan.head)?;
        let state = repository.journal().refresh(remote, context)?;
        refuse_what_is_in_force(plan, &state, context)?;
    }
    let mut report = delete(remote, plan, observer)?;
    record(repository, remote, plan, &mut report)?;
    Ok(report)
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

/// Deletes on their way at once.
const AT_ONCE: usize = 16;
