//! Repairs what is damaged, from where it still is.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom::verify::{AuditScope, Auditor, CheckOptions, Level};
use strongroom::{
    Clock as _, DamagedObject, RepairOptions, RewriteOptions, SystemClock, Wrong, blocking,
};
use strongroom_examples::{
    CheckWatch, Output, RepositoryArgs, Status, Watch, finish, show, store_at,
};

/// Look for damage, show what can be done about it and what is lost, and do it. What has no source is put in quarantine: the next backup
/// stores it again if it still has it, and another repair after that leaves nothing behind.
///
/// Ends with 0 if nothing is lost, 4 if something is, 3 if not everything could be done, 1 if it could not look.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Mirror or replica to take from, the best first. May be given more than once.
    #[arg(long, value_name = "URL")]
    from: Vec<OsString>,
    /// How deep to look for damage: L1 hashed, L2 authenticated, L3 decoded.
    #[arg(long, default_value = "L3")]
    level: Level,
    /// Do not look for damage: only for what is missing or cut off.
    #[arg(long, conflicts_with = "level")]
    quick: bool,
    /// Make snapshots anew without what they have lost. The originals stay.
    #[arg(long)]
    rewrite: bool,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What one repair uncovers, the next one mends: a pack that is back says what it holds.
const ROUNDS: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    arguments.repository = arguments.repository.without_metadata_cache();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let credential = arguments.repository.credential()?;
    let mut options = RepairOptions::default();
    for url in &arguments.from {
        options = options.with_source(store_at(url)?);
    }
    if !arguments.quick {
        options = options.with_suspects(check(arguments, &credential, output)?);
    }
    let repository = arguments.repository.builder()?.open(&credential)?;
    let watch = Watch::new(output);
    let mut plan = repository.plan_repair(options.clone(), watch.clone())?;
    let mut reports = Vec::new();
    for _ in 0..ROUNDS {
        show::repair::plan(output, &plan);
        if arguments.dry_run || !plan.has_work() {
            break;
        }
        let report = repository.repair(plan, watch.clone());
        watch.end();
        reports.push(report?);
        plan = repository.plan_repair(options.clone(), watch.clone())?;
    }
    watch.end();
    let mut rewritten = None;
    if arguments.rewrite && !plan.lost().snapshots.is_empty() {
        let mut options = RewriteOptions::default();
        options.suspects = plan_suspects(&plan);
        let plan = repository.plan_rewrite(options, watch.clone())?;
        show::repair::rewrite_plan(output, &plan);
        if !arguments.dry_run && !plan.is_empty() {
            rewritten = Some(repository.rewrite(plan, watch.clone())?);
        }
    }
    watch.end();
    Ok(show::repair::result(
        output,
        &plan,
        &reports,
        rewritten.as_ref(),
    ))
}

/// What is lost by a plan is that of the objects, and frames of packs, that it names.
fn plan_suspects(plan: &strongroom::RepairPlan) -> Option<Vec<DamagedObject>> {
    let named = plan.items().iter().map(|item| DamagedObject {
        name: item.object,
        frames: match &item.wrong {
            Wrong::Frames(frames) => frames.clone(),
            _ => Vec::new(),
        },
    });
    Some(named.collect())
}

fn check(
    arguments: &Arguments,
    credential: &strongroom::Credential,
    output: &Arc<Output>,
) -> anyhow::Result<Vec<DamagedObject>> {
    let builder = arguments.repository.builder()?;
    let keys = builder.audit_keys(AuditScope::Content, credential)?;
    let auditor = Auditor::new(arguments.repository.store()?)
        .with_manners(arguments.repository.manners.manners()?)
        .with_keys(keys);
    let options = CheckOptions::new(SystemClock::default().now()).with_level(arguments.level);
    let watch = CheckWatch::new(output);
    let report = blocking::check(auditor, options, watch.clone());
    watch.end();
    Ok(report?.damaged_objects())
}
