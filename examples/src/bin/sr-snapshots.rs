//! Lists snapshots.

use std::process::ExitCode;

use clap::Parser;
use strongroom_examples::{Output, RepositoryArgs, SelectArgs, Status, finish, show};

/// List the snapshots, oldest first.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    select: SelectArgs,
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
        .filter(|snapshot| arguments.select.wants(snapshot))
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
