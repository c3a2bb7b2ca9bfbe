//! Frees what no snapshot needs.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use strongroom::{ColdContent, DeleteOptions, PruneOptions, Reframe, Unused};
use strongroom_examples::{
    Output, RepositoryArgs, Status, Watch, age, finish, parse_size, show, unused,
};

/// Free what no snapshot needs: plan, show the plan, carry it out, and delete what was dropped long enough ago. Others may back up,
/// restore, forget and prune meanwhile.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Most bytes that are written again [default: no limit].
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    max_repack: Option<u64>,
    /// How much that nothing needs may stay: a share, a size, or `unlimited` to write nothing again.
    #[arg(long, value_name = "SHARE", value_parser = unused, default_value = "5%")]
    max_unused: Unused,
    /// How long what was dropped stays before it is deleted. Until then it can be brought back.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "1d")]
    delete_after: Duration,
    /// Since when this machine must have seen objects that nobody knows to take them for left over. A machine without a local cache
    /// remembers nothing, and takes none but with 0.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "1d")]
    orphans_older_than: Duration,
    /// For how long a backup that has not ended must have said nothing to be taken for dead. One that only slept stores again what
    /// went.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "7d")]
    sessions_older_than: Duration,
    /// Only announce what will be dropped; a later prune drops it, and backups in between do not build on it.
    #[arg(long)]
    condemn: bool,
    /// Open no content: move it as it is, with what nothing needs among it.
    #[arg(long)]
    no_reframe: bool,
    /// With --cold: write packs of content anew too. They must be warmed up before; those that are out of reach stay.
    #[arg(long)]
    read_content: bool,
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
    let watch = Watch::new(output);
    let plan = repository.plan_prune(arguments.prune_options(), watch.clone());
    watch.end();
    let plan = plan?;
    show::prune::plan(output, &plan);
    let pruned = if arguments.dry_run || plan.is_empty() {
        None
    } else {
        let pruned = repository.prune(plan, watch.clone());
        watch.end();
        Some(pruned?)
    };
    let options = DeleteOptions::default().with_min_age(arguments.delete_after);
    let plan = repository.plan_delete(options)?;
    show::prune::delete_plan(output, &plan);
    let deleted = if arguments.dry_run || plan.is_empty() {
        None
    } else {
        let deleted = repository.delete_dropped(plan, watch.clone());
        watch.end();
        Some(deleted?)
    };
    Ok(show::prune::result(
        output,
        arguments.dry_run,
        pruned.as_ref(),
        deleted.as_ref(),
    ))
}

impl Arguments {
    fn prune_options(&self) -> PruneOptions {
        let mut options = PruneOptions::default()
            .with_max_unused(self.max_unused)
            .with_orphan_age(self.orphans_older_than)
            .with_session_age(self.sessions_older_than)
            .with_condemn(self.condemn);
        options.max_repack_bytes = self.max_repack;
        if self.no_reframe {
            options = options.with_reframe(Reframe::Never);
        }
        if self.read_content {
            options = options.with_cold(ColdContent::Repack);
        }
        options
    }
}
