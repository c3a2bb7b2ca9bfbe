//! What is wrong with a policy that can be read.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use strongroom_retain::Moment;

use crate::date::Date;
use crate::parse::{Document, Position};
use crate::policy::Policy;
use crate::protection::{Protection, Year};
use crate::resolve::{Resolved, Source};
use crate::resource::Resource;

mod checks;
mod copies;
mod papers;
mod people;
mod retention;
mod schedule;
mod structure;

/// Something that is wrong with a policy, or should be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its stable name, such as `rpo-impossible`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a path in the document, such as `rule.gold.objectives.rpo`.
    pub path: String,
    /// Where that stands, if the policy is a document.
    pub position: Option<Position>,
    /// The resources that it is about, if it is about some.
    pub resources: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Somebody may want to know.
    Note,
    /// Somebody must look.
    Warning,
    /// The policy contradicts itself, or leaves something out that it must say.
    Error,
}

impl Severity {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// As a compiler says it: place, severity, name, what and for which resources.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        write!(f, "{} [{}] ", self.severity, self.code)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match self.resources.as_slice() {
            [] => {}
            [one] => write!(f, " (resource {one})")?,
            [first, rest @ ..] => {
                write!(f, " ({} resources: {first}", rest.len() + 1)?;
                for id in rest.iter().take(SHOWN_RESOURCES) {
                    write!(f, ", {id}")?;
                }
                if rest.len() > SHOWN_RESOURCES {
                    f.write_str(", …")?;
                }
                f.write_str(")")?;
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

const SHOWN_RESOURCES: usize = 4;

impl Document {
    /// Says what is wrong with the policy, each with its place in the text.
    #[must_use]
    pub fn lint(&self, now: Moment) -> Vec<Finding> {
        let mut findings = self.policy().lint(now);
        for finding in &mut findings {
            finding.position = self.position(&finding.path);
        }
        findings
    }
}

impl Policy {
    /// Says what is wrong with it on a day: the worst first.
    ///
    /// Contradictions (an RPO that the schedule cannot meet, a retention below a requirement, a
    /// lock that outlives the maximum), what is missing (a copy elsewhere, a drill, an owner, a
    /// reason), what cannot work (an escalation that ends nowhere, a run that does not fit its
    /// window) and what is out of date. A policy with errors should not be put in force.
    #[must_use]
    pub fn lint(&self, now: Moment) -> Vec<Finding> {
        let mut lint = Lint::new(self, now);
        papers::look(&mut lint);
        people::look(&mut lint);
        structure::look(&mut lint);
        let year = Year::new(now);
        let active: Vec<Case<'_>> = self
            .resources
            .values()
            .filter(|resource| !resource.is_retired(lint.today))
            .map(|resource| Case::new(self, resource, &year))
            .collect();
        for case in &active {
            schedule::look(&mut lint, case);
            retention::look(&mut lint, case);
            copies::look(&mut lint, case);
            checks::look(&mut lint, case);
        }
        schedule::look_at_all(&mut lint, &active);
        structure::look_at_all(&mut lint, &active);
        copies::look_at_all(&mut lint, &active);
        lint.finish()
    }
}

/// A resource, and what holds for it.
struct Case<'p> {
    resource: &'p Resource,
    resolved: Resolved,
    protection: Protection,
}

impl<'p> Case<'p> {
    fn new(policy: &'p Policy, resource: &'p Resource, year: &Year) -> Self {
        let resolved = policy.resolve(resource);
        let protection = policy.protection_of(resource, &resolved, year);
        Self {
            resource,
            resolved,
            protection,
        }
    }

    /// Returns the path of the table that set something, or that of the resource.
    fn path(&self, key: crate::key::Key) -> String {
        let source = self
            .resolved
            .setting(key)
            .map(|setting| &setting.from.source);
        match source {
            None | Some(Source::BuiltIn | Source::Policy) => {
                format!("resource.{}", self.resource.id)
            }
            Some(source) => format!("{}.{key}", source.path()),
        }
    }
}

/// Findings, collected.
struct Lint<'p> {
    policy: &'p Policy,
    now: Moment,
    today: Date,
    /// By severity (the worst first), path, code and message.
    found: BTreeMap<(std::cmp::Reverse<Severity>, String, &'static str, String), Found>,
}

#[derive(Default)]
struct Found {
    resources: Vec<String>,
    hint: Option<String>,
}

impl<'p> Lint<'p> {
    fn new(policy: &'p Policy, now: Moment) -> Self {
        Self {
            policy,
            now,
            today: Date::of(policy.timezone.moment(now.unix_seconds)),
            found: BTreeMap::new(),
        }
    }

    /// Adds a finding about the document.
    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Found {
        let key = (
            std::cmp::Reverse(severity),
            path.into(),
            code,
            message.into(),
        );
        self.found.entry(key).or_default()
    }

    /// Adds a finding about a resource, unless it is exempt from a section or a requirement. What
    /// is the same for several resources is one finding.
    fn about(
        &mut self,
        case: &Case<'_>,
        from: &str,
        severity: Severity,
        code: &'static str,
        path: String,
        message: String,
    ) -> Option<&mut Found> {
        let mut exemptions = self.policy.exemptions.values();
        if exemptions.any(|one| one.frees(case.resource, from, self.today)) {
            return None;
        }
        let found = self.add(severity, code, path, message);
        if found.resources.last() != Some(&case.resource.id) {
            found.resources.push(case.resource.id.clone());
        }
        Some(found)
    }

    fn finish(self) -> Vec<Finding> {
        let finding = |((severity, path, code, message), found): (_, Found)| Finding {
            code,
            severity: {
                let std::cmp::Reverse(severity) = severity;
                severity
            },
            path,
            position: None,
            resources: found.resources,
            message,
            hint: found.hint,
        };
        self.found.into_iter().map(finding).collect()
    }
}

impl Found {
    fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

#[cfg(test)]
mod tests;
