//! What a bundle says, for people and machines.

use serde_json::{Value, json};
use strongroom_format::Body;
use strongroom_ledger::{AuditedEntry, BundleReport, Content, Standing};

use crate::output::Output;

/// Says what holds, entry by entry if `entries`, and what does not.
pub fn say_report(output: &Output, report: &BundleReport<'_>, entries: bool) {
    if entries {
        for entry in &report.entries {
            let _ = output.json(|| entry_object(entry));
            let _ = output.line(&entry_line(entry));
        }
    }
    let _ = output.json(|| result(report));
    let size = report.head.size();
    let _ = output.line(&format!(
        "{} of {size} entries of {} are proven under root {}",
        report.entries.len(),
        report.about.origin,
        report.head.root()
    ));
    for (name, time) in &report.endorsement.witnesses {
        let _ = output.line(&format!("cosigned by {name} at {time}"));
    }
    if let Some(audited) = report.audited {
        let _ = output.line(&format!("continues the audit of {audited} entries"));
    }
    for file in report.reports.iter().chain(&report.attachments) {
        let _ = output.line(&format!("has {} ({} bytes)", file.name, file.bytes.len()));
    }
    for premise in &report.premises {
        let _ = output.line(&format!("not proven: {premise}"));
    }
}

fn result(report: &BundleReport<'_>) -> Value {
    let premises: Vec<_> = report.premises.iter().map(ToString::to_string).collect();
    let files = report.reports.iter().chain(&report.attachments);
    let files: Vec<_> = files.map(|file| file.name.clone()).collect();
    json!({
        "type": "result",
        "origin": report.about.origin,
        "repository": report.about.repository.to_string(),
        "size": report.head.size(),
        "root": report.head.root().to_string(),
        "entries": report.entries.len(),
        "left_out": report.left_out,
        "audited": report.audited,
        "made": report.about.made,
        "makers": report.makers,
        "witnesses": report.endorsement.witnesses,
        "files": files,
        "not_proven": premises,
    })
}

fn entry_object(entry: &AuditedEntry) -> Value {
    json!({
        "type": "entry",
        "n": entry.n,
        "hash": entry.hash.to_string(),
        "what": what(entry),
        "standing": standing(&entry.standing),
        "signed_by": entry.labels,
        "time": entry.payload().map(|payload| payload.time.seconds),
    })
}

fn entry_line(entry: &AuditedEntry) -> String {
    let by = entry.labels.join(", ");
    format!(
        "{:>8}  {:<12} {:<9} {by}",
        entry.n,
        what(entry),
        standing(&entry.standing)
    )
}

/// What an entry is, in a word.
fn what(entry: &AuditedEntry) -> String {
    match &entry.content {
        Content::Opened { payload, .. } => opened(&payload.body),
        Content::Sealed => "sealed".to_owned(),
        _ => "absent".to_owned(),
    }
}

fn opened(body: &Body) -> String {
    let name = match body {
        Body::Genesis(_) => "genesis",
        Body::Commit(_) => "commit",
        Body::Packs(_) => "packs",
        Body::Abandon(_) => "abandon",
        Body::Forget(_) => "forget",
        Body::Condemn(_) => "condemn",
        Body::Tombstone(_) => "tombstone",
        Body::Index(_) => "index",
        Body::Damaged(_) => "damaged",
        Body::Keys(_) => "keys",
        Body::Feature(_) => "feature",
        Body::Hold(_) => "hold",
        Body::Policy(_) => "policy",
        Body::Evidence(evidence) => &evidence.kind,
        Body::Takeover(_) => "takeover",
        Body::Bridge(_) => "bridge",
        other => return format!("type {}", other.kind()),
    };
    name.to_owned()
}

fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::InForce => "in force",
        Standing::Signed => "signed",
        Standing::Void(_) => "void",
        Standing::Unjudged => "unjudged",
        _ => "absent",
    }
}
