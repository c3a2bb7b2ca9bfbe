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
    prunes: u64,
    dropped_packs: u64,
    dropped_orphans: u64,
    deleted_objects: u64,
    deleted_bytes: u64,
}

impl Cleanup {
    /// Prunes without opening content, then frees what that leaves trapped too, and deletes.
    /// Returns what did not hold as well.
    pub(super) fn of(repository: &Repository) -> Result<(Self, Vec<String>)> {
        let (mut cleanup, mut failures) = (Self::default(), Vec::new());
        cleanup.trapped_bytes = cleanup.prune(repository, Reframe::Never, &mut failures)?;
        let left = cleanup.prune(repository, Reframe::Auto, &mut failures)?;
        if left > 0 {
            failures.push(format!("{left} bytes of content are still trapped"));
        }
        let options = DeleteOptions::default().with_min_age(Duration::ZERO);
        let plan = repository.plan_delete(options)?;
        let deleted = repository.delete_dropped(plan, Arc::new(()))?;
        failures.extend(deleted.problems.iter().map(described));
        cleanup.deleted_objects = deleted.deleted;
        cleanup.deleted_bytes = deleted.bytes;
        Ok((cleanup, failures))
    }

    /// Prunes until there is nothing left to do. Returns the bytes that are trapped then, which are those that the plan foretold.
    fn prune(
        &mut self,
        repository: &Repository,
        reframe: Reframe,
        failures: &mut Vec<String>,
    ) -> Result<u64> {
        let mut foretold = None;
        for _ in 0..MOST_PRUNES {
            let plan = plan(repository, reframe)?;
            let figures = plan.figures();
            if plan.is_empty() {
                let (unused, found) = (figures.unused_bytes_before, figures.trapped_bytes_before);
                if foretold.is_some_and(|foretold| foretold != found) || unused > 0 {
                    failures.push(format!(
                        "{unused} bytes are unused and {found} trapped; the plan said {foretold:?}"
                    ));
                }
                return Ok(found);
            }
            foretold = Some(figures.trapped_bytes_after);
            let report = repository.prune(plan, Arc::new(()))?;
            self.prunes += 1;
            self.dropped_packs += report.dropped_packs;
            self.dropped_orphans += report.dropped_orphans;
            failures.extend(report.problems.iter().map(described));
            if let Some(stopped) = &report.stopped {
                failures.push(format!("the last prune stopped: {stopped:?}"));
            }
        }
        failures.push(format!(
            "after {MOST_PRUNES} prunes there is still something to do"
        ));
        Ok(0)
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "trapped_bytes_without_content_keys": self.trapped_bytes,
            "prunes": self.prunes,
            "dropped_packs": self.dropped_packs,
            "dropped_orphans": self.dropped_orphans,
            "deleted_objects": self.deleted_objects,
            "deleted_bytes": self.deleted_bytes,
        })
    }

    pub(super) fn print(&self, output: &Output) {
        let _ = output.line(&format!(
            "at the end: {} prunes, {} packs and {} orphans dropped, {} objects deleted ({}); {} of content would be trapped without its keys",
            self.prunes,
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

/// What one prune brings together another one may find better ways for.
const MOST_PRUNES: usize = 4;
