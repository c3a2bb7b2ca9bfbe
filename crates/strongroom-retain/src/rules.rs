//! The standard policy: rules that each keep something.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::choose::choose;
use crate::count::Count;
use crate::error::{Error, ErrorKind};
use crate::moment::Moment;
use crate::retention::Retention;
use crate::snapshot::SnapshotInfo;
use crate::span::Span;
use crate::text::{Escaped, unescape};
use crate::unit::Unit;
use crate::verdict::Verdict;

/// One rule. Its text is `last=3`, `daily=7`, `within=14d`, `within-daily=1y` or `tag=prod`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The last so many.
    Last(Count),
    /// The newest of each of the last so many hours, days … years that have a snapshot, and, while
    /// there are fewer, the oldest snapshot of all.
    Every(Unit, Count),
    /// What is at most so much older than the newest.
    Within(Span),
    /// Of that, the newest of each hour, day … year.
    EveryWithin(Unit, Span),
    /// What has all these tags.
    Tagged(Tags),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(count) => write!(f, "last={count}"),
            Self::Every(unit, count) => write!(f, "{unit}={count}"),
            Self::Within(span) => write!(f, "within={span}"),
            Self::EveryWithin(unit, span) => write!(f, "within-{unit}={span}"),
            Self::Tagged(tags) => write!(f, "tag={tags}"),
        }
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::invalid(text, "a rule is such as daily=7, within=14d or tag=prod");
        let (name, value) = text.split_once('=').ok_or_else(invalid)?;
        Ok(match name {
            "last" => Self::Last(value.parse()?),
            "within" => Self::Within(value.parse()?),
            "tag" => Self::Tagged(value.parse()?),
            _ => match name.strip_prefix("within-") {
                Some(unit) => {
                    Self::EveryWithin(unit.parse().map_err(|_| invalid())?, value.parse()?)
                }
                None => Self::Every(name.parse().map_err(|_| invalid())?, value.parse()?),
            },
        })
    }
}

/// Tags that a snapshot must have all of; at least one. Their text is `prod+eu`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tags(BTreeSet<String>);

impl Tags {
    /// Returns these tags.
    ///
    /// # Errors
    ///
    /// `Invalid` for none, because every snapshot has none, and for an empty one.
    pub fn new(tags: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, Error> {
        let tags: BTreeSet<String> = tags.into_iter().map(Into::into).collect();
        if tags.is_empty() || tags.contains("") {
            return Err(Error::new(ErrorKind::Invalid, "a tag is empty"));
        }
        Ok(Self(tags))
    }

    /// Says whether all of them are among others.
    #[must_use]
    pub fn are_in(&self, others: &BTreeSet<String>) -> bool {
        self.0.is_subset(others)
    }

    /// Returns them in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, tag) in self.iter().enumerate() {
            write!(f, "{}{}", if nth == 0 { "" } else { "+" }, Escaped(tag))?;
        }
        Ok(())
    }
}

impl FromStr for Tags {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid` for an empty tag and for characters that must be written as `%XX`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let tags = text
            .split('+')
            .map(unescape)
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(tags).map_err(|_| Error::invalid(text, "a tag is empty"))
    }
}

/// The standard policy: a set of rules, each of which keeps something.
///
/// * Rules count **independently**: what one keeps is not withheld from another (as restic does,
///   and unlike borg). So more rules never forget more.
/// * *Within* is measured from the **newest snapshot** that is not in the future, not from now: a
///   machine that was off for a year loses nothing. It includes what is exactly that old.
/// * Hours, days … years are those of the clock where each backup was made; weeks are of ISO 8601.
///   Those that have no snapshot are not counted.
/// * While a counting rule has found less than it may keep, it keeps the **oldest** too, so that a
///   young history has its beginning.
/// * **Incomplete** snapshots take no place: each rule first chooses among the complete ones as if
///   there were no others. Then it chooses among all, and the incomplete ones of that choice are
///   kept in addition where the rule keeps no complete one of the same hour, day … year. So a
///   machine whose backups are all incomplete has its history thinned like any other, and a run of
///   incomplete backups pushes out nothing complete.
/// * Pinned and held snapshots are kept, and count for the rules as others do. A snapshot dated
///   after now is kept, and otherwise ignored.
/// * No rules keep everything.
///
/// The text is the rules with spaces between; an empty text is an error and no policy.
///
/// ```
/// use strongroom_retain::{Count, KeepRules, Rule, Span, Unit};
///
/// let rules: KeepRules = "last=3 daily=7 within=14d tag=prod".parse()?;
/// let same = KeepRules::new()
///     .with(Rule::Within(Span::days(14)?))
///     .with(Rule::Every(Unit::Day, Count::new(7)?))
///     .with(Rule::Last(Count::new(3)?))
///     .with("tag=prod".parse()?);
/// assert_eq!(rules, same);
/// assert!("".parse::<KeepRules>().is_err() && "daily=-1".parse::<KeepRules>().is_err());
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct KeepRules(BTreeSet<Rule>);

impl KeepRules {
    /// Returns no rules, which keep everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule. A rule does not replace one of its kind: the more generous of the two decides.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        self.0.insert(rule);
        self
    }

    /// Returns the rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Says whether there are no rules, which keep everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Rule> for KeepRules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl<Id: Ord> Retention<Id> for KeepRules {
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], now: Moment) -> Vec<Verdict> {
        choose(self, snapshots, now)
    }
}

impl fmt::Display for KeepRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("everything");
        }
        for (nth, rule) in self.iter().enumerate() {
            write!(f, "{}{rule}", if nth == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// Rules with spaces between, or the word `everything`.
impl FromStr for KeepRules {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty, or one of the rules is.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.trim() == "everything" {
            return Ok(Self::new());
        }
        let rules: Self = text
            .split_whitespace()
            .map(Rule::from_str)
            .collect::<Result<_, _>>()?;
        if rules.is_empty() {
            return Err(Error::invalid(
                text,
                "no rules; say \"everything\" to keep everything",
            ));
        }
        Ok(rules)
    }
}
