//! Clocks that cannot all be right.

use std::collections::HashMap;

use strongroom_crypt::Id;
use strongroom_retain::{Moment, Reason, Retention, SnapshotInfo, Verdict};

/// What retention does where clocks contradict each other.
///
/// Rules count days by the dates of snapshots, and these are as right as the clocks of the machines that made them. The order of the
/// journal needs no clock. So for each group by itself, of what is in force, retention *waits*, that is keeps everything, when
///
/// 1. the snapshot that was committed last, or at least half of all, is dated more than a day after now: the clock that decides has
///    fallen behind;
/// 2. the snapshot that was committed last is dated more than a day before another one that is not dated after now: a clock has
///    gone back, and rules would take the newest backups for the oldest;
/// 3. the snapshot that was committed last is dated more than 180 days after all others, and that is more than twice the longest time
///    there was between two of them: a clock may have leapt ahead, or a machine has been off. The next backup decides.
///
/// After an old snapshot was brought back, or copied from elsewhere, a group therefore waits for its next backup.
///
/// A single snapshot dated after now, which a clock that was wrong has left behind, is kept and stops nothing. Snapshots that are
/// forgotten by name do not wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClockTrust {
    /// It waits.
    #[default]
    Wait,
    /// It goes on: somebody has looked at the clocks.
    Trust,
}

/// A policy that waits where clocks contradict each other.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    pub(super) policy: &'a dyn Retention<Id>,
    /// The entries that committed the snapshots.
    pub(super) entries: &'a HashMap<Id, u64>,
}

impl Retention<Id> for Waiting<'_> {
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], now: Moment) -> Vec<Verdict> {
        match self.doubt(snapshots, now.unix_seconds) {
            None => self.policy.decide(snapshots, now),
            Some(why) => {
                let wait = |_| Verdict::Keep(vec![Reason::Other(why.to_owned())]);
                snapshots.iter().map(wait).collect()
            }
        }
    }
}

impl Waiting<'_> {
    /// Says why a group waits.
    fn doubt(&self, snapshots: &[SnapshotInfo<Id>], now: i64) -> Option<&'static str> {
        let date = |one: &SnapshotInfo<Id>| one.moment.unix_seconds;
        let entry = |one: &&SnapshotInfo<Id>| self.entries.get(&one.id).copied();
        let last = date(snapshots.iter().max_by_key(entry)?);
        let is_ahead = |date: i64| date > now.saturating_add(DAY);
        let mut dates: Vec<i64> = snapshots
            .iter()
            .map(date)
            .filter(|date| !is_ahead(*date))
            .collect();
        if is_ahead(last) || dates.len() * 2 <= snapshots.len() {
            return Some("waits: snapshots are dated after now, a clock is wrong");
        }
        dates.sort_unstable();
        let newest = dates.last().copied().unwrap_or(last);
        if last < newest.saturating_sub(DAY) {
            return Some("waits: the last one is dated before others, a clock was wrong");
        }
        let mut gaps = dates.windows(2).map(|pair| match pair {
            [early, late] => late.saturating_sub(*early),
            _ => 0,
        });
        let leap = gaps.next_back().filter(|_| last == newest);
        let longest = gaps.max().unwrap_or(0);
        leap.filter(|leap| *leap > LEAP && *leap / 2 > longest).map(
            |_| "waits: the last one is dated long after all others, until another one follows",
        )
    }
}

const DAY: i64 = 86_400;
/// Half a year.
const LEAP: i64 = 180 * DAY;
