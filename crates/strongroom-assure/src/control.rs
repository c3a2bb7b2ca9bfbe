//! Controls: rules that evidence keeps, breaks, or says nothing about.
//!
//! A [`Control`] is a pure function of a [`Case`] (evidence, policy, resources, `now`) and the
//! [`Parameters`] that a framework gives it. [`Controls::standard`] has C-01 to C-32; an
//! application adds its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::finding::Severity;

mod access;
mod anomaly;
mod capacity;
mod case;
mod catalogue;
mod copies;
mod coverage;
mod damage;
mod deletion;
mod disposal;
mod encryption;
mod governance;
mod isolation;
mod journal;
mod keys;
mod monitoring;
mod parameter;
mod people;
mod records;
mod recovery;
mod residency;
mod retention;
mod several;
mod verdict;
mod verification;

pub use case::{Case, RepositoryOf, Subject};
pub use parameter::{Parameter, ParameterKind, ParameterValue, Parameters};
pub use records::Records;
pub use verdict::{BECAUSE_MAX, Judgement, Scope, Verdict};

/// A rule that evidence keeps, breaks, or says nothing about.
///
/// # Contract
///
/// 1. The answer is a function of the arguments alone.
/// 2. Evidence that is missing, or older than the rule allows, is `Unknown`, never `Pass`; the
///    reason says how old is too old.
/// 3. A `Pass` names the journal entries that it rests on, and until when it holds, where either
///    exists.
/// 4. No two judgements are about the same scope.
pub trait Control: fmt::Debug + Send + Sync {
    /// Says what it is.
    fn spec(&self) -> &ControlSpec;

    /// Judges everything in a case that it is about.
    fn judge(&self, case: &Case<'_>, given: &Parameters) -> Vec<Judgement>;
}

/// What a control is, for people and for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ControlSpec {
    /// Its stable name, such as `C-02`.
    pub id: &'static str,
    /// What it asks, in a few words.
    pub title: &'static str,
    /// The part of the scorecard that it counts for.
    pub head: Head,
    /// How bad it is when it fails for a resource of normal criticality.
    pub severity: Severity,
    /// The section of settings from which an exemption frees a resource of it.
    pub section: Option<&'static str>,
    /// What a `Pass` does not prove.
    pub does_not_prove: &'static str,
    /// What a failure means for the business.
    pub business: &'static str,
    /// What to do when it does not pass.
    pub next_step: &'static str,
    /// What a framework can ask of it.
    #[serde(skip)]
    pub parameters: &'static [Parameter],
}

impl ControlSpec {
    /// Returns one that is `Serious`, counts as reliable, and takes no parameters.
    #[must_use]
    pub const fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            head: Head::Reliable,
            severity: Severity::Serious,
            section: None,
            does_not_prove: "",
            business: "",
            next_step: "",
            parameters: &[],
        }
    }

    /// Sets the part of the scorecard and how bad a failure is.
    #[must_use]
    pub const fn with_weight(mut self, head: Head, severity: Severity) -> Self {
        self.head = head;
        self.severity = severity;
        self
    }

    /// Sets the section of settings that exemptions name.
    #[must_use]
    pub const fn with_section(mut self, section: &'static str) -> Self {
        self.section = Some(section);
        self
    }

    /// Sets what a failure means, what to do about it, and what a `Pass` does not prove.
    #[must_use]
    pub const fn with_texts(mut self, texts: Texts) -> Self {
        self.business = texts.business;
        self.next_step = texts.next_step;
        self.does_not_prove = texts.does_not_prove;
        self
    }

    /// Sets what a framework can ask of it.
    #[must_use]
    pub const fn with_parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }
}

/// The sentences of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "whoever adds a control must write all three"
)]
pub struct Texts {
    /// What a failure means for the business.
    pub business: &'static str,
    /// What to do when it does not pass.
    pub next_step: &'static str,
    /// What a `Pass` does not prove.
    pub does_not_prove: &'static str,
}

/// A part of the scorecard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three words are those of the requirement"
)]
pub enum Head {
    /// Space, time and work are well used.
    Efficient,
    /// Nobody reads, changes or deletes what they must not.
    Secure,
    /// What is needed comes back.
    Reliable,
}

impl Head {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Efficient, Self::Secure, Self::Reliable];

    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Efficient => "efficient",
            Self::Secure => "secure",
            Self::Reliable => "reliable",
        }
    }
}

/// What a control says about a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ControlResult {
    /// What it is.
    #[serde(flatten)]
    pub spec: ControlSpec,
    /// What it was asked with.
    pub parameters: Parameters,
    /// The most urgent verdict of all scopes.
    pub verdict: Verdict,
    /// The judgements, in the order of scopes.
    pub judgements: Vec<Judgement>,
}

impl ControlResult {
    /// Counts the judgements of a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let all = self.judgements.iter();
        all.filter(|one| one.verdict == verdict).count()
    }
}

/// Controls by their names.
#[derive(Debug, Clone)]
pub struct Controls(BTreeMap<&'static str, Arc<dyn Control>>);

impl Controls {
    /// Returns C-01 to C-32.
    #[must_use]
    pub fn standard() -> Self {
        let all = catalogue::ALL.iter();
        Self(
            all.map(|one| (one.spec.id, Arc::new(*one) as Arc<dyn Control>))
                .collect(),
        )
    }

    /// Returns none.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a control, in place of one of the same name.
    #[must_use]
    pub fn with(mut self, control: Arc<dyn Control>) -> Self {
        self.0.insert(control.spec().id, control);
        self
    }

    /// Returns a control.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&dyn Control> {
        self.0.get(id).map(AsRef::as_ref)
    }

    /// Returns all, by name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Control> {
        self.0.values().map(AsRef::as_ref)
    }

    /// Judges a case by one of them.
    #[must_use]
    pub fn judge(&self, id: &str, case: &Case<'_>, given: &Parameters) -> Option<ControlResult> {
        Some(judge(self.get(id)?, case, given))
    }
}

/// Judges a case by a control.
pub(crate) fn judge(control: &dyn Control, case: &Case<'_>, given: &Parameters) -> ControlResult {
    let mut judgements = control.judge(case, given);
    judgements.sort_by(|a, b| a.scope.cmp(&b.scope));
    ControlResult {
        spec: *control.spec(),
        parameters: given.clone(),
        verdict: Verdict::worst(judgements.iter().map(|one| one.verdict)),
        judgements,
    }
}

#[cfg(test)]
mod tests;
