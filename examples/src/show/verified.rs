//! How a comparison of a snapshot with its source is reported.

use serde_json::{Map, Value, json};
use strongroom::{SourceReport, Standing};

use crate::bytes::{json_path, shown};
use crate::exit::Status;
use crate::output::Output;
use crate::size::size;

/// Says how a snapshot and its source differ.
///
/// # Errors
///
/// What ended the comparison early.
pub fn verified(output: &Output, report: SourceReport) -> anyhow::Result<Status> {
    let _ = output.json(|| result(&report));
    for difference in &report.differences {
        let path = shown(&difference.path);
        let mut words = format!("{}: {} /{path}", difference.standing, difference.what);
        if !difference.detail.is_empty() {
            words = format!("{words}: {}", difference.detail);
        }
        match difference.standing {
            Standing::Unexplained => output.complain(&words),
            _ => drop(output.line(&words)),
        }
    }
    for lost in &report.lost {
        output.complain(&format!("lost: /{}: {}", shown(&lost.path), lost.message));
    }
    let _ = output.line(&format!(
        "L6 compared with {}: {} entries, the content of {} files, {}",
        report.snapshot,
        report.entries,
        report.files,
        size(report.bytes),
    ));
    for ((standing, what), count) in &report.counts {
        let _ = output.line(&format!("{standing}: {what}: {count}"));
    }
    let is_same = report.is_same();
    let verdict = match (report.is_identical(), is_same) {
        (true, _) => "identical",
        (_, true) => "the same, but for what changed since or was announced",
        _ => "NOT the same",
    };
    let _ = output.line(verdict);
    match report.stopped {
        Some(error) => Err(anyhow::Error::from(error).context("the comparison ended early")),
        None if is_same => Ok(Status::Complete),
        None => Ok(Status::Damaged),
    }
}

fn result(report: &SourceReport) -> Value {
    let differences = report.differences.iter().map(|difference| {
        let mut object = Map::new();
        object.insert("what".to_owned(), difference.what.code().into());
        object.insert("standing".to_owned(), difference.standing.code().into());
        object.insert("detail".to_owned(), difference.detail.clone().into());
        json_path(&mut object, &difference.path);
        Value::Object(object)
    });
    let lost = report.lost.iter().map(|lost| {
        let mut object = Map::new();
        object.insert("message".to_owned(), lost.message.clone().into());
        object.insert("object".to_owned(), lost.object.clone().into());
        json_path(&mut object, &lost.path);
        Value::Object(object)
    });
    let counts = report.counts.iter().map(|((standing, what), count)| {
        json!({ "standing": standing.code(), "what": what.code(), "count": count })
    });
    json!({
        "type": "result",
        "level": "L6 compared",
        "snapshot": report.snapshot.to_string(),
        "same": report.is_same(),
        "identical": report.is_identical(),
        "entries": report.entries,
        "files": report.files,
        "bytes": report.bytes,
        "unexplained": report.total(Standing::Unexplained),
        "changed_since": report.total(Standing::ChangedSince),
        "announced": report.total(Standing::Announced),
        "counts": counts.collect::<Vec<_>>(),
        "differences": differences.collect::<Vec<_>>(),
        "lost_total": report.lost_total,
        "lost": lost.collect::<Vec<_>>(),
    })
}
