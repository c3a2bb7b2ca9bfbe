//! Backing up.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::{BackupOptions, ParentChoice, Repository};

use super::Worker;
use crate::engine::profile::Profile;
use crate::engine::tree::TreeSource;

impl Worker<'_> {
    /// Changes the tree a little and backs it up; says whether that was acknowledged.
    pub(super) fn back_up(&mut self, repository: &Repository) -> bool {
        for _ in 0..self.dice.below(4) {
            self.tree.edit(&mut self.dice);
        }
        let tree = Arc::new(self.tree.clone());
        let number = self.ledger.begin(tree.clone());
        let series = match self.setup.profile {
            Profile::Twins => 0,
            _ => self.dice.index(self.client.id() + 1),
        };
        let mut options = BackupOptions::new(format!("s{series}")).with_tags([number.to_string()]);
        if self.dice.one_in(6) {
            options = options.with_parent(ParentChoice::None);
        }
        let backed_up =
            block_on(repository.backup(Arc::new(TreeSource(tree)), options, Arc::new(())));
        let Some(report) = self.expect("backup", backed_up) else {
            return false;
        };
        if self.client.is_dead() {
            // It died within the last call, and nobody heard of it.
            return false;
        }
        if !report.is_complete() {
            self.ledger
                .violate("a backup is complete", format!("{report:?}"));
        }
        self.ledger
            .acknowledge(number, report.snapshot, report.entry);
        true
    }
}
