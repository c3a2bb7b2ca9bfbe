//! What keeps a repository in order: forgetting and bringing back, pruning, deleting, copies, and holds.

use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_repo::{
    CopyOptions, CopyReport, DeleteOptions, DeletePlan, DeleteReport, ForgetOptions, ForgetPlan,
    ForgetReport, Forgotten, HoldInfo, HoldRequest, Observer, ParityOptions, ParityPlan,
    ParityReport, PruneOptions, PrunePlan, PruneReport, ReplicaDifference, ReplicaReport, Result,
    UndeletePlan, UndeleteReport,
};
use strongroom_store::Store;

use super::Repository;

impl Repository {
    /// Places a hold: what is held is not forgotten by anybody. Returns its id.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::place_hold`].
    pub fn place_hold(&self, request: HoldRequest) -> Result<[u8; 16]> {
        self.run(|repository| async move { repository.place_hold(request).await })
    }

    /// Releases a hold.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::release_hold`].
    pub fn release_hold(&self, id: [u8; 16]) -> Result<()> {
        self.run(|repository| async move { repository.release_hold(id).await })
    }

    /// Lists the holds in force.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::holds`].
    pub fn holds(&self) -> Result<Vec<HoldInfo>> {
        self.run(|repository| async move { repository.holds().await })
    }

    /// Plans what to forget; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_forget`].
    pub fn plan_forget(&self, options: ForgetOptions) -> Result<ForgetPlan> {
        self.run(|repository| async move { repository.plan_forget(options).await })
    }

    /// Forgets what a plan says.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::forget`].
    pub fn forget(&self, plan: ForgetPlan) -> Result<ForgetReport> {
        self.run(|repository| async move { repository.forget(plan).await })
    }

    /// Lists the snapshots that were forgotten and are not in force again.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::forgotten`].
    pub fn forgotten(&self) -> Result<Vec<Forgotten>> {
        self.run(|repository| async move { repository.forgotten().await })
    }

    /// Plans to bring a forgotten snapshot back; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_undelete`].
    pub fn plan_undelete(&self, id: Id) -> Result<UndeletePlan> {
        self.run(|repository| async move { repository.plan_undelete(id).await })
    }

    /// Brings a forgotten snapshot back.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::undelete`].
    pub fn undelete(
        &self,
        plan: UndeletePlan,
        observer: Arc<dyn Observer>,
    ) -> Result<UndeleteReport> {
        self.run(|repository| async move { repository.undelete(plan, observer).await })
    }

    /// Copies snapshots into another repository, the oldest first.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::copy_to`].
    pub fn copy_to(
        &self,
        target: &Self,
        options: CopyOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<CopyReport> {
        let target = target.inner().clone();
        self.run(|repository| async move { repository.copy_to(&target, options, observer).await })
    }

    /// Copies snapshots into several repositories, one after the other.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::copy_to_all`], for each target.
    pub fn copy_to_all(
        &self,
        targets: &[Self],
        options: CopyOptions,
        observer: Arc<dyn Observer>,
    ) -> Vec<Result<CopyReport>> {
        let targets: Vec<_> = targets.iter().map(|one| one.inner().clone()).collect();
        self.run(
            |repository| async move { repository.copy_to_all(&targets, options, observer).await },
        )
    }

    /// Copies what `to` lacks of this repository, byte for byte.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::replicate`].
    pub fn replicate(
        &self,
        to: Arc<dyn Store>,
        observer: Arc<dyn Observer>,
    ) -> Result<ReplicaReport> {
        self.run(|repository| async move { repository.replicate(to, observer).await })
    }

    /// Says how the replica in `with` differs from this repository, how far it lags, and where their histories part if they do.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::compare_replica`].
    pub fn compare_replica(&self, with: Arc<dyn Store>) -> Result<ReplicaDifference> {
        self.run(|repository| async move { repository.compare_replica(with).await })
    }

    /// Finds out what no snapshot needs, and decides what becomes of it. Writes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_prune`].
    pub fn plan_prune(
        &self,
        options: PruneOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<PrunePlan> {
        self.run(|repository| async move { repository.plan_prune(options, observer).await })
    }

    /// Carries out the plan of a prune. Nothing is deleted.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::prune`].
    pub fn prune(&self, plan: PrunePlan, observer: Arc<dyn Observer>) -> Result<PruneReport> {
        self.run(|repository| async move { repository.prune(plan, observer).await })
    }

    /// Finds what was dropped long enough ago and is still there.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_delete`].
    pub fn plan_delete(&self, options: DeleteOptions) -> Result<DeletePlan> {
        self.run(|repository| async move { repository.plan_delete(options).await })
    }

    /// Deletes what the plan names.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::delete_dropped`].
    pub fn delete_dropped(
        &self,
        plan: DeletePlan,
        observer: Arc<dyn Observer>,
    ) -> Result<DeleteReport> {
        self.run(|repository| async move { repository.delete_dropped(plan, observer).await })
    }

    /// Finds packs that have no parity, or another amount of it than is wished.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_parity`].
    pub fn plan_parity(&self, options: ParityOptions) -> Result<ParityPlan> {
        self.run(|repository| async move { repository.plan_parity(options).await })
    }

    /// Gives packs the parity that the plan says.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::add_parity`].
    pub fn add_parity(
        &self,
        plan: ParityPlan,
        observer: Arc<dyn Observer>,
    ) -> Result<ParityReport> {
        self.run(|repository| async move { repository.add_parity(plan, observer).await })
    }
}
