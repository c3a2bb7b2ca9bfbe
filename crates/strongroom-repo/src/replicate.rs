//! Replicas: the same repository, byte for byte, in another store.
//!
//! # Order
//!
//! A replica is put in the order in which everything is durable: config, slots, keyring, packs and segments in force, then journal
//! entries, then their bundles and the newest checkpoint. A replica says only what its journal says, so whatever interrupts a
//! replication, the replica is the repository as of an earlier entry.
//!
//! One thing needs more care. Between two entries that are copied the journal may name packs that were dropped later and are
//! deleted by now: *prefixes* of the journal are then *hollow*. So what was added and dropped since the last replication is copied
//! too while it still exists; and over prefixes that are hollow all the same the entries are put so that the first comes last. A
//! reader sees none of them before it sees all; interrupted in between, the replica tells whoever opens it afresh that an entry is
//! missing, until the replication is resumed. A first replication puts entry 0 last, so that it can be opened once it is complete.

mod compare;
mod inventory;
mod report;
mod round;
mod standing;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

use strongroom_store::Store;

pub use self::compare::ReplicaDifference;
pub use self::report::ReplicaReport;
use self::round::{Ended, Round};
pub use self::standing::ReplicaFork;
use crate::edge::Access;
use crate::error::Result;
use crate::observer::{Event, Observer, Phase};
use crate::pair;
use crate::repository::Repository;

impl Repository {
    /// Copies what `to` lacks of this repository, byte for byte, so that it opens with the same credentials and pin.
    ///
    /// It needs no key to content. Everything that is named by its hash is checked against it on the way. What was dropped here is
    /// not copied, nor deleted there: [`delete_dropped`](Self::delete_dropped) on the replica does that. What a revocation deleted
    /// here is deleted there too: slots that open nothing any more, and old keyrings. Everything in `to` is listed once.
    ///
    /// What is put is locked as [`Settings::object_lock`](crate::Settings::object_lock) of this handle says, if `to` can lock; the report says so if it cannot. The
    /// journal there says of locks what is true *here*, and is not believed there: a plan to extend locks asks the store. Locks of what
    /// was replicated earlier are not extended; the copy that a mirror makes keeps them up.
    ///
    /// Nobody may write to the replica. To go on with it after the original is lost, open it as it is.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when `to` holds something else than a repository; `Conflict` when it holds another repository, or entries that
    /// come after ours; `Fork` when its journal is another one from some entry on, or has an entry where ours has a Bridge and nothing tells that it
    /// is the lost one; `Damaged` names an object there that is not what was
    /// put; `Invalid` when objects are locked there and this machine's clock is not to be believed; otherwise what either store said. What is lost *here* is no
    /// error: it is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves a replica that the next call completes.
    pub async fn replicate(
        &self,
        to: Arc<dyn Store>,
        observer: Arc<dyn Observer>,
    ) -> Result<ReplicaReport> {
        let this = self.clone();
        let work = move |source: &_, target: &_| {
            observer.on_event(&Event::Phase(Phase::Prepare));
            let mut round = Round::look(&this, source, target, observer.as_ref())?;
            round.report.locked = target.lock_target()?;
            round.report.is_unlocked =
                this.context().settings.object_lock.is_some() && round.report.locked.is_none();
            round.begin()?;
            loop {
                let state = this.journal().refresh(source, this.context())?;
                if let Ended::Complete = round.run(&state)? {
                    return Ok(round.report);
                }
            }
        };
        let context = self.context();
        let to = Access::new(to, context.components.execution)
            .minding(self.manners())
            .with_cold_content(context.settings.cold_content);
        // A replica is locked as this repository is, if its store can.
        let to = match to.can_lock() {
            true => to.locking(&context.settings, &context.components),
            false => to,
        };
        if let Some(locker) = to.locker() {
            locker.learn(context.created(), &self.journal().state());
        }
        pair::between(self.store(), to, "strongroom-replicate", work).await
    }

    /// Says how the replica in `with` differs from this repository, how far it lags, and where their histories part if they do; and
    /// changes nothing. Everything in `with` is listed once, and nothing is read but config and a few journal entries: whether what is
    /// there is whole, a check tells.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when `with` holds something else than a repository; `Conflict` when it holds another repository; `Damaged` names
    /// an object there that is not what was put; otherwise what either store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn compare_replica(&self, with: Arc<dyn Store>) -> Result<ReplicaDifference> {
        let this = self.clone();
        let work = move |source: &_, target: &_| {
            let state = this.journal().refresh(source, this.context())?;
            Round::look(&this, source, target, &())?.difference(&state)
        };
        let with = Access::new(with, self.context().components.execution).minding(self.manners());
        pair::between(self.store(), with, "strongroom-compare", work).await
    }
}
