//! Forgets snapshots, by rules or by name.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom::blocking::Repository;
use strongroom::retain::{GroupBy, GroupKey};
use strongroom::{ClockTrust, ForgetOptions};
use strongroom_examples::{
    KeepArgs, Output, PruneArgs, RepositoryArgs, SelectArgs, Status, Usage, finish, found,
    say_one_writer, show,
};

/// Forget snapshots: those that are named, or what no rule keeps. Shows every snapshot, what becomes of it and why. Frees
/// nothing: sr-prune does, and so does --prune.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The beginnings of the ids of snapshots to forget, instead of rules.
    #[arg(conflicts_with_all = ["host", "series", "tag"])]
    snapshots: Vec<String>,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// What tells histories apart, to each of which the rules are applied by itself: `series`, `tags` and names of labels with
    /// commas between them, or `*` for one history of everything.
    #[arg(long, value_name = "LABELS", default_value_t)]
    group_by: GroupBy,
    /// History that may be left without a snapshot, as it is shown: `series=home,host=web1`. Can be given several times.
    #[arg(long, value_name = "GROUP")]
    allow_empty: Vec<GroupKey>,
    /// Apply the rules even where dates of snapshots contradict each other.
    #[arg(long)]
    trust_clocks: bool,
    /// Show what would be forgotten, and forget nothing.
    #[arg(long)]
    dry_run: bool,
    /// Prune then, as sr-prune does, which the options below are for.
    #[arg(long, conflicts_with = "dry_run")]
    prune: bool,
    #[command(flatten)]
    pruning: PruneArgs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let has_rules = !arguments.keep.rules().is_empty();
    if has_rules != arguments.snapshots.is_empty() {
        let what = if has_rules {
            "snapshots are forgotten by rules or by name, not both"
        } else {
            "nothing says what to forget: give rules, such as --keep-daily 7, or snapshots"
        };
        return Err(Usage(what.to_owned()).into());
    }
    let repository = arguments.repository.open()?;
    let plan = repository.plan_forget(options(arguments, &repository)?)?;
    show::forget::plan(output, &plan);
    if arguments.dry_run {
        show::forget::result(output, &plan, None);
        return Ok(Status::Complete);
    }
    say_one_writer(output, &repository);
    let done = repository.forget(plan.clone())?;
    show::forget::result(output, &plan, Some(&done));
    match arguments.prune {
        true => arguments.pruning.run(&repository, output, false),
        false => Ok(Status::Complete),
    }
}

fn options(arguments: &Arguments, repository: &Repository) -> anyhow::Result<ForgetOptions> {
    let options = if arguments.snapshots.is_empty() {
        ForgetOptions::by_rules(arguments.keep.rules())
    } else {
        ForgetOptions::of(found(repository, &arguments.snapshots)?)
    };
    let options = options
        .with_group_by(arguments.group_by.clone())
        .with_filter(arguments.select.filter());
    let options = if arguments.trust_clocks {
        options.with_clock(ClockTrust::Trust)
    } else {
        options
    };
    let groups = arguments.allow_empty.iter().cloned();
    Ok(groups.fold(options, ForgetOptions::with_empty))
}
