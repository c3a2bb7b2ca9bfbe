//! What a store was found to do.

use serde_json::{Map, Value, json};
use strongroom::{Fitness, Reprobed, StoreProbe};

use crate::output::Output;
use crate::when::utc;

/// Returns a probe for machines.
#[must_use]
pub fn object(probe: &StoreProbe) -> Value {
    let answers: Map<String, Value> = probe
        .answers
        .iter()
        .map(|(question, answer)| (question.name().to_owned(), answer.to_string().into()))
        .collect();
    json!({
        "time": utc(probe.time),
        "store": probe.store,
        "answers": answers,
        "fitness": Fitness::of(probe).to_string(),
    })
}

/// Writes a probe for people: what is not as one might expect, and what the store is good for.
pub fn answers(output: &Output, probe: &StoreProbe) {
    let _ = output.line(&format!("store          {}", probe.store));
    let _ = output.line(&format!("probed         {}", utc(probe.time)));
    for (question, answer) in &probe.answers {
        let _ = output.line(&format!("  {}: {answer}", question.title()));
    }
    let _ = output.line(&format!("the store is   {}", Fitness::of(probe)));
}

/// Writes what got worse since the repository was created.
pub fn worse(output: &Output, reprobed: &Reprobed) {
    for one in &reprobed.worse {
        let title = one.question.title();
        output.complain(&format!("WORSE than at creation: {title}: {}", one.now));
        let _ = output.json(
            || json!({ "type": "finding", "worse": one.question.name(), "now": one.now.to_string() }),
        );
    }
    for name in &reprobed.left {
        output.complain(&format!(
            "left behind, since it could not be deleted: {name}"
        ));
    }
}
