//! Reports: the same facts for people and for programs.
//!
//! A [`Report`] has sections of text and tables. Its JSON has stable names; its Markdown is for
//! people. Each report begins with how many controls were evaluated, says what it does not prove,
//! and names the journal entries that it rests on.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use strongroom_retain::Moment;

use crate::assess::{Assessment, Assessor, SCHEMA_VERSION};
use crate::control::Case;
use crate::framework::Framework;
use crate::history::EntryRef;

mod access;
mod agenda;
pub(crate) mod as_text;
mod attestation;
mod awareness;
mod disposal;
mod gap;
mod markdown;
mod paged;
mod review;
mod sla;
mod status;
mod table;
mod trend;

pub use table::{Cell, Section, Table};

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The number of the form of this JSON.
    pub schema: u32,
    /// Which report it is.
    pub kind: ReportKind,
    /// For whom it is worded.
    pub audience: Audience,
    /// What it is called.
    pub title: String,
    /// As of when.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// Name and revision of the policy.
    pub policy: String,
    /// How many controls were evaluated, and to what.
    pub statement: String,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// What it does not prove.
    pub does_not_prove: Vec<String>,
    /// The journal entries that it rests on.
    pub evidence: Vec<EntryRef>,
}

/// For whom a report is worded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Audience {
    /// Those who operate backups.
    #[default]
    Technical,
    /// Those whose data it is.
    Business,
}

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReportKind {
    /// How things are, and what could be better.
    Status,
    /// What was promised and what was reached, by resource.
    Sla,
    /// Every control with its evidence and its age, for somebody to sign.
    Audit,
    /// What a framework asks for and evidence does not show.
    Gap,
    /// What to talk about in the next meeting.
    Agenda,
    /// What would be lost, by department.
    Awareness,
    /// Who can do what, and who did.
    Access,
    /// What was disposed of, how, and what remains.
    Disposal,
    /// A draft of the review of an incident.
    Review,
    /// Who would be told now.
    Paged,
    /// What changed since the last period.
    Trend,
}

impl ReportKind {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::Status,
        Self::Sla,
        Self::Audit,
        Self::Gap,
        Self::Agenda,
        Self::Awareness,
        Self::Access,
        Self::Disposal,
        Self::Review,
        Self::Paged,
        Self::Trend,
    ];

    /// Returns its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Sla => "sla",
            Self::Audit => "audit",
            Self::Gap => "gap",
            Self::Agenda => "agenda",
            Self::Awareness => "awareness",
            Self::Access => "access",
            Self::Disposal => "disposal",
            Self::Review => "review",
            Self::Paged => "paged",
            Self::Trend => "trend",
        }
    }
}

impl fmt::Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownReport(String);

impl fmt::Display for UnknownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ReportKind::ALL.map(ReportKind::as_str).join(", ");
        write!(f, "there is no report {:?}; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownReport {}

impl FromStr for ReportKind {
    type Err = UnknownReport;

    /// # Errors
    ///
    /// When no report has that name.
    fn from_str(text: &str) -> Result<Self, UnknownReport> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| UnknownReport(text.to_owned()))
    }
}

/// What reports are made of.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Material<'a> {
    /// What is judged with.
    pub assessor: &'a Assessor,
    /// What was judged.
    pub case: &'a Case<'a>,
    /// What came of it.
    pub assessment: &'a Assessment,
    /// The same a period before, to compare with.
    pub before: Option<&'a Assessment>,
    /// The framework of a [`ReportKind::Gap`].
    pub framework: Option<&'a Framework>,
    /// The incident, or subject of a disposal, that the report is about; all if absent.
    pub subject: Option<&'a str>,
    /// For whom.
    pub audience: Audience,
}

impl<'a> Material<'a> {
    /// Takes an assessment and the case that it is of, for those who operate backups.
    #[must_use]
    pub const fn new(
        assessor: &'a Assessor,
        case: &'a Case<'a>,
        assessment: &'a Assessment,
    ) -> Self {
        Self {
            assessor,
            case,
            assessment,
            before: None,
            framework: None,
            subject: None,
            audience: Audience::Technical,
        }
    }

    /// Compares with a period before.
    #[must_use]
    pub const fn with_before(mut self, before: &'a Assessment) -> Self {
        self.before = Some(before);
        self
    }

    /// Looks at a framework.
    #[must_use]
    pub const fn with_framework(mut self, framework: &'a Framework) -> Self {
        self.framework = Some(framework);
        self
    }

    /// Looks at one incident or disposal.
    #[must_use]
    pub const fn with_subject(mut self, subject: &'a str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Words it for others.
    #[must_use]
    pub const fn with_audience(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// Makes a report. One that has nothing to be about says so.
    #[must_use]
    pub fn report(&self, kind: ReportKind) -> Report {
        let mut report = self.empty(kind);
        match kind {
            ReportKind::Status => status::write(self, &mut report),
            ReportKind::Sla => sla::write(self, &mut report),
            ReportKind::Audit => attestation::write(self, &mut report),
            ReportKind::Gap => gap::write(self, &mut report),
            ReportKind::Agenda => agenda::write(self, &mut report),
            ReportKind::Awareness => awareness::write(self, &mut report),
            ReportKind::Access => access::write(self, &mut report),
            ReportKind::Disposal => disposal::write(self, &mut report),
            ReportKind::Review => review::write(self, &mut report),
            ReportKind::Paged => paged::write(self, &mut report),
            ReportKind::Trend => trend::write(self, &mut report),
        }
        report.evidence.sort_unstable();
        report.evidence.dedup();
        report
    }

    fn empty(&self, kind: ReportKind) -> Report {
        let policy = &self.assessment.policy;
        Report {
            schema: SCHEMA_VERSION,
            kind,
            audience: self.audience,
            title: String::new(),
            at: self.assessment.at,
            policy: format!("{} revision {}", policy.name, policy.revision),
            statement: self.assessment.tally.to_string(),
            sections: Vec::new(),
            does_not_prove: vec![
                "What is not in the journal: whatever happened without being recorded.".to_owned(),
            ],
            evidence: Vec::new(),
        }
    }
}

impl Report {
    /// Returns it as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps have text as keys, and numbers are finite: nothing in it can fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Returns it as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// Returns a table by its name.
    #[must_use]
    pub fn table(&self, id: &str) -> Option<&Table> {
        let tables = self.sections.iter().filter_map(|one| one.table.as_ref());
        tables.into_iter().find(|one| one.id == id)
    }

    fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    fn rests_on(&mut self, entries: impl IntoIterator<Item = EntryRef>) {
        self.evidence.extend(entries);
    }

    fn not_proven(&mut self, what: impl Into<String>) {
        self.does_not_prove.push(what.into());
    }
}

#[cfg(test)]
mod tests;
