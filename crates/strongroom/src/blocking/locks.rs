//! Locks of objects.

use std::sync::Arc;

use strongroom_repo::{
    LockAudit, LockAuditOptions, LockOptions, LockPlan, LockReport, Observer, Result,
};

use super::Repository;

impl Repository {
    /// Finds out which locks have to be extended. Writes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_extend_locks`].
    pub fn plan_extend_locks(&self, options: LockOptions) -> Result<LockPlan> {
        self.run(|repository| async move { repository.plan_extend_locks(options).await })
    }

    /// Extends locks as planned.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::extend_locks`].
    pub fn extend_locks(&self, plan: LockPlan, observer: Arc<dyn Observer>) -> Result<LockReport> {
        self.run(|repository| async move { repository.extend_locks(plan, observer).await })
    }

    /// Asks the store how objects in force are locked.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::audit_locks`].
    pub fn audit_locks(
        &self,
        options: LockAuditOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<LockAudit> {
        self.run(|repository| async move { repository.audit_locks(options, observer).await })
    }
}
