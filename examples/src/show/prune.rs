//! How the plan of a prune and what came of it are shown.

use serde_json::{Value, json};
use strongroom::{DeletePlan, PrunePlan, Requests};

use crate::output::Output;

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
        "freed_bytes": plan.freed_bytes(),
        "sessions_given_up": plan.sessions_given_up().len(),
        "requests": requests(&figures.requests),
    })
}

fn requests(requests: &Requests) -> Value {
    json!({
        "gets": requests.gets,
        "heads": requests.heads,
        "puts": requests.puts,
        "deletes": requests.deletes,
        "lists": requests.lists,
    })
}
