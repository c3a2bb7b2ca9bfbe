//! Recovers from the worst: a journal that lost entries, and a repository of which only packs are left.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use strongroom::blocking::Repository;
use strongroom::{
    DirectoryTarget, DirectoryTargetOptions, LostEntries, RestoreOptions, Salvage, SnapshotFilter,
};
use strongroom_examples::{Output, RepositoryArgs, Status, Watch, finish, restore, show, store_at};

/// Recover a repository that does not open any more.
///
/// Ends with 0 if nothing is lost, 4 if something is or may be, 1 if it could not look.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the snapshots of a journal that lost entries, as far as they are known. Changes nothing.
    Snapshots,
    /// Put back what is known of lost journal entries, and bridge what is not, so that backups go on. Shows first what that costs.
    Journal {
        /// A mirror or replica that may have the entries.
        #[arg(long, value_name = "URL")]
        from: Option<OsString>,
        /// Show what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// List the trees that packs alone show, without any journal or index. Nothing about them is signed.
    Trees,
    /// Restore such a tree into a directory.
    Restore {
        /// The beginning of the id that `trees` shows.
        tree: String,
        /// Directory to restore into.
        #[arg(long, value_name = "DIR")]
        target: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    match &arguments.verb {
        Verb::Snapshots => {
            let repository = around(&arguments.repository)?;
            for info in repository.snapshots()? {
                let _ = output.json(|| show::snapshot::object(&info));
                let _ = output.line(&show::snapshot::line(&info));
            }
            Ok(show::recover::damage(output, repository.journal_damage()))
        }
        Verb::Journal { from, dry_run } => {
            let repository = around(&arguments.repository)?;
            let other = from.as_ref().map(store_at).transpose()?;
            let plan = repository.plan_journal_repair(other.clone())?;
            show::recover::plan(output, &plan);
            if !dry_run && !plan.is_empty() {
                let report = repository.repair_journal(&plan, other)?;
                show::recover::repaired(output, &report);
            }
            Ok(show::recover::status(plan.is_lossless()))
        }
        Verb::Trees => {
            let (salvage, _) = salvage(&arguments.repository, output)?;
            Ok(show::recover::trees(output, &salvage))
        }
        Verb::Restore { tree, target } => {
            let (_, repository) = salvage(&arguments.repository, output)?;
            let id = repository.find_snapshot(tree, SnapshotFilter::default())?;
            let target = DirectoryTarget::create(target, DirectoryTargetOptions::new())?;
            let (watch, options) = (Watch::new(output), RestoreOptions::default());
            let report = repository.restore(&id, Arc::new(target), options, watch.clone());
            watch.end();
            restore::report(output, &id, report?, false)
        }
    }
}

/// Opens the repository around what its journal lost.
fn around(arguments: &RepositoryArgs) -> anyhow::Result<Repository> {
    let builder = arguments.builder()?.on_lost_entries(LostEntries::Skip);
    Ok(builder.open(&arguments.credential()?)?)
}

fn salvage(
    arguments: &RepositoryArgs,
    output: &Arc<Output>,
) -> anyhow::Result<(Salvage, Repository)> {
    let watch = Watch::new(output);
    let found = arguments
        .builder()?
        .salvage(&arguments.credential()?, watch.clone());
    watch.end();
    Ok(found?)
}
