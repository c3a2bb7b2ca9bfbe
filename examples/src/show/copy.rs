//! How a copy is shown.

use std::ffi::OsStr;

use serde_json::{Value, json};
use strongroom::{CopyReport, Outcome, ReplicaReport, Uncopied};

use crate::exit::Status;
use crate::output::Output;
use crate::size::size;

/// Shows what came of the copy to one place, and returns how well that went.
///
/// # Errors
///
/// The error that it was.
pub fn said<T>(
    output: &Output,
    to: &OsStr,
    result: Result<T, strongroom::Error>,
    show: impl FnOnce(&Output, &OsStr, &T) -> Status,
) -> Result<Status, strongroom::Error> {
    match result {
        Ok(report) => Ok(show(output, to, &report)),
        Err(error) => {
            failed(output, to, &error);
            Err(error)
        }
    }
}

/// Shows what was copied to one place.
#[must_use]
pub fn copied(output: &Output, to: &OsStr, report: &CopyReport) -> Status {
    let to = to.to_string_lossy();
    for one in &report.copied {
        let _ = output.json(|| {
            json!({
                "type": "copied",
                "to": to,
                "source": one.source.to_string(),
                "target": one.target.to_string(),
                "partial": one.outcome == Outcome::Partial,
                "lost": one.lost_count,
                "bytes": one.bytes,
                "new_bytes": one.new_bytes,
            })
        });
        let _ = output.line(&format!(
            "{} -> {to} {}  {}, {} new",
            one.source,
            one.target,
            size(one.bytes),
            size(one.new_bytes)
        ));
        if one.lost_count > 0 {
            output.complain(&format!(
                "{}: {} entries are lost",
                one.source, one.lost_count
            ));
        }
    }
    for one in &report.not_copied {
        let (why, there) = match &one.why {
            Uncopied::AlreadyThere(copy) => ("is there already".to_owned(), Some(copy.to_string())),
            Uncopied::Forgotten => ("was forgotten meanwhile".to_owned(), None),
            Uncopied::Unreadable(error) => (format!("cannot be read: {error}"), None),
            _ => ("was not copied".to_owned(), None),
        };
        let _ = output.line(&format!("{} {why}", one.source));
        let _ = output.json(|| {
            json!({
                "type": "not_copied",
                "to": to,
                "source": one.source.to_string(),
                "target": there,
                "why": why,
            })
        });
    }
    let _ = output.line(&format!(
        "{to}: {} snapshots copied, {} not; {} read, {} written",
        report.copied.len(),
        report.not_copied.len(),
        size(report.fetched_bytes),
        size(report.transferred_bytes)
    ));
    super::parity::complain(output, &report.parity);
    let _ = output.json(|| {
        json!({
            "type": "target",
            "to": to,
            "complete": report.is_complete(),
            "copied": report.copied.len(),
            "not_copied": report.not_copied.len(),
            "fetched_bytes": report.fetched_bytes,
            "transferred_bytes": report.transferred_bytes,
            "parity": super::parity::object(&report.parity),
        })
    });
    Status::complete(report.is_complete())
}

/// Shows what was replicated to one place.
#[must_use]
pub fn replicated(output: &Output, to: &OsStr, report: &ReplicaReport) -> Status {
    let _ = output.line(&format!("{}: {report}", to.display()));
    super::parity::complain(output, &report.parity);
    let _ = output.json(|| replica(to, report));
    Status::complete(report.is_complete())
}

/// Shows why nothing, or not everything, was copied to one place.
fn failed(output: &Output, to: &OsStr, error: &strongroom::Error) {
    output.complain(&format!("{}: {error}", to.display()));
    let _ = output.json(|| {
        json!({
            "type": "target",
            "to": to.to_string_lossy(),
            "complete": false,
            "kind": format!("{:?}", error.kind()),
            "message": error.to_string(),
        })
    });
}

fn replica(to: &OsStr, report: &ReplicaReport) -> Value {
    json!({
        "type": "target",
        "to": to.to_string_lossy(),
        "complete": report.is_complete(),
        "head": report.head,
        "entries": report.entries,
        "packs": report.packs,
        "segments": report.segments,
        "bytes": report.bytes,
        "parity": super::parity::object(&report.parity),
        "repaired": report.repaired,
        "lost": report.lost,
        "deleted": report.deleted,
        "left": report.left.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}
