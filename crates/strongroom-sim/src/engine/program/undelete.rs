//! Bringing back what was forgotten.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::{ErrorKind, Repository};

use super::Worker;
use super::forget::certainty;

impl Worker<'_> {
    /// Brings a forgotten snapshot back, if what it needs is still there.
    pub(super) fn undelete(&mut self, repository: &Repository) {
        let Some(forgotten) = self.expect("forgotten", block_on(repository.forgotten())) else {
            return;
        };
        let Some(one) = self.dice.pick(&forgotten) else {
            return;
        };
        let tag = one.snapshot.tags.first();
        let Some(number) = tag.and_then(|tag| tag.parse().ok()) else {
            return;
        };
        let planned = block_on(repository.plan_undelete(one.id));
        // Somebody else may have brought it back by now.
        let planned = self.expect_or("plan undelete", planned, &[ErrorKind::Invalid]);
        let Some(plan) = planned else {
            return;
        };
        self.ledger.set_out(&[number]);
        let undeleted = block_on(repository.undelete(plan, Arc::new(())));
        let done = certainty(&undeleted).filter(|_| !self.client.is_dead());
        // Something of it may be lost.
        self.expect_or("undelete", undeleted, &[ErrorKind::Invalid]);
        self.ledger.brought_back(number, done);
    }
}
