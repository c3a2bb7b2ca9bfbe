//! How forgotten snapshots, and what it takes to bring them back, are shown.

use serde_json::{Value, json};
use strongroom::{Forgotten, StillThere, UndeletePlan, UndeleteReport};

use super::prune::requests;
use crate::bytes::{json_path, shown};
use crate::output::Output;
use crate::size::size;
use crate::when::utc;

/// Shows a forgotten snapshot on one line.
#[must_use]
pub fn line(one: &Forgotten) -> String {
    let id = one.id.to_string();
    let mut line = format!(
        "{}  {}  {}  forgotten {}  {}",
        id.get(..12).unwrap_or(&id),
        utc(one.snapshot.began),
        one.snapshot.labels.get("host").unwrap_or("-"),
        utc(one.time),
        one.snapshot.series,
    );
    if one.still_there != StillThere::Yes {
        line.push_str("  perhaps not whole any more");
    }
    line
}

/// Shows a forgotten snapshot to machines.
#[must_use]
pub fn object(one: &Forgotten) -> Value {
    json!({
        "type": "forgotten",
        "id": one.id.to_string(),
        "series": one.snapshot.series,
        "labels": one.snapshot.labels.to_map(),
        "tags": one.snapshot.tags,
        "began": one.snapshot.began.seconds,
        "began_utc": utc(one.snapshot.began),
        "forgotten": one.time.seconds,
        "forgotten_utc": utc(one.time),
        "entry": one.entry,
        "whole": one.still_there == StillThere::Yes,
    })
}

/// Shows what it takes to bring a snapshot back.
pub fn plan(output: &Output, plan: &UndeletePlan) {
    for path in plan.lost_paths() {
        let _ = output.json(|| {
            let mut object = serde_json::Map::new();
            object.insert("type".to_owned(), "lost".into());
            json_path(&mut object, path);
            Value::Object(object)
        });
        output.complain(&format!("lost: /{}", shown(path)));
    }
    let _ = output.json(|| {
        json!({
            "type": "plan",
            "snapshot": plan.id().to_string(),
            "possible": plan.is_possible(),
            "in_force": plan.in_force(),
            "packs": plan.packs().count(),
            "copied_bytes": plan.copied_bytes(),
            "lost": plan.lost(),
            "requests": requests(&plan.requests()),
        })
    });
    let _ = output.line(&format!(
        "{}: {} to be copied out of {} dropped packs",
        plan.id(),
        size(plan.copied_bytes()),
        plan.packs().count()
    ));
}

/// Shows that a snapshot is back.
pub fn undeleted(output: &Output, done: &UndeleteReport) {
    super::parity::complain(output, &done.parity);
    let _ = output.json(|| {
        json!({
            "type": "undeleted",
            "snapshot": done.snapshot.to_string(),
            "entry": done.entry.map(|(n, _)| n),
            "packs": done.packs,
            "bytes": done.bytes,
        })
    });
    let _ = output.line(&format!(
        "{} is back; {} written",
        done.snapshot,
        size(done.bytes)
    ));
}
