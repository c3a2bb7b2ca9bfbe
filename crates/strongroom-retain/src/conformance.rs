//! The laws of [`Retention`], as functions that panic when one is broken. Feature `conformance`.
//!
//! ```
//! use strongroom_retain::{KeepRules, Moment, SnapshotInfo, conformance};
//!
//! let rules: KeepRules = "daily=2 tag=prod".parse()?;
//! let now = Moment::utc(1_000_000);
//! let snapshots: Vec<_> =
//!     (0..10).map(|day| SnapshotInfo::new(day, Moment::utc(day * 86_400))).collect();
//! conformance::check(&rules, &snapshots, now);
//! # Ok::<(), strongroom_retain::Error>(())
//! ```
//!
//! Ids of the snapshots that are given must differ. Call with as many different histories as you
//! can make up: pinned, held, incomplete, of equal times and of clocks that were wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::moment::Moment;
use crate::retention::Retention;
use crate::snapshot::SnapshotInfo;
use crate::verdict::Verdict;

/// Checks all laws that need one policy: 1 to 3 and 6 to 9.
///
/// # Panics
///
/// If a law is broken; the message has its number.
pub fn check<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    law_1_pure(policy, snapshots, now);
    law_2_one_verdict_for_each(policy, snapshots, now);
    law_3_pinned_and_held_are_kept(policy, snapshots, now);
    law_6_order_is_irrelevant(policy, snapshots, now);
    law_7_idempotent(policy, snapshots, now);
    law_8_the_future_is_kept_and_no_measure(policy, snapshots, now);
    law_9_incomplete_ones_take_no_place(policy, snapshots, now);
}

/// Checks that asking twice gives the same verdicts.
///
/// # Panics
///
/// If not.
pub fn law_1_pure<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let (first, again) = (policy.decide(snapshots, now), policy.decide(snapshots, now));
    assert_eq!(first, again, "law 1: asked twice");
}

/// Checks that there is one verdict for each snapshot, that what is kept has a reason, and that
/// what is forgotten gives way to snapshots that are there and kept.
///
/// # Panics
///
/// If not.
pub fn law_2_one_verdict_for_each<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let verdicts = policy.decide(snapshots, now);
    assert_eq!(verdicts.len(), snapshots.len(), "law 2: number of verdicts");
    for verdict in &verdicts {
        match verdict {
            Verdict::Keep(reasons) => assert!(!reasons.is_empty(), "law 2: kept without a reason"),
            Verdict::Forget(losses) => {
                for by in losses.iter().filter_map(|loss| loss.by()) {
                    let winner = verdicts.get(*by).map(Verdict::is_keep);
                    assert_eq!(
                        winner,
                        Some(true),
                        "law 2: gives way to {by}, which is not kept"
                    );
                }
            }
        }
    }
}

/// Checks that what is pinned or held is kept.
///
/// # Panics
///
/// If not.
pub fn law_3_pinned_and_held_are_kept<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let kept = kept(policy, snapshots, now);
    for one in snapshots.iter().filter(|one| one.pinned || one.held) {
        assert!(kept.contains(&one.id), "law 3: {:?} is forgotten", one.id);
    }
}

/// Checks that a policy without rules keeps everything.
///
/// # Panics
///
/// If not.
pub fn law_4_no_rules_keep_everything<Id: Ord + Clone + Debug>(
    without_rules: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let count = kept(without_rules, snapshots, now).len();
    assert_eq!(count, snapshots.len(), "law 4: no rules forget something");
}

/// Checks that a policy with more rules keeps all that one with fewer rules, but at least one,
/// keeps.
///
/// # Panics
///
/// If not.
pub fn law_5_more_rules_never_forget_more<Id: Ord + Clone + Debug>(
    fewer: &dyn Retention<Id>,
    more: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let (before, after) = (kept(fewer, snapshots, now), kept(more, snapshots, now));
    let lost: Vec<_> = before.difference(&after).collect();
    assert!(
        lost.is_empty(),
        "law 5: {lost:?} go because of one more rule"
    );
}

/// Checks that the verdict on a snapshot is the same wherever it stands.
///
/// # Panics
///
/// If not.
pub fn law_6_order_is_irrelevant<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let expected = named(policy, snapshots, now);
    let mut other = snapshots.to_vec();
    other.reverse();
    assert_eq!(named(policy, &other, now), expected, "law 6: backwards");
    other.rotate_left(snapshots.len() / 3);
    assert_eq!(
        named(policy, &other, now),
        expected,
        "law 6: cut and joined"
    );
    other.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(named(policy, &other, now), expected, "law 6: by id");
}

/// Checks that nothing that is kept is forgotten when only that is left.
///
/// # Panics
///
/// If not.
pub fn law_7_idempotent<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let survivors = kept(policy, snapshots, now);
    let left: Vec<_> = filtered(snapshots, |one| survivors.contains(&one.id));
    assert_eq!(kept(policy, &left, now), survivors, "law 7: applied again");
}

/// Checks that snapshots dated after `now` are kept, and that the others are kept or forgotten, for
/// the same reasons, as if those were not there.
///
/// # Panics
///
/// If not.
pub fn law_8_the_future_is_kept_and_no_measure<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let is_future = |one: &SnapshotInfo<Id>| one.moment.unix_seconds > now.unix_seconds;
    let mut with = named(policy, snapshots, now);
    for one in snapshots.iter().filter(|one| is_future(one)) {
        let verdict = with.remove(&one.id);
        let is_kept = verdict.is_some_and(|(verdict, _)| verdict.is_keep());
        assert!(
            is_kept,
            "law 8: {:?} is of the future and forgotten",
            one.id
        );
    }
    let present = filtered(snapshots, |one| !is_future(one));
    assert_eq!(
        named(policy, &present, now),
        with,
        "law 8: the future counts"
    );
}

/// Checks that every complete snapshot that is kept without the incomplete ones, or without one of
/// them, is kept with them.
///
/// # Panics
///
/// If not.
pub fn law_9_incomplete_ones_take_no_place<Id: Ord + Clone + Debug>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) {
    let complete = filtered(snapshots, |one| one.complete);
    let ids: BTreeSet<&Id> = complete.iter().map(|one| &one.id).collect();
    let with = kept(policy, snapshots, now);
    let check = |without: &[SnapshotInfo<Id>]| {
        for id in kept(policy, without, now) {
            let lost = ids.contains(&id) && !with.contains(&id);
            assert!(!lost, "law 9: {id:?} goes because of an incomplete one");
        }
    };
    check(&complete);
    for removed in snapshots.iter().filter(|one| !one.complete) {
        check(&filtered(snapshots, |one| one.id != removed.id));
    }
}

fn filtered<Id: Clone>(
    snapshots: &[SnapshotInfo<Id>],
    keep: impl Fn(&SnapshotInfo<Id>) -> bool,
) -> Vec<SnapshotInfo<Id>> {
    snapshots.iter().filter(|one| keep(one)).cloned().collect()
}

/// Returns the ids of what a policy keeps.
fn kept<Id: Ord + Clone>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) -> BTreeSet<Id> {
    let verdicts = policy.decide(snapshots, now);
    let pairs = snapshots.iter().zip(verdicts);
    let kept = pairs.filter(|(_, verdict)| verdict.is_keep());
    kept.map(|(one, _)| one.id.clone()).collect()
}

/// Returns the verdicts by id, with the ids of those that a snapshot gives way to in place of their
/// indices.
fn named<Id: Ord + Clone>(
    policy: &dyn Retention<Id>,
    snapshots: &[SnapshotInfo<Id>],
    now: Moment,
) -> BTreeMap<Id, (Verdict, Vec<Id>)> {
    let name = |verdict: Verdict| match verdict {
        Verdict::Keep(_) => (verdict, Vec::new()),
        Verdict::Forget(losses) => {
            let by = losses.iter().filter_map(|loss| snapshots.get(*loss.by()?));
            let by = by.map(|one| one.id.clone()).collect();
            let nameless = losses
                .into_iter()
                .filter_map(|loss| loss.rename(|_| Some(0)));
            (Verdict::Forget(nameless.collect()), by)
        }
    };
    let verdicts = policy.decide(snapshots, now).into_iter().map(name);
    let ids = snapshots.iter().map(|one| one.id.clone());
    ids.zip(verdicts).collect()
}
