//! How the plan of a prune and what came of it are shown.

use serde_json::{Value, json};
use strongroom::{
    DeletePlan, DeleteReport, MayDelete, PackAction, PrunePlan, PruneReport, Requests, Time,
};

use crate::exit::Status;
use crate::output::Output;
use crate::size::size;
use crate::when::utc;

/// Shows what a prune will do: decision by decision to machines, in sums to people.
pub fn plan(output: &Output, plan: &PrunePlan) {
    for one in plan.decisions() {
        let _ = output.json(|| {
            json!({
                "type": "pack",
                "name": one.name.to_string(),
                "class": format!("{:?}", one.class),
                "bytes": one.len,
                "action": one.action.to_string(),
                "reason": one.reason.to_string(),
                "live_bytes": one.live_bytes,
                "unused_bytes": one.unused_bytes,
                "locked_until": one.locked_until,
            })
        });
    }
    for orphan in plan.orphans() {
        let _ = output.json(|| {
            json!({
                "type": "orphan",
                "object": orphan.object,
                "bytes": orphan.len,
                "first_seen": orphan.first_seen.seconds,
                "given_up": orphan.given_up,
            })
        });
    }
    let _ = output.json(|| prune_plan(plan));
    for line in plan.to_string().lines() {
        let _ = output.line(line);
    }
}

fn prune_plan(plan: &PrunePlan) -> Value {
    let figures = plan.figures();
    json!({
        "type": "plan",
        "head": plan.head().0,
        "snapshots": figures.snapshots,
        "packs": figures.packs,
        "stored_bytes": figures.stored_bytes,
        "index_rows": figures.index_rows,
        "needed_blobs": figures.needed_blobs,
        "unused_bytes_before": figures.unused_bytes_before,
        "unused_bytes_after": figures.unused_bytes_after,
        "trapped_bytes_before": figures.trapped_bytes_before,
        "trapped_bytes_after": figures.trapped_bytes_after,
        "dropped_packs": figures.dropped_packs,
        "dropped_bytes": figures.dropped_bytes,
        "repacked_packs": figures.repacked_packs,
        "condemned_packs": figures.condemned_packs,
        "read_bytes": figures.read_bytes,
        "written_bytes": figures.written_bytes,
        "orphaned_bytes": figures.orphaned_bytes,
        "segments": figures.segments,
        "replaced_segments": figures.replaced_segments,
        "locked_packs": figures.locked_packs,
        "locked_bytes": figures.locked_bytes,
        "locked_until": figures.locked_until,
        "may_delete": may_delete(plan.may_delete()),
        "freed_bytes": plan.freed_bytes(),
        "sessions_given_up": plan.sessions_given_up().len(),
        "requests": requests(&figures.requests),
    })
}

fn may_delete(answer: MayDelete) -> Option<bool> {
    match answer {
        MayDelete::Yes => Some(true),
        MayDelete::No => Some(false),
        _ => None,
    }
}

pub(super) fn requests(requests: &Requests) -> Value {
    json!({
        "gets": requests.gets,
        "heads": requests.heads,
        "puts": requests.puts,
        "deletes": requests.deletes,
        "lists": requests.lists,
        "extensions": requests.extensions,
    })
}

/// What a run that deletes at once drops, and so deletes, in addition to what was dropped before.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AtOnce {
    /// How many packs.
    pub packs: u64,
    /// How many segments of the index.
    pub segments: u64,
    /// How many left-over objects.
    pub orphans: u64,
    /// How many bytes packs and left-over objects have.
    pub bytes: u64,
}

impl AtOnce {
    /// Reads it from the plan.
    #[must_use]
    pub fn of(plan: &PrunePlan) -> Self {
        let figures = plan.figures();
        let repacked = plan
            .decisions()
            .iter()
            .filter(|one| one.action == PackAction::Repack);
        Self {
            packs: figures.dropped_packs + figures.repacked_packs,
            segments: figures.replaced_segments,
            orphans: plan.orphans().len() as u64,
            bytes: figures.dropped_bytes
                + figures.orphaned_bytes
                + repacked.map(|one| u64::from(one.len)).sum::<u64>(),
        }
    }

    fn is_nothing(&self) -> bool {
        self.packs + self.segments + self.orphans == 0
    }
}

/// Shows what will be deleted, and what waits. `at_once` is what a dry run would drop and delete as well.
pub fn delete_plan(output: &Output, plan: &DeletePlan, at_once: Option<AtOnce>) {
    objects(output, plan);
    let due = plan.next_due();
    let _ = output.json(|| {
        json!({
            "type": "delete_plan",
            "objects": plan.objects().len(),
            "bytes": plan.bytes(),
            "locked": plan.locked().len(),
            "locked_bytes": plan.locked_bytes(),
            "may_delete": may_delete(plan.may_delete()),
            "waiting": plan.waiting(),
            "waiting_bytes": plan.waiting_bytes(),
            "next_due": due.map(|time| time.seconds),
            "next_due_utc": due.map(utc),
            "requests": requests(&plan.requests()),
            "at_once": at_once.map(|more| json!({
                "packs": more.packs,
                "segments": more.segments,
                "orphans": more.orphans,
                "bytes": more.bytes,
            })),
        })
    });
    let _ = output.line(&format!(
        "to delete: {} objects, {}",
        plan.objects().len(),
        size(plan.bytes())
    ));
    if let Some(more) = at_once.filter(|more| !more.is_nothing()) {
        let _ = output.line(&format!(
            "and then what this run drops: {} packs, {} segments and {} left-over objects, about {}, but for what is locked",
            more.packs,
            more.segments,
            more.orphans,
            size(more.bytes)
        ));
    }
    if let (Some(first), Some(last)) = (plan.locked().first(), plan.locked().last()) {
        let _ = output.line(&format!(
            "{} objects, {}, are locked: the first until {} UTC, the last until {} UTC",
            plan.locked().len(),
            size(plan.locked_bytes()),
            utc(Time::new(first.until, 0)),
            utc(Time::new(last.until, 0))
        ));
    }
    if plan.may_delete() == MayDelete::No {
        output.complain("these credentials may not delete: what was dropped stays until somebody deletes it who may");
    }
    if let Some(due) = due {
        let _ = output.line(&format!(
            "{} objects, {}, were dropped too recently; the first is due at {} UTC",
            plan.waiting(),
            size(plan.waiting_bytes()),
            utc(due)
        ));
    }
}

/// Names what will be deleted, and what is locked, for programs.
fn objects(output: &Output, plan: &DeletePlan) {
    for one in plan.objects() {
        let _ = output.json(|| {
            json!({
                "type": "object",
                "object": one.object,
                "bytes": one.len,
                "reason": format!("{:?}", one.reason),
            })
        });
    }
    for one in plan.locked() {
        let _ = output.json(|| {
            json!({
                "type": "locked",
                "object": one.object,
                "bytes": one.len,
                "until": one.until,
            })
        });
    }
}

/// Shows what was done.
pub fn result(
    output: &Output,
    is_dry: bool,
    pruned: Option<&PruneReport>,
    deleted: Option<&DeleteReport>,
) -> Status {
    let problems = pruned.into_iter().flat_map(|done| &done.problems);
    let problems = problems.chain(deleted.into_iter().flat_map(|done| &done.problems));
    let problems: Vec<String> = problems.map(ToString::to_string).collect();
    let stopped = pruned.and_then(|done| done.stopped.as_ref());
    let is_complete = problems.is_empty() && stopped.is_none();
    let _ = output.json(|| {
        json!({
            "type": "result",
            "dry_run": is_dry,
            "complete": is_complete,
            "pruned": pruned.map(pruned_object),
            "parity": pruned.map(|done| super::parity::object(&done.parity)),
            "stopped": stopped.map(|why| format!("{why:?}")),
            "deleted_objects": deleted.map(|done| done.deleted),
            "deleted_bytes": deleted.map(|done| done.bytes),
            "locked_objects": deleted.map(|done| done.locked.len()),
            "locked_bytes": deleted.map(|done| done.locked_bytes),
            "problems": problems,
        })
    });
    if let Some(done) = pruned {
        let _ = output.line(&format!(
            "dropped {} packs ({}) and {} left-over objects, wrote {} packs ({})",
            done.dropped_packs,
            size(done.dropped_bytes),
            done.dropped_orphans,
            done.added_packs,
            size(done.added_bytes)
        ));
    }
    if let Some(done) = pruned {
        super::parity::complain(output, &done.parity);
    }
    if let Some(done) = deleted {
        let _ = output.line(&format!(
            "deleted {} objects, {}",
            done.deleted,
            size(done.bytes)
        ));
        if !done.locked.is_empty() {
            let _ = output.line(&format!(
                "{} objects, {}, are locked by the store and left for later",
                done.locked.len(),
                size(done.locked_bytes)
            ));
        }
    }
    if let Some(why) = stopped {
        output.complain(&format!("stopped early: {why:?}"));
    }
    for problem in &problems {
        output.complain(problem);
    }
    Status::complete(is_complete)
}

fn pruned_object(done: &PruneReport) -> Value {
    json!({
        "entries": done.entries,
        "dropped_packs": done.dropped_packs,
        "dropped_bytes": done.dropped_bytes,
        "dropped_orphans": done.dropped_orphans,
        "added_packs": done.added_packs,
        "added_bytes": done.added_bytes,
        "read_bytes": done.read_bytes,
        "condemned_packs": done.condemned_packs,
        "sessions_given_up": done.sessions,
        "kept_after_all": done.kept_after_all.len(),
        "merged_segments": done.merged_segments,
        "moved_trapped_bytes": done.moved_trapped_bytes,
    })
}
