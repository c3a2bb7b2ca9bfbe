//! Says how backups are, out of the journal of a repository.

use std::process::ExitCode;

use clap::Parser;
use strongroom_examples::report::{ReportArgs, react_to_alarms, write};
use strongroom_examples::{Output, RepositoryArgs, Status, finish};

/// Say how backups are, out of the journal of a repository and a policy: how much would be lost, what was proven, what somebody must do. Ends
/// with 0, with 3 when somebody must look, with 4 when somebody must act now, and with 1 when nothing can be said.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    report: ReportArgs,
    /// First act on signs of an attack: record the points that look wrong, and hold the last clean ones, with the keys of an admin, if the policy
    /// says so. Nothing is deleted, and nothing is done twice.
    #[arg(long, conflicts_with = "now")]
    react: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.repository.output();
    finish(&output, status(&arguments, &output))
}

fn status(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    if arguments.react {
        react_to_alarms(&repository, &arguments.report, output)?;
    }
    write(&repository, &arguments.report, output)
}
