//! Extending locks.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::{LockOptions, Repository};

use super::Worker;

impl Worker<'_> {
    /// Plans which locks to extend, and extends them.
    pub(super) fn extend_locks(&mut self, repository: &Repository) {
        let options = LockOptions::default().with_everything(self.dice.one_in(4));
        let planned = block_on(repository.plan_extend_locks(options));
        let Some(plan) = self.expect("plan locks", planned) else {
            return;
        };
        let extended = block_on(repository.extend_locks(plan, Arc::new(())));
        drop(self.expect("extend locks", extended));
    }
}
