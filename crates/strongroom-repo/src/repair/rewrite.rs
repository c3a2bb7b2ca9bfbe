//! Snapshots without what they have lost: only when somebody asks for it, as new snapshots beside the originals.

mod commit;
mod directory;
mod plan;
mod store;

use std::sync::Arc;

use strongroom_crypt::Id;

pub use self::plan::{Rewrite, RewriteOptions, RewritePlan, RewriteReport, Rewritten};
use super::look::Look;
use super::mirrors::Mirrors;
use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase};
use crate::repository::Repository;

/// The label of a snapshot that was made of another one without what that had lost: the id of that.
pub(crate) const REWRITTEN_FROM: &str = "strongroom.rewritten-from";

impl Repository {
    /// Finds out what snapshots would be without what they have lost. Writes nothing.
    ///
    /// What is lost is what no pack has any more that can be read: repair first, and let a backup bring back what it still has.
    ///
    /// # Errors
    ///
    /// `NotFound` when a snapshot that the options name is not there; otherwise as [`plan_repair`](Self::plan_repair).
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_rewrite(
        &self,
        options: RewriteOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<RewritePlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-rewrite", move |remote| {
            observer.on_event(&Event::Phase(Phase::Plan));
            let mirrors = Mirrors::new(&[]);
            let look = Look::begin(&this, remote, &mirrors)?;
            let plan = plan::make_plan(&look, &options);
            this.journal().keep(this.context());
            plan
        })
        .await
    }

    /// Makes the new snapshots, the oldest first. Each has the series, times, tags and labels of its original, a label that names it, the
    /// outcome *partial*, and in its details what was left out. The original stays until somebody forgets it, or the options say to.
    ///
    /// Of a directory that has lost a page only the entries of that page are left out; a file that has lost something of its content is
    /// left out as a whole.
    ///
    /// # Errors
    ///
    /// `Invalid` when the plan is of another repository; `Stale` when nothing could be done as planned; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the snapshots that are made, and packs that no entry names.
    pub async fn rewrite(
        &self,
        plan: RewritePlan,
        observer: Arc<dyn Observer>,
    ) -> Result<RewriteReport> {
        if plan.repository != self.id() {
            let what = "the plan is of another repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-rewrite", move |remote| {
            let report = commit::apply(&this, remote, &plan, observer.as_ref());
            this.journal().keep(this.context());
            report
        })
        .await
    }
}

/// Makes the error of a snapshot that is not there.
fn no_snapshot(id: &Id) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no snapshot {id}"))
}
