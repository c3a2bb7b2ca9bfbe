//! How a snapshot is shown.

use serde_json::json;
use strongroom::{Outcome, SnapshotInfo};

use crate::bytes::shown;
use crate::size::size;
use crate::when::utc;

/// Shows a snapshot on one line.
#[must_use]
pub fn line(info: &SnapshotInfo) -> String {
    let (snapshot, summary) = (&info.snapshot, &info.snapshot.summary);
    let id = info.id.to_string();
    let entries = summary.files + summary.directories + summary.others;
    let mut line = format!(
        "{}  {}  {}  {:>8} entries  {:>10}  {}",
        id.get(..12).unwrap_or(&id),
        utc(snapshot.began),
        snapshot.labels.get("host").unwrap_or("-"),
        entries,
        size(summary.bytes),
        snapshot.series,
    );
    for tag in &snapshot.tags {
        line.push_str(&format!("  #{tag}"));
    }
    if snapshot.outcome == Outcome::Partial {
        line.push_str(&format!("  partial: {} skipped", summary.skipped));
    }
    if let Some(words) = info
        .details
        .as_ref()
        .and_then(|details| details.description.as_ref())
    {
        line.push_str(&format!("  \"{}\"", shown(words.as_bytes())));
    }
    line
}

/// Shows a snapshot to machines.
#[must_use]
pub fn object(info: &SnapshotInfo) -> serde_json::Value {
    let (snapshot, summary) = (&info.snapshot, &info.snapshot.summary);
    let details = info.details.as_ref();
    let paths = |details: &strongroom::Details| -> Vec<String> {
        details
            .paths
            .iter()
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect()
    };
    json!({
        "type": "snapshot",
        "id": info.id.to_string(),
        "entry": info.n,
        "began": snapshot.began.seconds,
        "began_utc": utc(snapshot.began),
        "durable": snapshot.durable.seconds,
        "labels": snapshot.labels.to_map(),
        "series": snapshot.series,
        "tags": snapshot.tags,
        "partial": snapshot.outcome == Outcome::Partial,
        "parent": snapshot.parent.map(|id| id.to_string()),
        "held": info.held,
        "program": snapshot.program,
        "files": summary.files,
        "directories": summary.directories,
        "others": summary.others,
        "bytes": summary.bytes,
        "new_bytes": summary.new_bytes,
        "added_bytes": summary.added_bytes,
        "skipped": summary.skipped,
        "paths": details.map(paths),
        "excludes": details.map(|details| &details.excludes),
        "command": details.and_then(|details| details.command.as_ref()),
        "description": details.and_then(|details| details.description.as_ref()),
    })
}
