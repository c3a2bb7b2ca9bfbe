//! Deleting what was dropped: apart from pruning, delayed, and as often as one likes.

mod apply;
mod choose;
mod may_delete;
mod options;
mod plan;
mod report;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::may_delete::MayDelete;
pub use self::options::DeleteOptions;
pub use self::plan::{DeletePlan, DeleteReason, DoomedObject, LockedObject};
pub use self::report::DeleteReport;
use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::features::may_maintain;
use crate::observer::Observer;
use crate::repository::Repository;

impl Repository {
    /// Finds what was dropped at least [`DeleteOptions::min_age`] ago and is still there, and checkpoints and beacons that are of no use any
    /// more.
    ///
    /// Reads every journal entry itself: only what one of them dropped is ever deleted. Lists the repository. To see whether it may
    /// delete, it asks the store to delete an object that is never there.
    ///
    /// # Errors
    ///
    /// `Damaged` names a journal entry that cannot be read; `Incompatible` when a later version forbids this one to maintain; otherwise what
    /// the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_delete(&self, options: DeleteOptions) -> Result<DeletePlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-delete", move |remote| {
            choose::make_plan(&this, remote, &options)
        })
        .await
    }

    /// Deletes, after making sure that this store has the journal that the plan was made from. What is gone already is no error, so that it can be done again after an interruption, or by two at once.
    ///
    /// # Errors
    ///
    /// `Invalid` when the plan is of another repository, `Incompatible` as for [`plan_delete`](Self::plan_delete), by what this
    /// handle has read. `Rollback` or `Fork` when the journal here is older than the one that the plan was made from, as in a replica
    /// that lags behind, or another: nothing is deleted then ([`Error::heads`] has both). `Stale` when something of the plan is in force again, since the journal
    /// was repaired: plan again. What the store refuses to delete is in the
    /// report; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two requests; the rest is found by the next plan.
    pub async fn delete_dropped(
        &self,
        plan: DeletePlan,
        observer: Arc<dyn Observer>,
    ) -> Result<DeleteReport> {
        may_maintain(self.context(), &self.journal().state())?;
        if plan.repository != self.id() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the plan is of another repository",
            ));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-delete", move |remote| {
            apply::apply(&this, remote, &plan, observer.as_ref())
        })
        .await
    }
}
