//! How the plan of a repair and what came of it are shown.

use serde_json::{Value, json};
use strongroom::{Losses, RepairPlan, RepairReport, RewritePlan, RewriteReport, SnapshotLosses};

use crate::exit::Status;
use crate::output::Output;

/// Shows what is wrong, what will be done about it, and what is lost.
pub fn plan(output: &Output, plan: &RepairPlan) {
    for item in plan.items() {
        let _ = output.json(|| {
            json!({
                "type": "item",
                "object": item.object.to_string(),
                "wrong": item.wrong.to_string(),
                "remedy": item.remedy.to_string(),
                "action": item.is_action(),
                "read_bytes": item.read_bytes,
                "written_bytes": item.written_bytes,
            })
        });
    }
    for snapshot in &plan.lost().snapshots {
        let _ = output.json(|| losses(snapshot));
    }
    let _ = output.json(|| {
        json!({
            "type": "plan",
            "head": plan.head().0,
            "items": plan.items().len(),
            "has_work": plan.has_work(),
            "read_bytes": plan.read_bytes(),
            "written_bytes": plan.written_bytes(),
            "lost": lost(plan.lost()),
        })
    });
    for line in plan.to_string().lines() {
        let _ = output.line(line);
    }
}

/// Shows what snapshots would be without what they have lost.
pub fn rewrite_plan(output: &Output, plan: &RewritePlan) {
    for rewrite in plan.rewrites() {
        let _ = output.json(|| {
            json!({
                "type": "rewrite",
                "snapshot": rewrite.losses.id.to_string(),
                "made": rewrite.made.map(|id| id.to_string()),
                "files": rewrite.losses.files,
                "entries": rewrite.losses.entries,
                "pages": rewrite.losses.pages,
            })
        });
    }
    for line in plan.to_string().lines() {
        let _ = output.line(line);
    }
}

/// Shows what was done, and what is still lost by the last plan.
pub fn result(
    output: &Output,
    last: &RepairPlan,
    reports: &[RepairReport],
    rewritten: Option<&RewriteReport>,
) -> Status {
    let sum = |of: fn(&RepairReport) -> u64| reports.iter().map(of).sum::<u64>();
    let is_complete = reports.iter().all(RepairReport::is_complete);
    let _ = output.json(|| {
        json!({
            "type": "result",
            "complete": is_complete,
            "put_back": sum(|one| one.put_back),
            "rebuilt": sum(|one| one.rebuilt),
            "deleted": sum(|one| one.deleted),
            "moved": sum(|one| one.moved),
            "quarantined": sum(|one| one.quarantined),
            "entries": sum(|one| one.entries),
            "written_bytes": sum(|one| one.written_bytes),
            "left": last.items().len(),
            "lost": lost(last.lost()),
            "rewritten": rewritten.map(|done| {
                let one = |one: &strongroom::Rewritten| json!([one.from.to_string(), one.to.to_string()]);
                done.rewritten.iter().map(one).collect::<Vec<_>>()
            }),
        })
    });
    for report in reports {
        for line in report.to_string().lines() {
            let _ = output.line(line);
        }
    }
    for one in rewritten.iter().flat_map(|done| &done.rewritten) {
        let _ = output.line(&format!("{} was made of {}", one.to, one.from));
    }
    let problems = rewritten.into_iter().flat_map(|done| &done.problems);
    for problem in problems.chain(reports.iter().flat_map(|one| &one.problems)) {
        output.complain(&problem.to_string());
    }
    match (last.lost().is_empty(), is_complete) {
        (false, _) => Status::Damaged,
        (true, is_complete) => Status::complete(is_complete),
    }
}

fn lost(lost: &Losses) -> Value {
    json!({
        "objects": lost.objects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "blobs": lost.blobs,
        "pages": lost.pages,
        "snapshots": lost.snapshots.len(),
    })
}

fn losses(snapshot: &SnapshotLosses) -> Value {
    let path = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    json!({
        "type": "lost",
        "snapshot": snapshot.id.to_string(),
        "series": snapshot.series,
        "newest": snapshot.is_newest,
        "files": snapshot.files,
        "entries": snapshot.entries,
        "pages": snapshot.pages,
        "paths": snapshot.paths.iter().map(|one| path(&one.path)).collect::<Vec<_>>(),
    })
}
