//! Compares the members of a mirror, and makes one like another.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use futures::executor::block_on;
use serde_json::json;
use strongroom::Store;
use strongroom::mirror::{
    CompareOptions, RepositoryRules, Revoked, SyncOptions, SyncPlan, Thoroughness, compare,
    repository_order, sync,
};
use strongroom_examples::{Output, RepositoryArgs, Status, Usage, finish};

/// Compare the members of a mirror (a repository at mirror:PATH,PATH), and make one like another. Needs no password.
/// Nothing is ever deleted. Ends with 3 when members differ.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what each follower lacks of what the arbiter has.
    Compare {
        /// Read everything and compare it byte by byte.
        #[arg(long)]
        bytes: bool,
    },
    /// Give each follower what it lacks or has broken.
    Resync {
        /// Show what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Give the arbiter what it lacks or has broken, from a follower of which you know that it is right. Slots and keyrings that a revocation has
    /// taken away are left out.
    FillArbiter {
        /// Number of the follower; the first is 1.
        #[arg(long, value_name = "N")]
        from: usize,
        /// Show what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    arguments.repository = arguments.repository.without_metadata_cache();
    let output = arguments.repository.output();
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let mirror = arguments
        .repository
        .stores()?
        .open_mirror(&arguments.repository.repo)?;
    let members: Vec<Arc<dyn Store>> = mirror.members().cloned().collect();
    let Some((arbiter, followers)) = members.split_first() else {
        return Err(Usage("a mirror without members".to_owned()).into());
    };
    let quick =
        CompareOptions::new(repository_order()).with_rules(Arc::new(RepositoryRules::new()));
    // What is rotten is only found by reading it.
    let thorough = quick.clone().with_thoroughness(Thoroughness::Bytes);
    match arguments.action {
        Action::Compare { bytes } => {
            let options = if bytes { &thorough } else { &quick };
            let mut found = Vec::new();
            let mut same = true;
            for follower in followers {
                let comparison = block_on(compare(arbiter, follower, options))?;
                same &= comparison.is_same();
                let _ = output.line(&format!("{follower}: {comparison}"));
                found.push(json!({
                    "member": follower.to_string(),
                    "same": comparison.same.objects,
                    "missing": comparison.missing.objects,
                    "missing_bytes": comparison.missing.bytes,
                    "differing": comparison.differing.objects,
                    "surplus": comparison.surplus.objects,
                }));
            }
            let _ = output.json(|| json!({ "type": "result", "members": found }));
            Ok(Status::complete(same))
        }
        Action::Resync { dry_run } => {
            let mut status = Status::Complete;
            for follower in followers {
                let revoked = Revoked::default();
                let made = make_like(arbiter, follower, &thorough, &revoked, dry_run, output)?;
                if made == Status::Partial {
                    status = Status::Partial;
                }
            }
            Ok(status)
        }
        Action::FillArbiter { from, dry_run } => {
            let follower = from.checked_sub(1).and_then(|at| followers.get(at));
            let follower = follower.ok_or_else(|| Usage(format!("there is no follower {from}")))?;
            let revoked = block_on(Revoked::look(&members))?;
            make_like(follower, arbiter, &thorough, &revoked, dry_run, output)
        }
    }
}

/// Makes one member like another, a part at a time if there is much to do.
fn make_like(
    from: &Arc<dyn Store>,
    to: &Arc<dyn Store>,
    options: &CompareOptions,
    revoked: &Revoked,
    dry_run: bool,
    output: &Output,
) -> anyhow::Result<Status> {
    loop {
        let found = block_on(compare(from, to, options))?;
        let is_left_out = |key: &_| revoked.has(key);
        let plan = SyncPlan::leaving_out(&found, SyncOptions::default(), is_left_out);
        if dry_run {
            let _ = output.line(&format!("{to}: {plan}"));
            return Ok(Status::Complete);
        }
        let report = block_on(sync(&plan, from, to, options))?;
        let _ = output.line(&format!("{to}: {report}"));
        for key in &plan.left_out {
            let _ = output.line(&format!("left out, it was revoked: {key}"));
        }
        if !plan.is_partial || !report.is_complete() {
            return Ok(Status::complete(report.is_complete()));
        }
    }
}
