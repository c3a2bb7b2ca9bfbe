//! A second place for everything.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::Repository;

use super::Worker;
use crate::engine::audit;

impl Worker<'_> {
    /// Brings the client's replica up to date; what is complete must open and restore.
    pub(super) fn replicate(&mut self, repository: &Repository) {
        let replicated = block_on(repository.replicate(self.replica.clone(), Arc::new(())));
        let Some(report) = self.expect("replicate", replicated) else {
            return;
        };
        if !report.is_complete() {
            return;
        }
        self.openings += 1;
        let store = self.replica.clone();
        let opened = self.setup.open_elsewhere(self.client, store, self.openings);
        let Some(replica) = self.expect("open replica", opened) else {
            return;
        };
        if let Err((property, what)) = audit::restore_all(&replica, self.setup, self.ledger) {
            self.ledger
                .violate(property, format!("in a replica: {what}"));
        }
    }
}
