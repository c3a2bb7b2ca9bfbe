//! Restores a snapshot, or a part of it, into a directory.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use strongroom::{
    DirectoryTarget, DirectoryTargetOptions, Existing, Extra, Mode, RestoreOptions, SnapshotFilter,
};
use strongroom_examples::{
    Chosen, Output, RepositoryArgs, Status, WarmArgs, Watch, finish, restore,
};

/// Restore a snapshot, or a part of it, into a directory. What is there already and right is kept.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The beginning of its id, or `latest`.
    snapshot: String,
    /// Directory to restore into.
    #[arg(long, value_name = "DIR", required_unless_present = "plan")]
    target: Option<PathBuf>,
    #[command(flatten)]
    warm: WarmArgs,
    /// For `latest`: only of this machine.
    #[arg(long)]
    host: Option<String>,
    /// For `latest`: only of this series.
    #[arg(long)]
    series: Option<String>,
    /// Only what this directory or file of the snapshot holds; it becomes the target's root.
    #[arg(long, value_name = "SUBTREE")]
    path: Option<OsString>,
    /// Only what this pattern matches, with everything below it; can be given several times. Without a slash it
    /// matches names at any depth.
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Remove from the target what is not in the snapshot.
    #[arg(long)]
    delete: bool,
    /// What becomes of files that are there.
    #[arg(long, value_enum, default_value_t = There::Verify)]
    existing: There,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum There {
    /// They are read and compared; what differs is written.
    Verify,
    /// Those of the recorded size and time are taken to be right.
    TrustTimes,
    /// They are written anew.
    Overwrite,
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
    let path = arguments
        .path
        .as_ref()
        .map(|path| path.as_bytes().trim_ascii_start())
        .unwrap_or_default();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let mut options = RestoreOptions::default()
        .with_path(path)
        .with_extra(if arguments.delete {
            Extra::Remove
        } else {
            Extra::Keep
        })
        .with_mode(if arguments.dry_run {
            Mode::DryRun
        } else {
            Mode::Restore
        })
        .with_existing(match arguments.existing {
            There::Verify => Existing::Verify,
            There::TrustTimes => Existing::TrustTimes,
            There::Overwrite => Existing::Overwrite,
        });
    if !arguments.include.is_empty() {
        options = options.with_include(Arc::new(Chosen::in_snapshot(
            &repository,
            &snapshot,
            path,
            &arguments.include,
        )?));
    }
    options = options.with_cold(arguments.warm.cold());
    let place = (&arguments.repository, output);
    let prepared = arguments
        .warm
        .prepare(place, &repository, &snapshot, &options)?;
    let target = arguments.target.as_deref();
    let (None, Some(target)) = (prepared, target) else {
        return Ok(prepared.unwrap_or(Status::complete(true)));
    };
    // A dry run makes nothing: a target that is not there is as good as an empty one.
    let empty = if arguments.dry_run && !target.exists() {
        Some(tempfile::tempdir()?)
    } else {
        None
    };
    let target = empty.as_ref().map_or(target, tempfile::TempDir::path);
    let target = DirectoryTarget::create(target, DirectoryTargetOptions::new())?;
    let watch = Watch::new(output);
    let report = repository.restore(&snapshot, Arc::new(target), options, watch.clone());
    watch.end();
    restore::report(output, &snapshot, report?, arguments.dry_run)
}
