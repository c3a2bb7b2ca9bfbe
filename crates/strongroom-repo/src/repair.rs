//! Repair: what is damaged or lost is brought back from where it still is, and what cannot be is put in quarantine and named.
//!
//! ```text
//! suspects ─► each is read again ─► where from? ─► plan: items, and what is lost down to files
//! plan ─► each item is looked at once more ─► put back · made anew · quarantined · moved
//! ```
//!
//! # What becomes of a bad pack
//!
//! 1. *Its bytes are somewhere*, in its parity or in a mirror. Their hash is the name, so they are put back under it. No entry is written:
//!    nothing was ever said of the pack.
//! 2. *Its bytes are nowhere, and nothing that is left behind is needed*: what snapshots need of the bad frames is in other packs too, or
//!    they need nothing of them. The good frames are moved to new packs and the pack is dropped, by one `Tombstone`. The precondition is
//!    that of a prune, and checked over exactly the entries before it.
//! 3. *Its bytes are nowhere, and something is needed*: a `Damaged` entry puts the bad frames in quarantine, so that no backup leaves out
//!    what is in them, and files that need it count as changed. The next backup that still has them stores them again. Their ids are equal, so
//!    older snapshots are whole again, too; and the next repair finds the case 2.
//!
//! A pack in quarantine stays there until it is dropped (`docs/format.md` §8.4). So one that has become good again, or of which the bytes
//! are found, is moved as in case 2, with nothing left behind. In this way damage that was healed ends, and a repository that was repaired
//! is one of which no check finds anything.
//!
//! What is locked cannot be replaced in place, though its bytes are somewhere: such a pack goes into quarantine, and the next repair moves it as in case 2; a
//! segment is made anew from the headers of packs. Of anything else the plan says until when it is locked.
//!
//! # What is never done
//!
//! What a later version wrote is left alone. Nothing is changed that is as it should be, so repairing a healthy repository writes nothing.
//! Nothing that is no object of the repository is touched, nor what no entry names.

mod apply;
mod chain;
mod copies;
mod exam;
mod item;
mod leaves;
mod live;
mod look;
mod losses;
mod mirrors;
mod naming;
mod options;
mod packs;
mod parity;
mod plan;
mod quarantine;
mod relocate;
mod report;
mod rewrite;
mod segments;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use strongroom_format::DamagedObject;

pub use self::item::{NoRemedy, Remedy, RepairItem, RepairSource, Wrong};
use self::look::Look;
pub use self::losses::{LossAt, LossKind, Losses, SnapshotLosses};
use self::mirrors::Mirrors;
pub use self::options::RepairOptions;
pub use self::plan::RepairPlan;
pub use self::report::{QuarantineReport, RepairReport};
pub use self::rewrite::{Rewrite, RewriteOptions, RewritePlan, RewriteReport, Rewritten};
use crate::edge::{self, Access};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase};
use crate::pair;
use crate::repository::Repository;

impl Repository {
    /// Finds out what is wrong with the repository, and decides what can be done about it. Writes nothing.
    ///
    /// Every suspect is read again, and so is what is in quarantine. Where something has no source, the trees of all snapshots are followed,
    /// to know whether it is needed and what is lost with it.
    ///
    /// Memory: one pack; the blobs of bad frames, 40 bytes each; ids of at most a million pages.
    ///
    /// # Errors
    ///
    /// `Damaged` names a journal entry that cannot be read: a planned bridge comes first. Otherwise what the store said. A store to take from
    /// that cannot be read is no error: the plan says so.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_repair(
        &self,
        options: RepairOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<RepairPlan> {
        let this = self.clone();
        let others = self.others(&options.from);
        pair::among(
            others,
            self.store().fresh(),
            "strongroom-plan-repair",
            move |others, main| {
                observer.on_event(&Event::Phase(Phase::Prepare));
                let mirrors = Mirrors::new(others);
                let look = Look::begin(&this, main, &mirrors)?;
                observer.on_event(&Event::Phase(Phase::Plan));
                let plan = plan::make_plan(&look, &options);
                this.journal().keep(this.context());
                plan
            },
        )
        .await
    }

    /// Carries a plan out. Each item is looked at again first: what is as it should be by now is passed over, and where something else would
    /// be decided, nothing is done, and the report says so.
    ///
    /// It can be done again after an interruption, and beside backups and prunes.
    ///
    /// # Errors
    ///
    /// `Stale` when nothing at all could be done as planned; `Invalid` when the plan is of another repository; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two requests. What is done is done; packs may remain that no entry names.
    pub async fn repair(
        &self,
        plan: RepairPlan,
        observer: Arc<dyn Observer>,
    ) -> Result<RepairReport> {
        if plan.repository != self.id() {
            let what = "the plan is of another repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let this = self.clone();
        let others = self.others(&plan.from);
        pair::among(
            others,
            self.store().fresh(),
            "strongroom-repair",
            move |others, main| {
                let mirrors = Mirrors::new(others);
                let report = apply::apply(&this, main, &mirrors, &plan, observer.as_ref());
                this.journal().keep(this.context());
                report
            },
        )
        .await
    }

    /// Reads packs, or frames of packs, that somebody found damaged, and says in the journal which of them are: from then on no backup
    /// relies on them, and files that need them count as changed. What is as it should be is left alone.
    /// Of a pack that is named without frames every frame is opened.
    ///
    /// # Errors
    ///
    /// `WrongKey` when this handle's keys are neither a writer's nor a maintainer's nor an auditor's; `Incompatible` when a later version forbids
    /// this one to write; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind, or some of the entries.
    pub async fn quarantine(&self, found: Vec<DamagedObject>) -> Result<QuarantineReport> {
        let this = self.clone();
        edge::run(
            self.store().fresh(),
            "strongroom-quarantine",
            move |remote| {
                let mirrors = Mirrors::new(&[]);
                let report = Look::begin(&this, remote, &mirrors)?.quarantine(&found);
                this.journal().keep(this.context());
                report
            },
        )
        .await
    }

    fn others(&self, stores: &[Arc<dyn strongroom_store::Store>]) -> Vec<Access> {
        let execution = self.context().components.execution;
        let access = |store: &Arc<dyn strongroom_store::Store>| {
            let access = Access::new(store.clone(), execution).fresh();
            access.minding(self.manners())
        };
        stores.iter().map(access).collect()
    }
}
