//! How a restore is reported.

use serde_json::{Map, Value, json};
use strongroom::{Id, RestoreReport};

use crate::bytes::{json_path, shown};
use crate::exit::Status;
use crate::output::Output;
use crate::size::size;

/// Says what a restore did, or in a dry run would do.
///
/// # Errors
///
/// What ended it early.
pub fn report(
    output: &Output,
    snapshot: &Id,
    report: RestoreReport,
    is_dry: bool,
) -> anyhow::Result<Status> {
    let _ = output.json(|| result(snapshot, &report, is_dry));
    if is_dry {
        for path in &report.removed_paths {
            let _ = output.line(&format!("- /{}", shown(path)));
        }
    }
    let would = if is_dry { "would be " } else { "" };
    let _ = output.line(&format!(
        "{} entries {would}restored from {snapshot}: {} files ({} kept), {} directories, {} links, {} hard links, {} others",
        report.entries(), report.files, report.files_kept, report.directories, report.symlinks, report.hard_links, report.others,
    ));
    let _ = output.line(&format!(
        "{} {would}written, {} kept, {} {would}fetched, {} entries {would}removed",
        size(report.bytes_restored),
        size(report.bytes_kept),
        size(report.bytes_fetched),
        report.removed,
    ));
    if report.lost_total > 0 {
        output.complain(&format!(
            "{} entries could not be restored",
            report.lost_total
        ));
    }
    if report.deviations_total > 0 {
        output.complain(&format!(
            "{} attributes could not be restored as recorded",
            report.deviations_total
        ));
    }
    if !report.cold_objects.is_empty() {
        output.complain(&format!(
            "{} packs that are needed are in cold storage; warm them up (--warm) and restore again",
            report.cold_objects.len()
        ));
    }
    let is_exact = report.is_complete() && report.deviations_total == 0;
    match report.stopped {
        Some(error) => Err(anyhow::Error::from(error).context("the restore ended early")),
        None => Ok(Status::complete(is_exact)),
    }
}

fn result(snapshot: &Id, report: &RestoreReport, is_dry: bool) -> Value {
    let lost = report.lost.iter().map(|lost| {
        let mut object = Map::new();
        object.insert("reason".to_owned(), format!("{:?}", lost.reason).into());
        object.insert("message".to_owned(), lost.message.clone().into());
        object.insert("object".to_owned(), lost.object.clone().into());
        json_path(&mut object, &lost.path);
        Value::Object(object)
    });
    let deviations = report.deviations.iter().map(|deviates| {
        let mut object = Map::new();
        object.insert(
            "what".to_owned(),
            format!("{:?}", deviates.deviation.what).into(),
        );
        object.insert(
            "message".to_owned(),
            deviates.deviation.message.clone().into(),
        );
        json_path(&mut object, &deviates.path);
        Value::Object(object)
    });
    json!({
        "type": "result",
        "snapshot": snapshot.to_string(),
        "dry_run": is_dry,
        "complete": report.is_complete(),
        "files": report.files,
        "files_kept": report.files_kept,
        "directories": report.directories,
        "symlinks": report.symlinks,
        "hard_links": report.hard_links,
        "others": report.others,
        "bytes_restored": report.bytes_restored,
        "bytes_kept": report.bytes_kept,
        "bytes_fetched": report.bytes_fetched,
        "removed": report.removed,
        "lost_total": report.lost_total,
        "cold_objects": report.cold_objects,
        "lost": lost.collect::<Vec<_>>(),
        "deviations_total": report.deviations_total,
        "deviations": deviations.collect::<Vec<_>>(),
    })
}
