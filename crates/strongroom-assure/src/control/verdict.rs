//! What a control says, about what, and why.

use std::fmt;

use serde::Serialize;
use strongroom_retain::Moment;

use crate::history::EntryRef;
use crate::report::as_text;

/// What evidence says about a rule. The order is that of urgency: of several the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a fifth verdict would change what every report means"
)]
pub enum Verdict {
    /// There is nothing that the rule is about.
    NotApplicable,
    /// Evidence that is recent enough shows that it holds.
    Pass,
    /// There is no evidence, or it is too old. It counts as not holding.
    Unknown,
    /// Evidence shows that it does not hold.
    Fail,
}

impl Verdict {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// Returns the most urgent of several; `NotApplicable` of none.
    #[must_use]
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or(Self::NotApplicable)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What something is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
#[non_exhaustive]
pub enum Scope {
    /// All together.
    Fleet,
    /// A resource of the policy or the inventory.
    Resource(String),
    /// A repository of the policy.
    Repository(String),
}

impl Scope {
    /// Returns a text that tells it from all others: `fleet`, `resource:db`, `repository:vault`.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Fleet => "fleet".to_owned(),
            Self::Resource(name) => format!("resource:{name}"),
            Self::Repository(name) => format!("repository:{name}"),
        }
    }

    /// Returns the resource that it is.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Resource(name) => Some(name),
            Self::Fleet | Self::Repository(_) => None,
        }
    }
}

/// As in a sentence.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("the fleet"),
            Self::Resource(name) => write!(f, "resource {name}"),
            Self::Repository(name) => write!(f, "repository {name}"),
        }
    }
}

/// What a control says about one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// What it is about.
    pub scope: Scope,
    /// What it says.
    pub verdict: Verdict,
    /// Why, in a sentence with the numbers.
    pub reason: String,
    /// The journal entries that say so; of more than [`BECAUSE_MAX`] the newest.
    pub because: Vec<EntryRef>,
    /// Since when it is so, where that is known.
    #[serde(with = "as_text::option")]
    pub since: Option<Moment>,
    /// Until when it holds without new evidence: then it is `Unknown`.
    #[serde(with = "as_text::option")]
    pub valid_until: Option<Moment>,
    /// Whether it can wait for the next working day even where much depends on it: it is over, or one case that proves little.
    pub can_wait: bool,
}

/// The most journal entries that a judgement names.
pub const BECAUSE_MAX: usize = 64;

impl Judgement {
    /// Returns one without evidence.
    #[must_use]
    pub fn new(scope: Scope, verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            scope,
            verdict,
            reason: reason.into(),
            because: Vec::new(),
            since: None,
            valid_until: None,
            can_wait: false,
        }
    }

    /// Returns one that says that the rule holds.
    #[must_use]
    pub fn pass(scope: Scope, reason: impl Into<String>) -> Self {
        Self::new(scope, Verdict::Pass, reason)
    }

    /// Returns one that says that it does not hold.
    #[must_use]
    pub fn fail(scope: Scope, reason: impl Into<String>) -> Self {
        Self::new(scope, Verdict::Fail, reason)
    }

    /// Returns one that says that nobody can know.
    #[must_use]
    pub fn unknown(scope: Scope, reason: impl Into<String>) -> Self {
        Self::new(scope, Verdict::Unknown, reason)
    }

    /// Returns one that says that the rule is about nothing there.
    #[must_use]
    pub fn not_applicable(scope: Scope, reason: impl Into<String>) -> Self {
        Self::new(scope, Verdict::NotApplicable, reason)
    }

    /// Names the journal entries that say so.
    #[must_use]
    pub fn because(mut self, entries: impl IntoIterator<Item = EntryRef>) -> Self {
        self.because.extend(entries);
        self.because.sort_unstable();
        self.because.dedup();
        let more = self.because.len().saturating_sub(BECAUSE_MAX);
        self.because.drain(..more);
        self
    }

    /// Says since when it is so.
    #[must_use]
    pub fn since(mut self, since: impl Into<Option<Moment>>) -> Self {
        self.since = since.into();
        self
    }

    /// Says whether it can wait for the next working day even where much depends on it.
    #[must_use]
    pub const fn waiting(mut self, can_wait: bool) -> Self {
        self.can_wait = can_wait;
        self
    }

    /// Says until when it holds without new evidence.
    #[must_use]
    pub fn until(mut self, until: impl Into<Option<Moment>>) -> Self {
        self.valid_until = until.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_counts_and_none_is_about_nothing() {
        use Verdict::{Fail, NotApplicable, Pass, Unknown};
        assert_eq!(Verdict::worst([Pass, Unknown, NotApplicable]), Unknown);
        assert_eq!(Verdict::worst([Pass, Unknown, Fail]), Fail);
        assert_eq!(Verdict::worst([NotApplicable, Pass]), Pass);
        assert_eq!(Verdict::worst([]), NotApplicable);
    }

    #[test]
    fn a_judgement_names_the_newest_entries_once() {
        let entries = (0..100).chain(0..100).map(|n| EntryRef::new(0, n));
        let one = Judgement::pass(Scope::Fleet, "so").because(entries);
        assert_eq!(one.because.len(), BECAUSE_MAX);
        assert_eq!(one.because.last(), Some(&EntryRef::new(0, 99)));
    }
}
