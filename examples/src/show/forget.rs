//! How the plan to forget and what came of it are shown.

use serde_json::{Value, json};
use strongroom::retain::{Decision, GroupKey};
use strongroom::{ForgetPlan, ForgetReport, Id};

use crate::output::Output;

/// Shows every snapshot with its verdict and the reasons.
pub fn plan(output: &Output, plan: &ForgetPlan) {
    for group in plan.groups() {
        for decision in group.decisions() {
            if output.json(|| object(group.key(), decision)).is_break() {
                return;
            }
        }
    }
    for line in plan.to_string().lines() {
        if output.line(line).is_break() {
            return;
        }
    }
}

/// Shows what was forgotten, or in a dry run what would be.
pub fn result(output: &Output, plan: &ForgetPlan, done: Option<&ForgetReport>) {
    let texts = |ids: &[Id]| ids.iter().map(Id::to_string).collect::<Vec<_>>();
    let _ = output.json(|| {
        json!({
            "type": "result",
            "dry_run": done.is_none(),
            "forgotten": done.map(|done| texts(&done.forgotten)),
            "already": done.map(|done| texts(&done.already)),
            "planned": plan.forgotten().count(),
            "kept": plan.kept().count(),
        })
    });
    let Some(done) = done else {
        return;
    };
    let _ = output.line(&format!(
        "forgot {} snapshots; nothing is freed before a prune, and until then sr-undelete brings them back",
        done.forgotten.len()
    ));
    if !done.already.is_empty() {
        let _ = output.line(&format!(
            "{} were forgotten by somebody else",
            done.already.len()
        ));
    }
}

fn object(group: &GroupKey, decision: &Decision<Id>) -> Value {
    let snapshot = decision.snapshot();
    let kept = decision.why_kept().into_iter().flatten();
    let forgotten = decision.why_forgotten().into_iter().flatten();
    let reasons: Vec<String> = kept
        .map(ToString::to_string)
        .chain(forgotten.map(ToString::to_string))
        .collect();
    json!({
        "type": "decision",
        "snapshot": snapshot.id.to_string(),
        "group": group.to_string(),
        "began": snapshot.moment.unix_seconds,
        "complete": snapshot.complete,
        "verdict": if decision.is_kept() { "keep" } else { "forget" },
        "reasons": reasons,
    })
}
