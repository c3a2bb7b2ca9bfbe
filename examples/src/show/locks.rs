//! How locks, and the plan to extend them, are shown.

use serde_json::json;
use strongroom::{HiddenObject, LockAudit, LockPlan, LockReport, UncoverReport};

use super::prune::requests;
use crate::exit::Status;
use crate::output::Output;

/// Shows which locks will be extended.
pub fn plan(output: &Output, plan: &LockPlan) {
    let _ = output.json(|| {
        json!({
            "type": "plan",
            "until": plan.to().until,
            "objects": plan.objects().len(),
            "enough": plan.enough(),
            "short": plan.short(),
            "promised_until": plan.promise().until,
            "requests": requests(&plan.requests()),
        })
    });
    for line in plan.to_string().lines() {
        let _ = output.line(line);
    }
}

/// Shows what was extended.
#[must_use]
pub fn result(output: &Output, done: Option<&LockReport>) -> Status {
    let problems = done.into_iter().flat_map(|done| &done.problems);
    let problems: Vec<String> = problems.map(ToString::to_string).collect();
    let _ = output.json(|| {
        json!({
            "type": "result",
            "complete": problems.is_empty(),
            "extended": done.map(|done| done.extended),
            "gone": done.map(|done| done.gone),
            "entry": done.and_then(|done| done.entry),
            "problems": problems,
        })
    });
    if let Some(done) = done {
        let _ = output.line(&format!("extended the locks of {} objects", done.extended));
    }
    for problem in &problems {
        output.complain(problem);
    }
    Status::complete(problems.is_empty())
}

/// Shows how objects are locked; `kind` is what machines call it.
#[must_use]
pub fn audit(output: &Output, kind: &str, audit: &LockAudit) -> Status {
    for one in &audit.short {
        let _ = output.json(|| {
            json!({
                "type": "short",
                "object": one.object,
                "until": one.found.map(|found| found.until),
            })
        });
    }
    show_hidden(output, &audit.hidden);
    let unknown: Vec<String> = audit.unknown.iter().map(ToString::to_string).collect();
    let _ = output.json(|| {
        json!({
            "type": kind,
            "complete": audit.is_kept(),
            "unlocked_entries": audit.unlocked,
            "objects": audit.objects,
            "asked": audit.asked,
            "kept": audit.kept,
            "short": audit.short.len(),
            "hidden": audit.hidden.len(),
            "promised_until": audit.promise.until,
            "first_end": audit.first_end,
            "unknown": unknown,
        })
    });
    let _ = output.line(&audit.to_string());
    for one in audit.short.iter().take(MOST) {
        output.complain(&format!("{} is locked for less than promised", one.object));
    }
    for problem in &unknown {
        output.complain(problem);
    }
    Status::complete(audit.is_kept())
}

/// Shows what was hidden, and what came back.
#[must_use]
pub fn uncovered(output: &Output, report: &UncoverReport, dry_run: bool) -> Status {
    show_hidden(output, &report.hidden);
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let complete = problems.is_empty() && (report.hidden.is_empty() || !dry_run);
    let _ = output.json(|| {
        json!({
            "type": "result",
            "complete": complete,
            "hidden": report.hidden.len(),
            "uncovered": report.uncovered,
            "unlocked": report.unlocked,
            "problems": problems,
        })
    });
    let _ = output.line(&report.to_string());
    for problem in &problems {
        output.complain(problem);
    }
    Status::complete(complete)
}

fn show_hidden(output: &Output, hidden: &[HiddenObject]) {
    for one in hidden {
        let _ =
            output.json(|| json!({"type": "hidden", "object": one.object, "deleted": one.deleted}));
    }
    for one in hidden.iter().take(MOST) {
        let how = match one.deleted {
            true => "a mark of deletion",
            false => "other bytes",
        };
        output.complain(&format!("{} is hidden under {how}", one.object));
    }
}

/// Objects that people are told of by name.
const MOST: usize = 20;
