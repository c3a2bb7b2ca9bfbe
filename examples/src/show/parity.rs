//! How parity, and the plan to add it, are shown.

use serde_json::{Value, json};
use strongroom::{ParityCount, ParityPlan, ParityReport};

use super::prune::requests;
use crate::exit::Status;
use crate::output::Output;
use crate::size::size;

/// Shows to machines what packs got beside their own bytes.
#[must_use]
pub fn object(count: &ParityCount) -> Value {
    json!({ "packs": count.packs, "bytes": count.bytes, "failed": count.failed })
}

/// Complains of packs that were to get parity and did not.
pub fn complain(output: &Output, count: &ParityCount) {
    if let Some(why) = &count.first_failure {
        output.complain(&format!("{} packs have no parity: {why}", count.failed));
    }
}

/// Shows what will be done about parity.
pub fn plan(output: &Output, plan: &ParityPlan) {
    let _ = output.json(|| {
        json!({
            "type": "plan",
            "protected": plan.protected(),
            "packs": plan.packs().len(),
            "read_bytes": plan.read_bytes(),
            "written_bytes": plan.written_bytes(),
            "removed": plan.removed().len(),
            "removed_bytes": plan.removed_bytes(),
            "absent": plan.absent().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "requests": requests(&plan.requests()),
        })
    });
    for line in plan.to_string().lines() {
        let _ = output.line(line);
    }
}

/// Shows what was done; nothing, if it was only planned.
pub fn result(output: &Output, plan: &ParityPlan, done: Option<&ParityReport>) -> Status {
    let is_complete = plan.absent().is_empty() && done.is_none_or(ParityReport::is_complete);
    let names = |done: &ParityReport| -> Vec<String> {
        done.damaged.iter().map(ToString::to_string).collect()
    };
    let problems = done.into_iter().flat_map(|done| &done.problems);
    let problems: Vec<String> = problems.map(ToString::to_string).collect();
    let _ = output.json(|| {
        json!({
            "type": "result",
            "dry_run": done.is_none(),
            "complete": is_complete,
            "added": done.map(|done| done.added),
            "bytes": done.map(|done| done.bytes),
            "removed": done.map(|done| done.removed),
            "damaged": done.map(names),
            "problems": problems,
        })
    });
    let Some(done) = done else {
        return Status::complete(is_complete);
    };
    let _ = output.line(&format!(
        "{} packs got parity, {}; removed that of {}",
        done.added,
        size(done.bytes),
        done.removed
    ));
    for pack in &done.damaged {
        output.complain(&format!("pack {pack} is damaged and got no parity"));
    }
    for problem in &problems {
        output.complain(problem);
    }
    Status::complete(is_complete)
}
