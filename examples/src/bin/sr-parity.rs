//! Gives packs that are there parity, or takes it away.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom::{Overhead, ParityOptions};
use strongroom_examples::{Output, RepositoryArgs, Status, Watch, finish, show};

/// Give every pack parity of so many per cent (--parity, by default 2%), with which damage of disks is taken back. What is written
/// later has it only if it is written with --parity.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Remove all parity instead.
    #[arg(long, conflicts_with = "parity")]
    remove: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let overhead = match arguments.remove {
        true => None,
        false => Some(arguments.repository.parity.unwrap_or(Overhead::DISKS)),
    };
    let options = ParityOptions::default().with_overhead(overhead);
    let plan = repository.plan_parity(options)?;
    show::parity::plan(output, &plan);
    let done = match arguments.dry_run || plan.is_empty() {
        true => None,
        false => {
            let watch = Watch::new(output);
            let done = repository.add_parity(plan.clone(), watch.clone());
            watch.end();
            Some(done?)
        }
    };
    Ok(show::parity::result(output, &plan, done.as_ref()))
}
