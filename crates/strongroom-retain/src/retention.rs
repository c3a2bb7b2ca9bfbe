//! The joint: who decides which snapshots stay.

use std::fmt::Debug;
use std::sync::Arc;

use crate::moment::Moment;
use crate::snapshot::SnapshotInfo;
use crate::verdict::{Reason, Verdict};

/// Decides which snapshots of one group stay, and says why.
///
/// [`KeepRules`](crate::KeepRules) is the standard one, [`KeepEverything`] the shortest. A policy
/// of your own is safe to use through [`plan`](crate::plan), which keeps what is pinned, held or
/// dated in the future whatever a policy says, and refuses to empty a group.
///
/// # Contract
///
/// 1. *Pure.* The same snapshots and the same `now` give the same verdicts. No clock, no chance.
/// 2. *One verdict for each snapshot*, in the order of the input.
/// 3. *Pinned and held are kept.*
/// 4. *No rules keep everything.*
/// 5. *More rules never forget more*: what one of several rules keeps is kept.
/// 6. *Order is irrelevant*: the verdict of a snapshot does not depend on where it stands.
/// 7. *Idempotent*: applied to the survivors with the same `now`, it forgets nothing.
/// 8. *The future is kept and is no measure*: a snapshot dated after `now` (a clock was wrong) is
///    kept, and what happens to the others is as if it were not there.
/// 9. *Incomplete ones take no place*: a complete snapshot that is kept is kept still when an
///    incomplete one is added.
///
/// The module `conformance` (a feature) has each law as a function of the same number.
pub trait Retention<Id>: Debug + Send + Sync {
    /// Returns one verdict for each snapshot, in the same order.
    ///
    /// `now` is where the caller's clock stands; it serves only to tell which snapshots are dated
    /// in the future.
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], now: Moment) -> Vec<Verdict>;
}

impl<Id, T: Retention<Id> + ?Sized> Retention<Id> for Arc<T> {
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], now: Moment) -> Vec<Verdict> {
        (**self).decide(snapshots, now)
    }
}

impl<Id, T: Retention<Id> + ?Sized> Retention<Id> for &T {
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], now: Moment) -> Vec<Verdict> {
        (**self).decide(snapshots, now)
    }
}

/// Keeps everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to add to it")]
pub struct KeepEverything;

impl<Id> Retention<Id> for KeepEverything {
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], _now: Moment) -> Vec<Verdict> {
        let everything = |_| Verdict::Keep(vec![Reason::Everything]);
        snapshots.iter().map(everything).collect()
    }
}
