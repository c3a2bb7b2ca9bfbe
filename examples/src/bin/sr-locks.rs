//! Keeps objects locked, and looks how they are.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom::{LockAuditOptions, LockOptions};
use strongroom_examples::{Output, RepositoryArgs, Status, Usage, Watch, finish, show};

/// Extend the locks of everything that is in force, as --lock says: run it once in every quarter of that time. What was extended or put
/// since the last quarter began is left alone. Then the store is asked for the locks of a few objects. With --audit the store is asked how objects are locked, and nothing is written.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Lock everything again, whatever the journal says of it.
    #[arg(long, conflicts_with = "audit")]
    everything: bool,
    /// Ask the store how objects are locked.
    #[arg(long)]
    audit: bool,
    /// Ask for so many objects only, chosen at random.
    #[arg(long, value_name = "N", requires = "audit")]
    sample: Option<u64>,
    /// Show what would be done, and do nothing.
    #[arg(long, conflicts_with = "audit")]
    dry_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

/// Objects that the store is asked for each time.
const SAMPLE: u64 = 16;

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    if arguments.repository.lock.is_none() {
        return Err(Usage("say for how long: --lock compliance:30d".to_owned()).into());
    }
    let repository = arguments.repository.open()?;
    let watch = Watch::new(output);
    if arguments.audit {
        let mut options = LockAuditOptions::default();
        options.sample = arguments.sample;
        let audit = repository.audit_locks(options, watch.clone());
        watch.end();
        return Ok(show::locks::audit(output, &audit?));
    }
    let options = LockOptions::default().with_everything(arguments.everything);
    let plan = repository.plan_extend_locks(options)?;
    show::locks::plan(output, &plan);
    let done = match arguments.dry_run || plan.is_empty() {
        true => None,
        false => {
            let done = repository.extend_locks(plan, watch.clone());
            watch.end();
            Some(done?)
        }
    };
    let status = show::locks::result(output, done.as_ref());
    if arguments.dry_run {
        return Ok(status);
    }
    // What the journal says of locks is as true as those who wrote it; the store knows.
    let mut options = LockAuditOptions::default();
    options.sample = Some(SAMPLE);
    let audit = repository.audit_locks(options, watch.clone());
    watch.end();
    let audit = show::locks::audit(output, &audit?);
    Ok(if status == Status::Complete {
        audit
    } else {
        status
    })
}
