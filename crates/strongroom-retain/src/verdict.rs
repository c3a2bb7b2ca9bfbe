//! What becomes of a snapshot, and why.

use std::fmt;

use crate::count::Count;
use crate::rules::{Rule, Tags};
use crate::span::Span;
use crate::unit::{Period, Unit};

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a third fate would change the meaning of every caller"
)]
pub enum Verdict {
    /// It stays, for each of these reasons; at least one.
    Keep(Vec<Reason>),
    /// It goes. What each rule says to that, in the order of the rules; a snapshot is named by its
    /// index in the input of [`decide`](crate::Retention::decide).
    Forget(Vec<Loss<usize>>),
}

impl Verdict {
    /// Says whether it stays.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep(_))
    }
}

/// Why a snapshot stays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The policy keeps everything.
    Everything,
    /// There is no rule, and no rules keep everything.
    NoRules,
    /// It is pinned.
    Pinned,
    /// A hold forbids that it be forgotten.
    Held,
    /// It is dated after now: a clock is or was wrong.
    Future,
    /// It is one of the last so many.
    Last(Count),
    /// It is the newest of an hour, day … year.
    Newest(Period),
    /// It is the oldest there is, while a rule has found less than it may keep.
    Oldest(Unit),
    /// It is at most so much older than the newest.
    Within(Span),
    /// It is the newest of an hour, day … year, and at most so much older than the newest of all.
    NewestWithin(Period, Span),
    /// It has all these tags.
    Tagged(Tags),
    /// What another policy says; a lower-case phrase.
    Other(String),
}

/// The incomplete are meant where a snapshot is one: its reasons read the same.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything is kept"),
            Self::NoRules => f.write_str("no rules"),
            Self::Pinned => f.write_str("pinned"),
            Self::Held => f.write_str("held"),
            Self::Future => f.write_str("dated after now"),
            Self::Last(count) => write!(f, "last {count}"),
            Self::Newest(period) => write!(f, "{} {period}", period.unit()),
            Self::Oldest(unit) => write!(f, "oldest, {unit} has room"),
            Self::Within(span) => write!(f, "within {span} of the newest"),
            Self::NewestWithin(period, span) => {
                write!(f, "{} {period}, within {span} of the newest", period.unit())
            }
            Self::Tagged(tags) => write!(f, "tag {tags}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Why a rule does not keep a snapshot. `Id` is what names the snapshot that stays in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss<Id> {
    /// Another one is kept for that hour, day … year.
    Taken(Period, Id),
    /// Newer ones are as many as the rule keeps.
    Crowded(Rule),
    /// It is too much older than the newest.
    TooOld(Rule),
    /// It does not have the tags.
    Untagged(Tags),
    /// What another policy says; a lower-case phrase.
    Other(String),
}

impl<Id> Loss<Id> {
    /// Names the other snapshot differently; `None` if `name` has no name for it.
    pub fn rename<To>(self, name: impl FnOnce(Id) -> Option<To>) -> Option<Loss<To>> {
        Some(match self {
            Self::Taken(period, by) => Loss::Taken(period, name(by)?),
            Self::Crowded(rule) => Loss::Crowded(rule),
            Self::TooOld(rule) => Loss::TooOld(rule),
            Self::Untagged(tags) => Loss::Untagged(tags),
            Self::Other(text) => Loss::Other(text),
        })
    }

    /// Returns the snapshot that stays in its place, if one does.
    pub fn by(&self) -> Option<&Id> {
        match self {
            Self::Taken(_, by) => Some(by),
            _ => None,
        }
    }
}

impl<Id: fmt::Display> fmt::Display for Loss<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(period, by) => write!(f, "{} {period} is {by}", period.unit()),
            Self::Crowded(rule) => write!(f, "beyond {rule}"),
            Self::TooOld(rule) => write!(f, "not {rule}"),
            Self::Untagged(tags) => write!(f, "no tag {tags}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
