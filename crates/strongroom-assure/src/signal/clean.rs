//! The last points that were clean.

use serde::Serialize;
use strongroom_crypt::Id;
use strongroom_format::HoldAction;

use super::{Alarm, AlarmSeverity, SignalCode, SignalReport};
use crate::history::{EntryRef, History, SnapshotSeen};

/// The points to hold, so that retention does not remove what may be needed. Nothing is ever deleted because of a sign.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HoldCleanPoints {
    /// The resource.
    pub resource: String,
    /// What was captured before is taken for clean: Unix seconds.
    pub before: i64,
    /// The points, the newest first: the last ones of each repository, and older ones in case it began earlier.
    pub points: Vec<HeldPoint>,
    /// The signs.
    pub why: Vec<SignalCode>,
    /// The runs that had them.
    pub evidence: Vec<EntryRef>,
}

/// A point to hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldPoint {
    /// Its repository.
    pub repository: String,
    /// Its id; `None` if nothing named it.
    #[serde(skip)]
    pub id: Option<Id>,
    /// Its capture: Unix seconds.
    pub capture: i64,
    /// What shows it.
    pub entry: EntryRef,
    /// Whether it is held already.
    pub is_held: bool,
}

impl HoldCleanPoints {
    /// Returns what to hold because of critical alarms that nobody has found harmless; `None` if there is none.
    pub(super) fn of(history: &History, report: &SignalReport, now: i64) -> Option<Self> {
        let is_bad = |alarm: &&Alarm| alarm.severity == AlarmSeverity::Critical;
        let bad: Vec<&Alarm> = report.unreviewed().filter(is_bad).collect();
        let before = bad.iter().map(|alarm| alarm.bad_since).min()?;
        let mut why: Vec<SignalCode> = bad
            .iter()
            .flat_map(|alarm| &alarm.signals)
            .map(|one| one.code)
            .collect();
        why.sort_unstable();
        why.dedup();
        let points = history
            .resource(&report.resource)
            .map(|one| one.points.as_slice());
        let clean: Vec<&SnapshotSeen> = points
            .unwrap_or_default()
            .iter()
            .rev()
            .filter(|point| point.capture < before)
            .flat_map(|point| history.copies(point))
            .filter(|copy| copy.is_there(now) && !copy.is_suspect(now) && !copy.is_partial)
            .collect();
        let held = held(history, now);
        let point = |copy: &&SnapshotSeen| HeldPoint {
            repository: copy.repository.clone(),
            id: copy.id,
            capture: copy.capture,
            entry: copy.entry,
            is_held: copy.id.is_some_and(|id| held.contains(&id)),
        };
        Some(Self {
            resource: report.resource.clone(),
            before,
            points: chosen(&clean, before).iter().map(point).collect(),
            why,
            evidence: bad.iter().map(|alarm| alarm.run).collect(),
        })
    }
}

/// Chooses of clean copies, the newest first: of each repository the last three, and the last one that is a week, a month and
/// a quarter older.
fn chosen<'h>(clean: &[&'h SnapshotSeen], before: i64) -> Vec<&'h SnapshotSeen> {
    let mut repositories: Vec<&str> = clean.iter().map(|copy| copy.repository.as_str()).collect();
    repositories.sort_unstable();
    repositories.dedup();
    let mut chosen: Vec<&SnapshotSeen> = Vec::new();
    for repository in repositories {
        let here: Vec<&SnapshotSeen> = clean
            .iter()
            .copied()
            .filter(|copy| copy.repository == repository)
            .collect();
        chosen.extend(here.iter().take(LAST_POINTS));
        for days in OLDER_DAYS {
            let limit = before.saturating_sub(days * 86_400);
            chosen.extend(here.iter().find(|copy| copy.capture < limit));
        }
    }
    chosen.sort_by_key(|copy| std::cmp::Reverse((copy.capture, copy.entry)));
    chosen.dedup_by_key(|copy| copy.entry);
    chosen
}

/// Returns the snapshots that are held at a time.
fn held(history: &History, now: i64) -> Vec<Id> {
    let mut held: Vec<([u8; 16], &[Id])> = Vec::new();
    let mut actions: Vec<_> = history.holds().iter().filter(|one| one.at <= now).collect();
    actions.sort_by_key(|one| (one.at, one.entry));
    for one in actions {
        match one.fact.action {
            HoldAction::Place => held.push((one.fact.id, &one.fact.snapshots)),
            _ => held.retain(|(id, _)| *id != one.fact.id),
        }
    }
    held.into_iter()
        .flat_map(|(_, snapshots)| snapshots.iter().copied())
        .collect()
}

/// What somebody who looked at a point says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum SignalJudgement {
    /// It is as it should be.
    Clean,
    /// It is not.
    Bad,
    /// It could not be told: the point is not there, or cannot be read.
    Unknown,
}

/// The result of [`clean_point_search`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CleanSearch {
    /// Place of the last point that was found clean.
    pub clean: Option<usize>,
    /// Place of the first one after it that was found bad.
    pub bad: Option<usize>,
    /// How many points were looked at.
    pub asked: usize,
}

/// Searches points, the oldest first, for the last clean one: by halves, as what is bad stays bad. `judge` looks at one, by
/// restoring a file or by the signs of its run.
///
/// A point about which nothing can be told is passed over for one beside it. That what is bad stays bad is for the caller to
/// know; the result is a clean point followed by a bad one in any case.
pub fn clean_point_search(
    count: usize,
    mut judge: impl FnMut(usize) -> SignalJudgement,
) -> CleanSearch {
    let (mut low, mut high) = (0, count);
    let mut search = CleanSearch {
        clean: None,
        bad: None,
        asked: 0,
    };
    while low < high {
        let middle = low + (high - low) / 2;
        // From the middle outwards, so that one unknown point costs one question.
        let mut told = None;
        for place in outwards(low, high, middle) {
            search.asked += 1;
            match judge(place) {
                SignalJudgement::Unknown => {}
                judgement => {
                    told = Some((place, judgement));
                    break;
                }
            }
        }
        match told {
            Some((place, SignalJudgement::Clean)) => {
                search.clean = Some(place);
                low = place + 1;
            }
            Some((place, _)) => {
                search.bad = Some(place);
                high = place;
            }
            None => break,
        }
    }
    search
}

/// Returns the places from `low` on and below `high`, those next to `middle` first.
fn outwards(low: usize, high: usize, middle: usize) -> impl Iterator<Item = usize> {
    let mut places: Vec<usize> = (low..high).collect();
    places.sort_by_key(|place| place.abs_diff(middle));
    places.into_iter()
}

/// The last points of each repository, and those that are so many days older.
const LAST_POINTS: usize = 3;
const OLDER_DAYS: [i64; 3] = [7, 30, 90];
