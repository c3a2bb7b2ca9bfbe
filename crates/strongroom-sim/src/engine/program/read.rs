//! Listing and restoring.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::{Repository, RestoreOptions, SnapshotInfo};

use super::Worker;
use crate::engine::target::MapTarget;

impl Worker<'_> {
    pub(super) fn snapshots(&self, repository: &Repository) -> Option<Vec<SnapshotInfo>> {
        self.expect("snapshots", block_on(repository.snapshots()))
    }

    /// Restores any snapshot. It may be forgotten and its packs deleted meanwhile; but what is said to be complete must be right.
    pub(super) fn restore(&mut self, repository: &Repository) {
        let Some(snapshots) = self.snapshots(repository) else {
            return;
        };
        let Some(snapshot) = self.dice.pick(&snapshots) else {
            return;
        };
        let target = MapTarget::default();
        let restored = block_on(repository.restore(
            &snapshot.id,
            Arc::new(target.clone()),
            RestoreOptions::default(),
            Arc::new(()),
        ));
        if let Some(report) = self.expect("restore", restored)
            && report.is_complete()
            && let Some(number) = number_of(snapshot)
        {
            self.ledger.compare(number, &target.take());
        }
    }
}

/// Returns the number of the attempt that a snapshot is of.
pub(crate) fn number_of(snapshot: &SnapshotInfo) -> Option<u64> {
    snapshot.snapshot.tags.first()?.parse().ok()
}
