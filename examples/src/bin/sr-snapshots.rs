//! Lists snapshots.

use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use strongroom::{Outcome, SnapshotInfo};
use strongroom_examples::{Output, RepositoryArgs, Status, finish, shown, size, utc};

/// List the snapshots, oldest first.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Only of this machine.
    #[arg(long)]
    host: Option<String>,
    /// Only of this series.
    #[arg(long)]
    series: Option<String>,
    /// Only with this tag.
    #[arg(long)]
    tag: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.repository.output();
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let snapshots = arguments.repository.open()?.snapshots()?;
    let mut shown = 0;
    for snapshot in snapshots
        .iter()
        .filter(|snapshot| arguments.wants(snapshot))
    {
        if output.json(|| object(snapshot)).is_break() || output.line(&line(snapshot)).is_break() {
            return Ok(Status::Complete);
        }
        shown += 1;
    }
    if shown == 0 {
        output.complain("no snapshots");
    }
    Ok(Status::Complete)
}

impl Arguments {
    fn wants(&self, info: &SnapshotInfo) -> bool {
        let snapshot = &info.snapshot;
        let host = self
            .host
            .as_ref()
            .is_none_or(|host| snapshot.labels.get("host") == Some(host));
        let series = self
            .series
            .as_ref()
            .is_none_or(|series| snapshot.series == *series);
        host && series
            && self
                .tag
                .as_ref()
                .is_none_or(|tag| snapshot.tags.contains(tag))
    }
}

fn line(info: &SnapshotInfo) -> String {
    let (snapshot, summary) = (&info.snapshot, &info.snapshot.summary);
    let id = info.id.to_string();
    let entries = summary.files + summary.directories + summary.others;
    let mut line = format!(
        "{}  {}  {}  {:>8} entries  {:>10}  {}",
        id.get(..12).unwrap_or(&id),
        utc(snapshot.began),
        snapshot.labels.get("host").map_or("-", String::as_str),
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

fn object(info: &SnapshotInfo) -> serde_json::Value {
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
        "labels": snapshot.labels,
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
