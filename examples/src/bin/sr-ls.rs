//! Lists what is in a snapshot.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom::{Depth, SnapshotFilter};
use strongroom_examples::{Output, RepositoryArgs, Status, finish, show};

/// List a directory of a snapshot.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The beginning of its id, or `latest`.
    snapshot: String,
    /// What to list [default: all that was backed up].
    #[arg(default_value = "/", hide_default_value = true)]
    path: OsString,
    /// Everything below it.
    #[arg(long, short)]
    recursive: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let snapshot = repository.find_snapshot(&arguments.snapshot, SnapshotFilter::default())?;
    let depth = if arguments.recursive {
        Depth::All
    } else {
        Depth::Children
    };
    let to = output.clone();
    let path = arguments.path.as_bytes();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    repository.list(&snapshot, path, depth, move |path, node| {
        to.json(|| show::entry::object(path, node))?;
        to.line(&show::entry::line(path, node))
    })?;
    Ok(Status::Complete)
}
