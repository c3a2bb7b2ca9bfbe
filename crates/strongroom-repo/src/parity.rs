//! Parity of packs that are in the store: planning it, adding it, taking away what is of no use.
//!
//! Packs get their parity when they are written, if the [`Settings`](crate::Settings) say so. This is for packs that were written
//! without, and for another wish. Parity is disposable and no journal entry names it, so nothing here can harm a snapshot.

mod apply;
mod plan;
mod puts;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_format::ObjectHash;
use strongroom_format::parity::Overhead;

pub use self::apply::ParityReport;
pub use self::plan::ParityPlan;
pub use self::puts::ParityCount;
pub(crate) use self::puts::{ParityPuts, make};
use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::features::may_maintain;
use crate::observer::Observer;
use crate::repository::Repository;

/// How [`plan_parity`](Repository::plan_parity) decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParityOptions {
    /// How much parity every pack is to have; none at all removes what there is. Default: [`Overhead::DISKS`].
    pub overhead: Option<Overhead>,
    /// Packs whose parity is made anew even if one of the right length is there: a check has found it damaged. Default: none.
    pub renew: BTreeSet<ObjectHash>,
}

impl Default for ParityOptions {
    fn default() -> Self {
        Self {
            overhead: Some(Overhead::DISKS),
            renew: BTreeSet::new(),
        }
    }
}

impl ParityOptions {
    /// Says how much parity every pack is to have.
    #[must_use]
    pub fn with_overhead(mut self, overhead: Option<Overhead>) -> Self {
        self.overhead = overhead;
        self
    }

    /// Names packs whose parity is made anew.
    #[must_use]
    pub fn with_renew(mut self, packs: impl IntoIterator<Item = ObjectHash>) -> Self {
        self.renew = packs.into_iter().collect();
        self
    }
}

impl Repository {
    /// Finds packs in force that have no parity, or another amount of it than is wished, and parity that is of no use: of packs that are neither in
    /// force nor there. That of packs that were dropped goes with them, by [`delete_dropped`](Self::delete_dropped).
    ///
    /// Lists packs and parity, and reads none of them: the length of parity says how much it is. Needs no key to content.
    ///
    /// # Errors
    ///
    /// `Damaged` names a journal entry that cannot be read; `Incompatible` when a later version forbids this one to maintain; otherwise what
    /// the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_parity(&self, options: ParityOptions) -> Result<ParityPlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-parity", move |remote| {
            let listed = plan::Found::list(remote)?;
            // Read later than what was listed: what is not in force now was not added since.
            let state = this.journal().refresh(remote, this.context())?;
            may_maintain(this.context(), &state)?;
            plan::make(this.id(), &state, &listed, options)
        })
        .await
    }

    /// Does what the plan says. Each pack that is to have parity is read and compared with its name: damage gets none, and is in the report.
    ///
    /// A plan does not become stale: a pack that has gone meanwhile is passed over.
    ///
    /// # Errors
    ///
    /// `Invalid` when the plan is of another repository, `Incompatible` as for [`plan_parity`](Self::plan_parity), by what this handle has
    /// read; otherwise what the store said when it was asked for a pack. What it said of single parity objects is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two requests; the rest is found by the next plan.
    pub async fn add_parity(
        &self,
        plan: ParityPlan,
        observer: Arc<dyn Observer>,
    ) -> Result<ParityReport> {
        may_maintain(self.context(), &self.journal().state())?;
        if plan.repository != self.id() {
            let what = "the plan is of another repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-parity", move |remote| {
            apply::apply(this.context(), remote, &plan, observer.as_ref())
        })
        .await
    }
}
