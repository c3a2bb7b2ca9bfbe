//! Everything at once: what the evidence comes to under a policy at a time.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_policy::{DocumentHash, Policy, Resource};
use strongroom_retain::Moment;

use crate::action::{Action, actions};
use crate::capacity::{CapacityReport, capacity};
use crate::control::{Case, ControlResult, Controls, Head, Parameters, Verdict, judge};
use crate::finding::{Escalated, Finding, Severity, escalated, findings};
use crate::framework::{Framework, FrameworkResult, Tally};
use crate::history::History;
use crate::incident::{Incident, incidents};
use crate::obligation::{Obligation, obligations};
use crate::report::as_text;
use crate::signal::SignalReport;

mod line;
mod point;

pub use line::{ResourceLine, RestoreLine};
pub use point::{PointVerdict, Protected, Recoverable, point_verdicts};

/// The number of the form of [`Assessment`] and of reports as JSON. It rises when a field goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What the evidence comes to under a policy at a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Assessment {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// By which policy.
    pub policy: PolicyNamed,
    /// On how much evidence.
    pub journal: JournalSeen,
    /// How many controls have which verdict.
    pub tally: Tally,
    /// The three heads, each of its controls.
    pub scorecard: Vec<Score>,
    /// Each control.
    pub controls: Vec<ControlResult>,
    /// A line for each resource.
    pub resources: Vec<ResourceLine>,
    /// What somebody should do something about, the worst first.
    pub findings: Vec<Finding>,
    /// What is done about it.
    pub actions: Vec<Action>,
    /// What people must do.
    pub obligations: Vec<Obligation>,
    /// What went wrong.
    pub incidents: Vec<Incident>,
    /// Alerts that wait for an answer.
    pub escalations: Vec<Escalated>,
    /// Resources whose runs have signs of tampering, with what should be held.
    pub signals: Vec<SignalReport>,
    /// How full repositories are, and will be.
    pub capacities: Vec<CapacityReport>,
    /// How many resources of each department are covered; the empty name is that of none.
    pub coverage: BTreeMap<String, Coverage>,
}

/// The policy that was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicyNamed {
    /// Its name.
    pub name: String,
    /// Its number.
    pub revision: u64,
    /// Whose it is.
    pub organisation: Option<String>,
}

/// The evidence that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JournalSeen {
    /// How many entries there are.
    pub entries: u64,
    /// When the newest was written.
    #[serde(with = "as_text::option")]
    pub newest: Option<Moment>,
    /// Kinds of evidence that this version does not know, with how many there are.
    pub unknown_kinds: BTreeMap<String, u64>,
}

/// A head of the scorecard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Score {
    /// Which.
    pub head: Head,
    /// How many of its controls have which verdict.
    pub tally: Tally,
    /// Those that do not pass.
    pub open: Vec<&'static str>,
}

/// How many resources are covered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// Backups of them are due and have a place.
    pub covered: usize,
    /// They are not covered.
    pub not_covered: usize,
    /// They need not be: exempt or retired.
    pub exempt: usize,
}

impl Assessment {
    /// Returns the worst finding that nothing silences.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let open = self.findings.iter().filter(|one| !one.is_exempted());
        open.map(|one| one.severity).max()
    }

    /// Returns a finding.
    #[must_use]
    pub fn finding(&self, key: &str) -> Option<&Finding> {
        self.findings.iter().find(|one| one.key == key)
    }

    /// Returns a control.
    #[must_use]
    pub fn control(&self, id: &str) -> Option<&ControlResult> {
        self.controls.iter().find(|one| one.spec.id == id)
    }
}

/// What is judged with: controls and frameworks, the standard ones unless somebody adds to them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Assessor {
    /// The controls.
    pub controls: Controls,
    /// What names the text of the policy, to compare it with the one in the journal.
    pub document: Option<DocumentHash>,
}

impl Default for Assessor {
    fn default() -> Self {
        Self {
            controls: Controls::standard(),
            document: None,
        }
    }
}

impl Assessor {
    /// Judges by other controls.
    #[must_use]
    pub fn with_controls(mut self, controls: Controls) -> Self {
        self.controls = controls;
        self
    }

    /// Says which document the policy is.
    #[must_use]
    pub fn with_document(mut self, hash: DocumentHash) -> Self {
        self.document = Some(hash);
        self
    }

    /// Makes the case that is judged.
    #[must_use]
    pub fn case<'a>(
        &self,
        history: &'a History,
        policy: &'a Policy,
        inventory: &[Resource],
        now: Moment,
    ) -> Case<'a> {
        let case = Case::new(history, policy, inventory, now);
        match self.document {
            Some(hash) => case.with_document(hash),
            None => case,
        }
    }

    /// Judges a case by all controls, and derives findings, actions and the rest.
    #[must_use]
    pub fn assess(&self, case: &Case<'_>) -> Assessment {
        let none = Parameters::new();
        let controls: Vec<ControlResult> = self
            .controls
            .iter()
            .map(|one| judge(one, case, &none))
            .collect();
        let obligations = obligations(case);
        let incidents = incidents(case);
        let mut findings = findings(case, &controls, &obligations, &incidents);
        let actions = actions(case, &mut findings);
        Assessment {
            schema: SCHEMA_VERSION,
            at: case.now(),
            policy: PolicyNamed {
                name: case.policy().name.clone(),
                revision: case.policy().revision,
                organisation: case.policy().organisation.clone(),
            },
            journal: journal(case),
            tally: Tally::of(controls.iter().map(|one| one.verdict)),
            scorecard: Head::ALL.map(|head| score(head, &controls)).to_vec(),
            resources: case
                .subjects()
                .iter()
                .map(|one| line::of(case, one))
                .collect(),
            coverage: coverage(case, &controls),
            signals: tampering(case),
            capacities: capacities(case),
            controls,
            findings,
            actions,
            obligations,
            incidents,
            escalations: escalated(case),
        }
    }

    /// Judges a case item by item of a framework.
    #[must_use]
    pub fn framework(&self, case: &Case<'_>, framework: &Framework) -> FrameworkResult {
        framework.evaluate(case, &self.controls, &obligations(case))
    }
}

/// Judges a history under a policy at a time, by the standard controls.
///
/// `inventory` are resources that the policy may not name: what a host discovered, say. What is
/// dated after `now` is left out, so that a whole history can be judged as of any of its days.
///
/// ```
/// use strongroom_assure::{History, assess};
/// use strongroom_policy::Document;
/// use strongroom_retain::Moment;
///
/// let document = Document::parse("format = 1\nname = \"x\"\nrevision = 1\ntimezone = \"UTC\"\n")?;
/// let assessment = assess(&History::default(), document.policy(), &[], Moment::utc(1_800_000_000));
/// assert_eq!(assessment.tally.pass, 0, "without evidence nothing passes");
/// # Ok::<(), strongroom_policy::ParseError>(())
/// ```
#[must_use]
pub fn assess(
    history: &History,
    policy: &Policy,
    inventory: &[Resource],
    now: Moment,
) -> Assessment {
    let assessor = Assessor::default();
    assessor.assess(&assessor.case(history, policy, inventory, now))
}

fn journal(case: &Case<'_>) -> JournalSeen {
    let history = case.history();
    JournalSeen {
        entries: history.journals().iter().map(|one| one.entries).sum(),
        newest: case.last_seen().map(Moment::utc),
        unknown_kinds: history
            .unknown_kinds()
            .map(|(kind, count)| (kind.to_owned(), count))
            .collect(),
    }
}

/// Returns the signs that nobody has looked at, and what should be held because of them.
fn tampering(case: &Case<'_>) -> Vec<SignalReport> {
    let all = case
        .active()
        .filter_map(|one| case.signals(&one.resource.id));
    all.filter(|one| one.unreviewed().next().is_some() || one.hold.is_some())
        .cloned()
        .collect()
}

fn capacities(case: &Case<'_>) -> Vec<CapacityReport> {
    let (history, policy) = (case.history(), case.policy());
    let all = case.repositories();
    let all = all
        .iter()
        .filter_map(|one| capacity(history, policy, one.name, case.now()));
    all.collect()
}

fn score(head: Head, controls: &[ControlResult]) -> Score {
    let own = controls.iter().filter(|one| one.spec.head == head);
    let is_open = |one: &&ControlResult| matches!(one.verdict, Verdict::Fail | Verdict::Unknown);
    Score {
        head,
        tally: Tally::of(own.clone().map(|one| one.verdict)),
        open: own.filter(is_open).map(|one| one.spec.id).collect(),
    }
}

fn coverage(case: &Case<'_>, controls: &[ControlResult]) -> BTreeMap<String, Coverage> {
    let mut all: BTreeMap<String, Coverage> = BTreeMap::new();
    let covered = controls.iter().find(|one| one.spec.id == "C-01");
    for judgement in covered.into_iter().flat_map(|one| &one.judgements) {
        let Some(subject) = judgement.scope.resource().and_then(|id| case.subject(id)) else {
            continue;
        };
        let department = subject.resource.department.clone().unwrap_or_default();
        let count = all.entry(department).or_default();
        match judgement.verdict {
            Verdict::Pass => count.covered += 1,
            Verdict::NotApplicable => count.exempt += 1,
            Verdict::Fail | Verdict::Unknown => count.not_covered += 1,
        }
    }
    all
}

#[cfg(test)]
mod tests;
