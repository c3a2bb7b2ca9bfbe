//! Copies snapshots into other repositories, or a whole repository byte for byte.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::{CopyOptions, Error, Id};
use strongroom_examples::{
    Output, RepositoryArgs, SelectArgs, Status, TargetArgs, Watch, finish, found, show,
};

/// Copy snapshots into other repositories. What is there already is not copied again, so an interrupted copy is resumed by the
/// same command.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    targets: TargetArgs,
    /// The beginnings of their ids [default: all].
    #[arg(conflicts_with_all = ["host", "series", "tag"])]
    snapshots: Vec<String>,
    #[command(flatten)]
    select: SelectArgs,
    /// Of each series and machine only so many of the latest.
    #[arg(long, value_name = "N")]
    latest: Option<usize>,
    /// Copy the whole repository byte for byte instead: the same keys, snapshots and history. Needs no key to content.
    #[arg(long, conflicts_with_all = ["snapshots", "host", "series", "tag", "latest", "to_password_file", "to_no_password"])]
    replicate: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let outcomes = if arguments.replicate {
        replicate(arguments, &repository, output)?
    } else {
        copy(arguments, &repository, output)?
    };
    let complete = outcomes
        .iter()
        .all(|one| matches!(one, Ok(Status::Complete)));
    let failed = outcomes.iter().filter(|one| one.is_err()).count();
    // Each target's own error was said; the first one decides how the program ends.
    let statuses: Result<Vec<Status>, Error> = outcomes.into_iter().collect();
    if failed == 0 {
        let targets = arguments.targets.to.len();
        let _ =
            output.json(|| json!({ "type": "result", "targets": targets, "complete": complete }));
    }
    Ok(statuses.map(|_| Status::complete(complete))?)
}

fn copy(
    arguments: &Arguments,
    repository: &Repository,
    output: &Arc<Output>,
) -> anyhow::Result<Vec<Result<Status, Error>>> {
    let targets = arguments.targets.open(&arguments.repository.settings())?;
    let wanted = wanted(arguments, repository)?;
    if wanted.is_empty() {
        output.complain("no snapshots");
        return Ok(Vec::new());
    }
    let mut options = CopyOptions::default().with_snapshots(wanted);
    options.latest = arguments.latest;
    let watch = Watch::new(output);
    let reports = repository.copy_to_all(&targets, options, watch.clone());
    watch.end();
    let places = arguments.targets.to.iter().zip(reports);
    Ok(places
        .map(|(to, report)| show::copy::said(output, to, report, show::copy::copied))
        .collect())
}

fn replicate(
    arguments: &Arguments,
    repository: &Repository,
    output: &Arc<Output>,
) -> anyhow::Result<Vec<Result<Status, Error>>> {
    let stores = arguments.targets.stores()?;
    let each = arguments.targets.to.iter().zip(stores).map(|(to, store)| {
        let watch = Watch::new(output);
        let report = repository.replicate(store, watch.clone());
        watch.end();
        show::copy::said(output, to, report, show::copy::replicated)
    });
    Ok(each.collect())
}

fn wanted(arguments: &Arguments, repository: &Repository) -> anyhow::Result<Vec<Id>> {
    if !arguments.snapshots.is_empty() {
        return found(repository, &arguments.snapshots);
    }
    let snapshots = repository.snapshots()?;
    let wanted = snapshots.iter().filter(|info| arguments.select.wants(info));
    Ok(wanted.map(|info| info.id).collect())
}
