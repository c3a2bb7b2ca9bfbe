//! Findings: what somebody should do something about.
//!
//! A [`Finding`] is derived, never stored: the same evidence gives the same finding under the same
//! key, so that alerts, tickets and actions about it find it again. Only an exemption of the
//! policy, which has an end, silences one; nobody can wave it away elsewhere.

use std::fmt;

use serde::Serialize;
use strongroom_policy::{Criticality, Date};
use strongroom_retain::Moment;

use crate::control::{Case, Scope};
use crate::history::EntryRef;
use crate::report::as_text;

mod clock;
mod derive;
mod escalation;
mod journal;
mod leading;
mod runs;
mod signal;

pub(crate) use derive::findings;
pub use escalation::{Escalated, Waiting, escalated};

/// Something that somebody should do something about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What names it for ever: the rule and what it is about, as `C-02/resource:db`.
    pub key: String,
    /// The control or rule that found it.
    pub rule: String,
    /// What it is about.
    pub scope: Scope,
    /// How bad it is.
    pub severity: Severity,
    /// Since when it is so, where evidence says.
    #[serde(with = "as_text::option")]
    pub first_seen: Option<Moment>,
    /// The journal entries that show it.
    pub because: Vec<EntryRef>,
    /// For those who operate backups.
    pub technical: String,
    /// For those whose data it is.
    pub business: String,
    /// What to do next.
    pub next_step: String,
    /// What silences it, and until when.
    pub exempted: Option<Exempted>,
    /// The key of the action that was opened for it.
    pub action: Option<String>,
}

/// What silences a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exempted {
    /// The exemption in the policy.
    pub by: String,
    /// The first day on which it no longer holds.
    pub until: Date,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a fifth would change whom every finding reaches"
)]
pub enum Severity {
    /// Somebody may want to know.
    Note,
    /// Somebody should look in the next days.
    Warning,
    /// Somebody must act.
    Serious,
    /// Somebody must act now.
    Critical,
}

impl Severity {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Serious => "serious",
            Self::Critical => "critical",
        }
    }

    /// Returns the next worse one.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::Note => Self::Warning,
            Self::Warning => Self::Serious,
            Self::Serious | Self::Critical => Self::Critical,
        }
    }

    /// Returns the next milder one.
    #[must_use]
    pub const fn lowered(self) -> Self {
        match self {
            Self::Note | Self::Warning => Self::Note,
            Self::Serious => Self::Warning,
            Self::Critical => Self::Serious,
        }
    }

    /// Returns what it is for a resource on which so much depends.
    #[must_use]
    pub const fn of(self, criticality: Criticality) -> Self {
        match criticality {
            Criticality::Low => self.lowered(),
            Criticality::Normal | Criticality::High => self,
            Criticality::Critical => self.raised(),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Finding {
    /// Returns one, with the same words for everybody.
    #[must_use]
    pub fn new(rule: &str, scope: Scope, severity: Severity, what: impl Into<String>) -> Self {
        let technical = what.into();
        Self {
            key: format!("{rule}/{}", scope.key()),
            rule: rule.to_owned(),
            scope,
            severity,
            first_seen: None,
            because: Vec::new(),
            business: technical.clone(),
            technical,
            next_step: String::new(),
            exempted: None,
            action: None,
        }
    }

    /// Tells it from others of the same rule and scope.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.key = format!("{}/{what}", self.key);
        self
    }

    /// Says it in words for the business.
    #[must_use]
    pub fn for_business(mut self, text: impl Into<String>) -> Self {
        self.business = text.into();
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = step.into();
        self
    }

    /// Names the journal entries that show it.
    #[must_use]
    pub fn because(mut self, entries: impl IntoIterator<Item = EntryRef>) -> Self {
        self.because.extend(entries);
        self.because.sort_unstable();
        self.because.dedup();
        let more = self
            .because
            .len()
            .saturating_sub(crate::control::BECAUSE_MAX);
        self.because.drain(..more);
        self
    }

    /// Says since when it is so.
    #[must_use]
    pub fn since(mut self, since: impl Into<Option<Moment>>) -> Self {
        self.first_seen = since.into();
        self
    }

    /// Says whether nobody is told of it for now.
    #[must_use]
    pub fn is_exempted(&self) -> bool {
        self.exempted.is_some()
    }

    /// Looks for an exemption that frees its resource of a section of settings today.
    pub(crate) fn exempt(&mut self, case: &Case<'_>, section: Option<&str>) {
        let Some(subject) = self.scope.resource().and_then(|id| case.subject(id)) else {
            return;
        };
        let today = case.today();
        let frees = case.policy().exemptions.iter().filter(|(_, one)| {
            let mut names = section.into_iter().chain([self.rule.as_str()]);
            names.any(|name| one.frees(&subject.resource, name, today))
        });
        let longest = frees.max_by_key(|(_, one)| one.until);
        self.exempted = longest.map(|(name, one)| Exempted {
            by: name.clone(),
            until: one.until,
        });
    }
}

/// What people read in a list.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}", self.severity, self.key, self.technical)
    }
}
