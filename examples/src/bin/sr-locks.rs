//! Keeps objects locked, and looks how they are.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use futures::executor::block_on;
use strongroom::{LockAuditOptions, LockOptions, uncover};
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
    /// Bring back what is locked and hidden: a service locks versions and not names, and whoever may put or delete can lay something over them.
    /// The repository need not open, and needs no --lock.
    #[arg(long, conflicts_with_all = ["audit", "everything"])]
    uncover: bool,
    /// Show what would be done, and do nothing.
    #[arg(long, conflicts_with = "audit")]
    dry_run: bool,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    arguments.repository = arguments.repository.without_metadata_cache();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

/// Objects that the store is asked for each time.
const SAMPLE: u64 = 16;

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    if arguments.uncover {
        let store = arguments.repository.store()?;
        let report = block_on(uncover(store.as_ref(), arguments.dry_run))?;
        return Ok(show::locks::uncovered(output, &report, arguments.dry_run));
    }
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
        return Ok(show::locks::audit(output, "result", &audit?));
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
    let mut sample = Status::Complete;
    if !arguments.dry_run {
        // What the journal says of locks is as true as those who wrote it; the store knows.
        let mut options = LockAuditOptions::default();
        options.sample = Some(SAMPLE);
        let audit = repository.audit_locks(options, watch.clone());
        watch.end();
        sample = show::locks::audit(output, "sample", &audit?);
    }
    match show::locks::result(output, done.as_ref()) {
        Status::Complete => Ok(sample),
        status => Ok(status),
    }
}
