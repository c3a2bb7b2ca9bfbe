//! The options of a prune, and one.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use strongroom::blocking::Repository;
use strongroom::{ColdContent, DeleteOptions, PruneOptions, Reframe, Unused};

use crate::exit::Status;
use crate::limit::{age, unused};
use crate::output::Output;
use crate::progress::Watch;
use crate::show;
use crate::size::parse_size;

/// How to free what no snapshot needs.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct PruneArgs {
    /// Most bytes that are written again [default: no limit].
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    pub max_repack: Option<u64>,
    /// How much that nothing needs may stay: a share, a size, or `unlimited` to write nothing again.
    #[arg(long, value_name = "SHARE", value_parser = unused, default_value = "5%")]
    pub max_unused: Unused,
    /// How long what was dropped stays before it is deleted. Until then it can be brought back. With 0 this run deletes what it drops.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "1d")]
    pub delete_after: Duration,
    /// Since when this machine must have seen objects that nobody knows to take them for left over. A machine without a local cache
    /// remembers nothing, and takes none but with 0.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "1d")]
    pub orphans_older_than: Duration,
    /// For how long a backup that has not ended must have said nothing to be taken for dead. One that only slept stores again what
    /// went.
    #[arg(long, value_name = "AGE", value_parser = age, default_value = "7d")]
    pub sessions_older_than: Duration,
    /// Only announce what will be dropped; a later prune drops it, and backups in between do not build on it.
    #[arg(long)]
    pub condemn: bool,
    /// Open no content: move it as it is, with what nothing needs among it.
    #[arg(long)]
    pub no_reframe: bool,
    /// With --cold: write packs of content anew too. They must be warmed up before; those that are out of reach stay.
    #[arg(long)]
    pub read_content: bool,
    /// Record in the journal what was deleted; NAME is what the policy calls this repository. Not on a replica, whose journal is that of the original.
    #[arg(long, value_name = "NAME")]
    pub record: Option<String>,
}

impl PruneArgs {
    /// Plans, shows the plan, carries it out, and deletes what was dropped long enough ago. A dry run stops at the plans.
    ///
    /// # Errors
    ///
    /// What the repository said.
    pub fn run(
        &self,
        repository: &Repository,
        output: &Arc<Output>,
        is_dry: bool,
    ) -> anyhow::Result<Status> {
        let watch = Watch::new(output);
        let plan = repository.plan_prune(self.options(), watch.clone());
        watch.end();
        let plan = plan?;
        show::prune::plan(output, &plan);
        let foretold = (is_dry && !self.condemn && self.delete_after.is_zero())
            .then(|| show::prune::AtOnce::of(&plan));
        let pruned = if is_dry || plan.is_empty() {
            None
        } else {
            let pruned = repository.prune(plan, watch.clone());
            watch.end();
            Some(pruned?)
        };
        let mut options = DeleteOptions::default().with_min_age(self.delete_after);
        options.record.clone_from(&self.record);
        let plan = repository.plan_delete(options)?;
        show::prune::delete_plan(output, &plan, foretold);
        let deleted = if is_dry || plan.is_empty() {
            None
        } else {
            let deleted = repository.delete_dropped(plan, watch.clone());
            watch.end();
            Some(deleted?)
        };
        let (pruned, deleted) = (pruned.as_ref(), deleted.as_ref());
        Ok(show::prune::result(output, is_dry, pruned, deleted))
    }

    fn options(&self) -> PruneOptions {
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
