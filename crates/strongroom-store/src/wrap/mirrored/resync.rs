//! Making followers like the arbiter by comparison, when memory does not tell what they lack.

use super::{Mirrored, Shared};
use crate::error::Result;
use crate::replica::{
    CompareOptions, Comparison, SyncOptions, SyncOrder, SyncPlan, SyncReport, Thoroughness,
    compare, sync,
};

impl Mirrored {
    /// Compares every follower with the arbiter, in the order of the members.
    ///
    /// # Errors
    ///
    /// Each answer is what the follower or the arbiter said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn compare(
        &self,
        order: &SyncOrder,
        thoroughness: Thoroughness,
    ) -> Vec<Result<Comparison>> {
        let options = self.shared.options(order, thoroughness);
        let mut comparisons = Vec::new();
        for (_, follower) in self.shared.followers() {
            comparisons.push(match self.shared.arbiter() {
                Ok(arbiter) => compare(&arbiter.store, &follower.store, &options).await,
                Err(error) => Err(error),
            });
        }
        comparisons
    }

    /// Gives every follower what the arbiter has and it lacks or has broken, in this order; what is written meanwhile is queued, and
    /// given afterwards. Everything is listed, and with [`Thoroughness::Bytes`] read. Nothing is deleted, and what differs without being broken is reported and leaves the
    /// follower [diverged](super::Health::Diverged).
    ///
    /// This is what a follower needs that was away for longer than the queue, or while the program was restarted; and what makes a new
    /// one of an empty store.
    ///
    /// # Errors
    ///
    /// The answers are in the order of the followers; each is what it or the arbiter said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves followers that hold an earlier state, and that need another resync.
    pub async fn resync(
        &self,
        order: &SyncOrder,
        thoroughness: Thoroughness,
    ) -> Vec<Result<SyncReport>> {
        let options = self.shared.options(order, thoroughness);
        let mut reports = Vec::new();
        for (number, follower) in self.shared.followers() {
            let report = self.shared.resync(number, &options).await;
            if report.is_ok() {
                self.shared.drain(follower, usize::MAX).await;
            }
            reports.push(report);
        }
        reports
    }
}

impl Shared {
    fn options(&self, order: &SyncOrder, thoroughness: Thoroughness) -> CompareOptions {
        CompareOptions::new(order.clone())
            .with_thoroughness(thoroughness)
            .with_rules(self.settings.rules.clone())
    }

    async fn resync(&self, number: usize, options: &CompareOptions) -> Result<SyncReport> {
        let arbiter = self.arbiter()?;
        let Some(follower) = self.members.get(number) else {
            return Ok(SyncReport::default());
        };
        let mut resync = Unfinished {
            shared: self,
            number,
            conflict: None,
            complete: false,
        };
        follower.begin_resync();
        let mut total = SyncReport::default();
        loop {
            let found = compare(&arbiter.store, &follower.store, options).await;
            let found = found.inspect_err(|error| follower.failed(error))?;
            let plan = SyncPlan::new(&found, SyncOptions::default());
            let done = sync(&plan, &arbiter.store, &follower.store, options).await;
            let done = done.inspect_err(|error| follower.failed(error))?;
            let got_on = done.copied.objects + done.replaced.objects > 0;
            total.add(done);
            if !(plan.is_partial && got_on) {
                break;
            }
        }
        resync.conflict = total.conflicts.first().cloned();
        resync.complete = total.held_back == 0;
        follower.succeeded();
        Ok(total)
    }
}

/// A resync that ends when this is dropped, however far it came.
struct Unfinished<'a> {
    shared: &'a Shared,
    number: usize,
    conflict: Option<crate::key::Key>,
    complete: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(member) = self.shared.members.get(self.number) {
            member.end_resync(self.conflict.as_ref(), self.complete);
        }
    }
}
