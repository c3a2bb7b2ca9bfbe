//! What mends a repository.

use std::sync::Arc;

use strongroom_format::DamagedObject;
use strongroom_repo::{
    Observer, QuarantineReport, RepairOptions, RepairPlan, RepairReport, Result, RewriteOptions,
    RewritePlan, RewriteReport,
};

use super::Repository;

impl Repository {
    /// Finds out what is wrong and what can be done about it; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_repair`].
    pub fn plan_repair(
        &self,
        options: RepairOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<RepairPlan> {
        self.run(|repository| async move { repository.plan_repair(options, observer).await })
    }

    /// Does what a plan says.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::repair`].
    pub fn repair(&self, plan: RepairPlan, observer: Arc<dyn Observer>) -> Result<RepairReport> {
        self.run(|repository| async move { repository.repair(plan, observer).await })
    }

    /// Puts what is damaged, of what somebody found damaged, in quarantine.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::quarantine`].
    pub fn quarantine(&self, found: Vec<DamagedObject>) -> Result<QuarantineReport> {
        self.run(|repository| async move { repository.quarantine(found).await })
    }

    /// Finds out what snapshots would be without what they have lost; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_rewrite`].
    pub fn plan_rewrite(
        &self,
        options: RewriteOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<RewritePlan> {
        self.run(|repository| async move { repository.plan_rewrite(options, observer).await })
    }

    /// Makes snapshots without what others have lost.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::rewrite`].
    pub fn rewrite(&self, plan: RewritePlan, observer: Arc<dyn Observer>) -> Result<RewriteReport> {
        self.run(|repository| async move { repository.rewrite(plan, observer).await })
    }
}
