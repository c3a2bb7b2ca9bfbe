//! What a plan to forget is made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::Time;
use strongroom_retain::{GroupBy, GroupKey, KeepRules, Retention};

use super::clock::ClockTrust;
use crate::list::SnapshotFilter;

/// Options of [`Repository::plan_forget`](crate::Repository::plan_forget). [`ForgetOptions::by_rules`] and
/// [`ForgetOptions::of`] make them.
///
/// ```
/// use strongroom_repo::ForgetOptions;
///
/// let options = ForgetOptions::by_rules("daily=7 monthly=12".parse()?)
///     .with_pinned_tag("keep")
///     .with_empty("series=scratch,host=web1".parse()?);
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ForgetOptions {
    /// Who decides.
    pub choice: Choice,
    /// What tells histories apart; each keeps something.
    pub group_by: GroupBy,
    /// Only these snapshots are looked at. The others are not in the plan.
    pub filter: SnapshotFilter,
    /// Whatever has one of these tags is kept.
    pub pinned_tags: BTreeSet<String>,
    /// These are kept.
    pub pinned: BTreeSet<Id>,
    /// Groups that may be left without a snapshot.
    pub may_be_emptied: Vec<GroupKey>,
    /// The time that rules are for; the clock's if `None`.
    pub now: Option<Time>,
    /// What happens where clocks contradict each other.
    pub clock: ClockTrust,
}

/// Who decides what is forgotten.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Choice {
    /// Rules.
    Rules(KeepRules),
    /// Another policy.
    Policy(Arc<dyn Retention<Id>>),
    /// Exactly these snapshots are forgotten.
    Snapshots(BTreeSet<Id>),
}

impl ForgetOptions {
    fn new(choice: Choice) -> Self {
        Self {
            choice,
            group_by: GroupBy::default(),
            filter: SnapshotFilter::default(),
            pinned_tags: BTreeSet::new(),
            pinned: BTreeSet::new(),
            may_be_emptied: Vec::new(),
            now: None,
            clock: ClockTrust::default(),
        }
    }

    /// Forgets what no rule keeps. No rules keep everything.
    #[must_use]
    pub fn by_rules(rules: KeepRules) -> Self {
        Self::new(Choice::Rules(rules))
    }

    /// Forgets what a policy does not keep.
    #[must_use]
    pub fn by_policy(policy: Arc<dyn Retention<Id>>) -> Self {
        Self::new(Choice::Policy(policy))
    }

    /// Forgets these snapshots.
    #[must_use]
    pub fn of(snapshots: impl IntoIterator<Item = Id>) -> Self {
        Self::new(Choice::Snapshots(snapshots.into_iter().collect()))
    }

    /// Says what tells histories apart. By default series and host do.
    #[must_use]
    pub fn with_group_by(mut self, group_by: GroupBy) -> Self {
        self.group_by = group_by;
        self
    }

    /// Looks only at these snapshots.
    #[must_use]
    pub fn with_filter(mut self, filter: SnapshotFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Keeps whatever has this tag.
    #[must_use]
    pub fn with_pinned_tag(mut self, tag: impl Into<String>) -> Self {
        self.pinned_tags.insert(tag.into());
        self
    }

    /// Keeps a snapshot.
    #[must_use]
    pub fn with_pinned(mut self, snapshot: Id) -> Self {
        self.pinned.insert(snapshot);
        self
    }

    /// Lets a group be left without a snapshot.
    #[must_use]
    pub fn with_empty(mut self, group: GroupKey) -> Self {
        self.may_be_emptied.push(group);
        self
    }

    /// Decides as of another time than the clock's.
    #[must_use]
    pub fn with_now(mut self, now: Time) -> Self {
        self.now = Some(now);
        self
    }

    /// Says what happens where clocks contradict each other.
    #[must_use]
    pub fn with_clock(mut self, clock: ClockTrust) -> Self {
        self.clock = clock;
        self
    }
}
