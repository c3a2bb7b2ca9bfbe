//! What would be forgotten, before anything is.

use std::collections::BTreeMap;
use std::fmt;

use crate::choose::standing;
use crate::error::{Error, ErrorKind};
use crate::group::{GroupBy, GroupKey};
use crate::moment::Moment;
use crate::retention::Retention;
use crate::snapshot::SnapshotInfo;
use crate::verdict::{Loss, Reason, Verdict};

/// Plans what to forget: applies a policy to each group by itself.
///
/// Whatever the policy says, what is pinned, held or dated after `now` is kept, and a group that
/// has a complete snapshot keeps one (any other group keeps one at all), unless its key is among
/// `allow_empty`. The keys there of groups that do not exist have no effect.
///
/// ```
/// use strongroom_retain::{ErrorKind, GroupBy, KeepRules, Moment, SnapshotInfo, plan};
///
/// let at = |text: &str| text.parse::<Moment>();
/// let snapshots = [
///     SnapshotInfo::new(1, at("2026-11-20T08:00:00+01:00")?).with_tag("prod"),
///     SnapshotInfo::new(2, at("2026-11-21T08:00:00+01:00")?),
///     SnapshotInfo::new(3, at("2026-11-21T20:00:00+01:00")?),
/// ];
/// let now = at("2026-11-22T02:00:00+01:00")?;
/// let by = GroupBy::nothing();
///
/// let rules: KeepRules = "daily=2".parse()?;
/// let plan = plan(&snapshots, &by, &rules, now, &[])?;
/// assert_eq!(plan.forgotten_ids().collect::<Vec<_>>(), [&2]);
/// assert_eq!(plan.decision(&3).map(|one| one.why()), Some("daily 2026-11-21".into()));
/// assert_eq!(plan.decision(&2).map(|one| one.why()), Some("daily 2026-11-21 is 3".into()));
///
/// // A mistyped tag would keep nothing.
/// let mistyped: KeepRules = "tag=prdo".parse()?;
/// let refused = strongroom_retain::plan(&snapshots, &by, &mistyped, now, &[]).unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::EmptiesGroup);
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
///
/// # Errors
///
/// `EmptiesGroup` as said; `Duplicate` when two snapshots have one id; `Policy` when the policy
/// does not return one verdict for each snapshot, or names a snapshot that is not there.
pub fn plan<Id: Clone + Ord>(
    snapshots: &[SnapshotInfo<Id>],
    group_by: &GroupBy,
    policy: &dyn Retention<Id>,
    now: Moment,
    allow_empty: &[GroupKey],
) -> Result<Plan<Id>, Error> {
    let mut ids: Vec<&Id> = snapshots.iter().map(|one| &one.id).collect();
    ids.sort();
    if ids.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Error::new(
            ErrorKind::Duplicate,
            "two snapshots have the same id",
        ));
    }
    let mut members: BTreeMap<GroupKey, Vec<SnapshotInfo<Id>>> = BTreeMap::new();
    for snapshot in snapshots {
        let key = group_by.key(snapshot);
        members.entry(key).or_default().push(snapshot.clone());
    }
    let mut groups = Vec::with_capacity(members.len());
    for (key, mut snapshots) in members {
        snapshots.sort_by(|a, b| b.place().cmp(&a.place()));
        let verdicts = policy.decide(&snapshots, now);
        let decisions = decisions(snapshots, verdicts, now)?;
        groups.push(Group { key, decisions });
    }
    let refused: Vec<_> = groups
        .iter()
        .filter(|group| group.is_emptied() && !allow_empty.contains(&group.key))
        .map(|group| group.key.clone())
        .collect();
    if !refused.is_empty() {
        return Err(Error::empties(refused));
    }
    Ok(Plan {
        group_by: group_by.clone(),
        now,
        groups,
    })
}

fn decisions<Id: Clone>(
    snapshots: Vec<SnapshotInfo<Id>>,
    verdicts: Vec<Verdict>,
    now: Moment,
) -> Result<Vec<Decision<Id>>, Error> {
    let broken = || Error::new(ErrorKind::Policy, "the policy broke its contract");
    if verdicts.len() != snapshots.len() {
        return Err(broken());
    }
    let ids: Vec<Id> = snapshots.iter().map(|one| one.id.clone()).collect();
    let decide = |(snapshot, verdict): (SnapshotInfo<Id>, Verdict)| {
        let outcome = match verdict {
            Verdict::Keep(reasons) => Outcome::Kept(reasons),
            Verdict::Forget(losses) => {
                let standing = standing(&snapshot, now);
                if standing.is_empty() {
                    let name = |loss: Loss<usize>| loss.rename(|index| ids.get(index).cloned());
                    let named: Option<Vec<_>> = losses.into_iter().map(name).collect();
                    Outcome::Forgotten(named.ok_or_else(broken)?)
                } else {
                    Outcome::Kept(standing)
                }
            }
        };
        Ok(Decision { snapshot, outcome })
    };
    snapshots.into_iter().zip(verdicts).map(decide).collect()
}

/// What would be forgotten, and why. Made by [`plan`]; it prints as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<Id> {
    group_by: GroupBy,
    now: Moment,
    groups: Vec<Group<Id>>,
}

impl<Id> Plan<Id> {
    /// Returns what told the groups apart.
    #[must_use]
    pub fn group_by(&self) -> &GroupBy {
        &self.group_by
    }

    /// Returns the time that it was made for.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Returns the groups in the order of their keys.
    #[must_use]
    pub fn groups(&self) -> &[Group<Id>] {
        &self.groups
    }

    /// Returns all decisions, by group, the newest first.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision<Id>> {
        self.groups.iter().flat_map(|group| &group.decisions)
    }

    /// Returns the ids of what would be forgotten, in the order of the decisions.
    pub fn forgotten_ids(&self) -> impl Iterator<Item = &Id> {
        let forgotten = self.decisions().filter(|one| !one.is_kept());
        forgotten.map(|one| &one.snapshot.id)
    }

    /// Returns the ids of what would be kept, in the order of the decisions.
    pub fn kept_ids(&self) -> impl Iterator<Item = &Id> {
        let kept = self.decisions().filter(|one| one.is_kept());
        kept.map(|one| &one.snapshot.id)
    }

    /// Returns the keys of the groups that would be left without a snapshot, or without the
    /// complete ones they have. All were allowed.
    pub fn emptied(&self) -> impl Iterator<Item = &GroupKey> {
        let emptied = self.groups.iter().filter(|group| group.is_emptied());
        emptied.map(|group| &group.key)
    }

    /// Says whether nothing would be forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decisions().all(Decision::is_kept)
    }
}

impl<Id: PartialEq> Plan<Id> {
    /// Returns the decision on one snapshot, with why it is kept or forgotten.
    #[must_use]
    pub fn decision(&self, id: &Id) -> Option<&Decision<Id>> {
        self.decisions().find(|one| one.snapshot.id == *id)
    }
}

/// One history of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<Id> {
    key: GroupKey,
    decisions: Vec<Decision<Id>>,
}

impl<Id> Group<Id> {
    /// Returns its key.
    #[must_use]
    pub fn key(&self) -> &GroupKey {
        &self.key
    }

    /// Returns a decision for each snapshot, the newest first.
    #[must_use]
    pub fn decisions(&self) -> &[Decision<Id>] {
        &self.decisions
    }

    /// Returns how many snapshots would be kept.
    #[must_use]
    pub fn kept_count(&self) -> usize {
        self.decisions.iter().filter(|one| one.is_kept()).count()
    }

    /// Returns how many snapshots would be forgotten.
    #[must_use]
    pub fn forgotten_count(&self) -> usize {
        self.decisions.len() - self.kept_count()
    }

    /// Says whether it would be left without a snapshot, or without the complete ones it has.
    #[must_use]
    pub fn is_emptied(&self) -> bool {
        let has_complete = self.decisions.iter().any(|one| one.snapshot.complete);
        let serves = |one: &Decision<Id>| one.is_kept() && (one.snapshot.complete || !has_complete);
        !self.decisions.iter().any(serves)
    }
}

/// What becomes of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<Id> {
    snapshot: SnapshotInfo<Id>,
    outcome: Outcome<Id>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome<Id> {
    Kept(Vec<Reason>),
    Forgotten(Vec<Loss<Id>>),
}

impl<Id> Decision<Id> {
    /// Returns the snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &SnapshotInfo<Id> {
        &self.snapshot
    }

    /// Says whether it would be kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self.outcome, Outcome::Kept(_))
    }

    /// Returns why it would be kept, or `None` if it would not.
    #[must_use]
    pub fn why_kept(&self) -> Option<&[Reason]> {
        match &self.outcome {
            Outcome::Kept(reasons) => Some(reasons),
            Outcome::Forgotten(_) => None,
        }
    }

    /// Returns why it would be forgotten, rule by rule, or `None` if it would not.
    #[must_use]
    pub fn why_forgotten(&self) -> Option<&[Loss<Id>]> {
        match &self.outcome {
            Outcome::Kept(_) => None,
            Outcome::Forgotten(losses) => Some(losses),
        }
    }
}

impl<Id: fmt::Display> Decision<Id> {
    /// Returns why it would be kept or forgotten, as one line.
    #[must_use]
    pub fn why(&self) -> String {
        let join = |parts: Vec<String>| parts.join("; ");
        match &self.outcome {
            Outcome::Kept(reasons) => join(reasons.iter().map(ToString::to_string).collect()),
            Outcome::Forgotten(losses) => join(losses.iter().map(ToString::to_string).collect()),
        }
    }
}

/// A table for people: a line for each group, and one for each snapshot with its reasons.
impl<Id: fmt::Display> fmt::Display for Plan<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, group) in self.groups.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            group.fmt(f)?;
        }
        Ok(())
    }
}

impl<Id: fmt::Display> fmt::Display for Group<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, forgotten) = (self.kept_count(), self.forgotten_count());
        writeln!(f, "{}: keep {kept}, forget {forgotten}", self.key)?;
        for one in &self.decisions {
            let fate = if one.is_kept() { "keep" } else { "forget" };
            let SnapshotInfo { id, moment, .. } = &one.snapshot;
            let partial = if one.snapshot.complete {
                ""
            } else {
                " (incomplete)"
            };
            writeln!(f, "  {fate:6}  {moment}  {id}{partial}  {}", one.why())?;
        }
        Ok(())
    }
}
