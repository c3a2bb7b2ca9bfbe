//! Compares a snapshot with the files that it was made of.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom::{Changes, CompareSourceOptions, FileTree, SnapshotFilter};
use strongroom_examples::{LeaveOut, Output, RepositoryArgs, Status, Usage, Watch, finish, show};

/// Compare a snapshot with the files that it was made of: everything is read on both sides and compared byte by byte (level L6).
/// Nothing is changed. Ends with 3 when something differs that nothing explains.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The beginning of its id, or `latest`.
    snapshot: String,
    /// What was backed up, as it was named then: one directory, or several paths.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// For `latest`: only of this machine.
    #[arg(long)]
    host: Option<String>,
    /// For `latest`: only of this series.
    #[arg(long)]
    series: Option<String>,
    /// Compare only this directory of the snapshot, with the directory PATH.
    #[arg(long, value_name = "SUBTREE")]
    path: Option<OsString>,
    /// What changed since the backup counts too: for a restored copy, and for files that nobody should have changed.
    #[arg(long)]
    strict: bool,
    // The patterns that the snapshot records are left out in any case.
    #[command(flatten)]
    left_out: LeaveOut,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let mut filter = SnapshotFilter::default();
    filter.host.clone_from(&arguments.host);
    filter.series.clone_from(&arguments.series);
    let snapshot = repository.find_snapshot(&arguments.snapshot, filter)?;
    let mut snapshots = repository.snapshots()?.into_iter();
    let details = snapshots
        .find(|info| info.id == snapshot)
        .and_then(|info| info.details);
    let recorded = details.unwrap_or_default().excludes;

    let Some((first, rest)) = arguments.paths.split_first() else {
        return Err(Usage("nothing to compare with".to_owned()).into());
    };
    let tree = rest
        .iter()
        .fold(FileTree::builder(first), |tree, path| tree.path(path));
    let source = arguments.left_out.with(tree, recorded)?.build()?;
    let changes = if arguments.strict {
        Changes::Counted
    } else {
        Changes::Excused
    };
    let path = arguments.path.as_ref().map(|path| path.as_bytes());
    let options = CompareSourceOptions::default()
        .with_path(path.unwrap_or_default())
        .with_changes(changes);
    let watch = Watch::new(output);
    let report = repository.compare_source(Arc::new(source), &snapshot, options, watch.clone());
    watch.end();
    show::verified(output, report?)
}
