//! Lists snapshots.

use std::process::ExitCode;

use clap::Parser;
use strongroom::SnapshotInfo;
use strongroom_examples::{Output, RepositoryArgs, Status, finish, show};

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
        if output.json(|| show::snapshot::object(snapshot)).is_break()
            || output.line(&show::snapshot::line(snapshot)).is_break()
        {
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
