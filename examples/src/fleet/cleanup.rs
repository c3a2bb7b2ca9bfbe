//! The last prune: everything that nothing needs goes, and what must stay without keys to content is what the plan said.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom::blocking::Repository;
use strongroom::{DeleteOptions, PruneOptions, PrunePlan, Reframe, Result, Unused};

use super::worker::described;
use crate::output::Output;
use crate::size::size;

/// What was freed.
#[derive(Debug, Default)]
pub(super) struct Cleanup {
    /// Bytes of content that a prune without keys to content could not free, as its plan said.
    trapped_bytes: u64,
    dropped_packs: u64,
    dropped_orphans: u64,
    deleted_objects: u64,
    deleted_bytes: u64,
}

impl Cleanup {
    /// Prunes without opening content, looks whether the bytes trapped are those that the plan foretold, frees them too, and deletes.
    /// Returns what did not hold as well.
    pub(super) fn of(repository: &Repository) -> Result<(Self, Vec<String>)> {
        let (mut cleanup, mut failures) = (Self::default(), Vec::new());
        let plan = plan(repository, Reframe::Never)?;
        cleanup.trapped_bytes = plan.figures().trapped_bytes_after;
        cleanup.prune(repository, plan, &mut failures)?;
        let found = plan_again(repository, Reframe::Never, &mut failures)?;
        let found = found.figures().trapped_bytes_before;
        if found != cleanup.trapped_bytes {
            let said = cleanup.trapped_bytes;
            failures.push(format!("{found} bytes are trapped; the plan said {said}"));
        }
        let plan = self::plan(repository, Reframe::Auto)?;
        cleanup.prune(repository, plan, &mut failures)?;
        let left = plan_again(repository, Reframe::Auto, &mut failures)?;
        let left = left.figures();
        if left.trapped_bytes_before > 0 || left.unused_bytes_before > 0 {
            failures.push(format!(
                "{} bytes are still unused and {} trapped",
                left.unused_bytes_before, left.trapped_bytes_before
            ));
        }
        let options = DeleteOptions::default().with_min_age(Duration::ZERO);
        let plan = repository.plan_delete(options)?;
        let deleted = repository.delete_dropped(plan, Arc::new(()))?;
        failures.extend(deleted.problems.iter().map(described));
        cleanup.deleted_objects = deleted.deleted;
        cleanup.deleted_bytes = deleted.bytes;
        Ok((cleanup, failures))
    }

    fn prune(
        &mut self,
        repository: &Repository,
        plan: PrunePlan,
        failures: &mut Vec<String>,
    ) -> Result<()> {
        let report = repository.prune(plan, Arc::new(()))?;
        self.dropped_packs += report.dropped_packs;
        self.dropped_orphans += report.dropped_orphans;
        failures.extend(report.problems.iter().map(described));
        if let Some(stopped) = &report.stopped {
            failures.push(format!("the last prune stopped: {stopped:?}"));
        }
        Ok(())
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "trapped_bytes_without_content_keys": self.trapped_bytes,
            "dropped_packs": self.dropped_packs,
            "dropped_orphans": self.dropped_orphans,
            "deleted_objects": self.deleted_objects,
            "deleted_bytes": self.deleted_bytes,
        })
    }

    pub(super) fn print(&self, output: &Output) {
        let _ = output.line(&format!(
            "at the end: {} packs and {} orphans dropped, {} objects deleted ({}); {} of content would be trapped without its keys",
            self.dropped_packs,
            self.dropped_orphans,
            self.deleted_objects,
            size(self.deleted_bytes),
            size(self.trapped_bytes)
        ));
    }
}

/// Nobody else is there any more: nothing is too young.
fn plan(repository: &Repository, reframe: Reframe) -> Result<PrunePlan> {
    let options = PruneOptions::default()
        .with_max_unused(Unused::Bytes(0))
        .with_orphan_age(Duration::ZERO)
        .with_session_age(Duration::ZERO)
        .with_reframe(reframe);
    repository.plan_prune(options, Arc::new(()))
}

fn plan_again(
    repository: &Repository,
    reframe: Reframe,
    failures: &mut Vec<String>,
) -> Result<PrunePlan> {
    let plan = plan(repository, reframe)?;
    if !plan.is_empty() {
        failures.push(format!("a prune left something to do: {plan}"));
    }
    Ok(plan)
}
