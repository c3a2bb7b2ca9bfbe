//! Brings forgotten snapshots back.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::json;
use strongroom_examples::{
    Output, RepositoryArgs, SelectArgs, Status, Watch, finish, found_forgotten, show,
};

/// Bring forgotten snapshots back, for as long as what they need is not deleted.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The beginnings of their ids.
    #[arg(required_unless_present = "list", conflicts_with_all = ["list", "host", "series", "tag"])]
    snapshots: Vec<String>,
    /// List what was forgotten.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    select: SelectArgs,
    /// Show what it takes, and bring nothing back. Ends with 1 if it would not work.
    #[arg(long, conflicts_with = "list")]
    dry_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let forgotten = repository.forgotten()?;
    if arguments.list {
        for one in forgotten
            .iter()
            .filter(|one| arguments.select.takes(&one.snapshot))
        {
            if output.json(|| show::undelete::object(one)).is_break()
                || output.line(&show::undelete::line(one)).is_break()
            {
                break;
            }
        }
        return Ok(Status::Complete);
    }
    let ids = found_forgotten(&forgotten, &arguments.snapshots)?;
    let mut lost = 0;
    for id in &ids {
        let plan = repository.plan_undelete(*id)?;
        show::undelete::plan(output, &plan);
        if arguments.dry_run {
            lost += usize::from(!plan.is_possible());
            continue;
        }
        let watch = Watch::new(output);
        let done = repository.undelete(plan, watch.clone());
        watch.end();
        show::undelete::undeleted(output, &done?);
    }
    if lost > 0 {
        anyhow::bail!(
            "{lost} of {} snapshots cannot be brought back: what they need is deleted",
            ids.len()
        );
    }
    let (count, dry_run) = (ids.len(), arguments.dry_run);
    let _ = output.json(|| json!({ "type": "result", "snapshots": count, "dry_run": dry_run }));
    Ok(Status::Complete)
}
