//! Pruning and deleting.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use strongroom_repo::{DeleteOptions, PruneOptions, Reframe, Repository, Unused};

use super::Worker;
use crate::dice::Dice;

impl Worker<'_> {
    /// Plans a prune and carries it out, at once or much later.
    pub(super) fn prune(&mut self, repository: &Repository) {
        let options = options(&mut self.dice);
        let planned = block_on(repository.plan_prune(options, Arc::new(())));
        let Some(plan) = self.expect("plan prune", planned) else {
            return;
        };
        if self.dice.one_in(4) {
            self.client.pause(Duration::from_secs(86_400));
        }
        let pruned = block_on(repository.prune(plan, Arc::new(())));
        drop(self.expect("prune", pruned));
    }

    /// Deletes what was dropped.
    pub(super) fn delete(&mut self, repository: &Repository) {
        let days = self.dice.pick(&[0, 0, 1]).copied().unwrap_or(0);
        let options = DeleteOptions::default().with_min_age(Duration::from_secs(days * 86_400));
        let planned = block_on(repository.plan_delete(options));
        let Some(plan) = self.expect("plan delete", planned) else {
            return;
        };
        if self.dice.one_in(4) {
            self.client.pause(Duration::from_secs(3_600));
        }
        let deleted = block_on(repository.delete_dropped(plan, Arc::new(())));
        drop(self.expect("delete", deleted));
    }
}

/// Options of any prune that is allowed.
fn options(dice: &mut Dice) -> PruneOptions {
    let unused = match dice.below(4) {
        0 => Unused::Unlimited,
        1 => Unused::Share(0.05),
        2 => Unused::Share(0.5),
        _ => Unused::Bytes(0),
    };
    let reframe = match dice.below(3) {
        0 => Reframe::Never,
        _ => Reframe::Auto,
    };
    let age = |dice: &mut Dice| match dice.below(3) {
        0 => Duration::from_secs(86_400),
        _ => Duration::ZERO,
    };
    let options = PruneOptions::default()
        .with_max_unused(unused)
        .with_reframe(reframe)
        .with_orphan_age(age(dice))
        .with_session_age(age(dice))
        .with_condemn(dice.one_in(3))
        .with_merge_segments(!dice.one_in(4));
    match dice.below(4) {
        0 => options.with_max_repack_bytes(dice.below(40_000)),
        _ => options,
    }
}
