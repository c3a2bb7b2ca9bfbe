//! Corrective actions: opened for what a rule found, and done when evidence says that it helped.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_format::record::{ActionState as Step, ActionStep};
use strongroom_policy::{Criticality, Period};
use strongroom_retain::Moment;

use crate::control::Case;
use crate::finding::Finding;
use crate::history::{EntryRef, Noted};
use crate::report::as_text;

mod kind;

pub use kind::{ActionKind, Patch};

/// A corrective action, as its records and the findings of now tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Action {
    /// Its key.
    pub key: String,
    /// The key of the finding that it is about.
    pub finding: String,
    /// How far it is.
    pub state: ActionState,
    /// What is to be done.
    pub kind: ActionKind,
    /// Who has to do it.
    pub owner: Option<String>,
    /// When it was opened.
    #[serde(with = "as_text::option")]
    pub opened: Option<Moment>,
    /// By when.
    #[serde(with = "as_text::option")]
    pub due: Option<Moment>,
    /// When somebody said that it was done.
    #[serde(with = "as_text::option")]
    pub done: Option<Moment>,
    /// From when on its effect can be judged.
    #[serde(with = "as_text::option")]
    pub judged_from: Option<Moment>,
    /// Whether it is late.
    pub is_overdue: bool,
    /// Whether its finding is still there.
    pub finding_is_there: bool,
    /// Why a step that was recorded does not count.
    pub refused: Vec<String>,
    /// The journal entries of its steps.
    pub because: Vec<EntryRef>,
}

/// How far a corrective action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionState {
    /// A rule asks for it, and nobody has opened it: the application should record that it is.
    Proposed,
    /// It is to be done.
    Open,
    /// It was done, and it is too early to say whether it helped.
    Done,
    /// It was done, its finding stayed away, and nobody has recorded that it helped.
    Provable,
    /// It helped: somebody recorded so, and no evidence says otherwise.
    Effective,
    /// It was done, and its finding is there again.
    NotEffective,
    /// Somebody decided that it will not be done.
    Cancelled,
}

impl ActionState {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Open => "open",
            Self::Done => "done",
            Self::Provable => "waiting for a decision",
            Self::Effective => "effective",
            Self::NotEffective => "not effective",
            Self::Cancelled => "cancelled",
        }
    }

    /// Says whether nothing is left to be done.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Effective | Self::Cancelled)
    }
}

/// How long a finding must stay away before an action counts as effective.
pub const EFFECT_AFTER: Period = Period::days(30);

impl Action {
    fn new(key: &str, step: &ActionStep) -> Self {
        Self {
            key: key.to_owned(),
            finding: step.finding.clone(),
            state: ActionState::Open,
            kind: ActionKind::of(step.kind.as_deref(), &step.finding),
            owner: None,
            opened: None,
            due: None,
            done: None,
            judged_from: None,
            is_overdue: false,
            finding_is_there: false,
            refused: Vec::new(),
            because: Vec::new(),
        }
    }

    /// Goes one step on, or says why not.
    fn step(&mut self, entry: &Noted<ActionStep>) {
        let step = &entry.fact;
        let at = Moment::utc(entry.at);
        self.because.push(entry.entry);
        match step.step {
            Step::Opened => {
                self.opened.get_or_insert(at);
                self.state = ActionState::Open;
                self.done = None;
            }
            Step::Reassigned => {}
            Step::Done => {
                self.state = ActionState::Done;
                self.done = Some(at);
            }
            Step::Effective if self.done.is_none() => {
                let why = format!("entry {}: it is effective before it is done", entry.entry);
                self.refused.push(why);
            }
            Step::Effective => self.state = ActionState::Effective,
            Step::NotEffective => self.state = ActionState::NotEffective,
            Step::Cancelled if entry.head.actor.is_none() => {
                let why = format!("entry {}: nobody says who cancelled it", entry.entry);
                self.refused.push(why);
            }
            Step::Cancelled => self.state = ActionState::Cancelled,
            other => {
                let why = format!("entry {}: the step {other} is not known", entry.entry);
                self.refused.push(why);
            }
        }
        if let Some(owner) = &step.owner {
            self.owner = Some(owner.clone());
        }
        if let Some(due) = step.due {
            self.due = Some(Moment::utc(due.seconds));
        }
    }

    /// Compares what was recorded with what the evidence of now says.
    fn judge(&mut self, finding: Option<&Finding>, now: Moment) {
        self.finding_is_there = finding.is_some();
        self.judged_from = self.done.map(|done| EFFECT_AFTER.after(done));
        let is_time = self
            .judged_from
            .is_some_and(|from| from.unix_seconds <= now.unix_seconds);
        self.state = match (self.state, finding.is_some()) {
            // What somebody wrote down does not outweigh what is there.
            (ActionState::Effective, true) => ActionState::NotEffective,
            (ActionState::Effective, false) if !is_time => {
                self.refused
                    .push("it is too early to say that it helped".to_owned());
                ActionState::Done
            }
            (ActionState::Done, true) if is_time => ActionState::NotEffective,
            (ActionState::Done, false) if is_time => ActionState::Provable,
            (state, _) => state,
        };
        let is_late = self
            .due
            .is_some_and(|due| due.unix_seconds < now.unix_seconds);
        let waits = matches!(
            self.state,
            ActionState::Open | ActionState::NotEffective | ActionState::Proposed
        );
        self.is_overdue = is_late && waits;
    }
}

/// Returns the actions of a journal without what the findings of now say about them.
pub(crate) fn recorded(case: &Case<'_>) -> Vec<Action> {
    let mut all: BTreeMap<&str, Action> = BTreeMap::new();
    for step in &case.records().actions {
        let key = step.fact.action.as_str();
        let action = all
            .entry(key)
            .or_insert_with(|| Action::new(key, &step.fact));
        action.step(step);
    }
    let mut all: Vec<Action> = all.into_values().collect();
    for action in &mut all {
        let is_late = action.due.is_some_and(|due| due < case.now());
        action.is_overdue =
            is_late && matches!(action.state, ActionState::Open | ActionState::NotEffective);
    }
    all
}

/// Returns the actions of a journal, and those that rules ask for and nobody has opened.
///
/// Findings are told which action is about them.
#[must_use]
pub fn actions(case: &Case<'_>, findings: &mut [Finding]) -> Vec<Action> {
    let mut all = recorded(case);
    for action in &mut all {
        let finding = findings.iter_mut().find(|one| one.key == action.finding);
        action.judge(finding.as_deref(), case.now());
        if let Some(finding) = finding
            && action.state != ActionState::Cancelled
        {
            finding.action = Some(action.key.clone());
        }
    }
    for finding in findings.iter_mut() {
        if finding.action.is_none() && !finding.is_exempted() && kind::asks(finding) {
            let action = proposed(case, finding);
            finding.action = Some(action.key.clone());
            all.push(action);
        }
    }
    all.sort_by(|a, b| (a.state, a.due, &a.key).cmp(&(b.state, b.due, &b.key)));
    all
}

/// Returns the action that a rule asks for. Its key is the same for as long as the finding is there.
fn proposed(case: &Case<'_>, finding: &Finding) -> Action {
    let subject = finding.scope.resource().and_then(|id| case.subject(id));
    let criticality = subject.map(|one| one.resource.criticality);
    let from = finding.first_seen.unwrap_or(case.now());
    let owner = subject.map(|one| one.resource.owner.clone());
    let owner = owner.filter(|owner| !owner.is_empty());
    let due = kind::due(
        case,
        finding,
        criticality.unwrap_or(Criticality::High),
        from,
    );
    Action {
        key: format!("{}@{}", finding.key, strongroom_policy::Date::of(from)),
        finding: finding.key.clone(),
        state: ActionState::Proposed,
        kind: ActionKind::of(None, &finding.key),
        owner: owner.or_else(|| Some(case.policy().owner.clone()).filter(|one| !one.is_empty())),
        opened: None,
        due: Some(due),
        done: None,
        judged_from: None,
        is_overdue: due < case.now(),
        finding_is_there: true,
        refused: Vec::new(),
        because: finding.because.clone(),
    }
}

#[cfg(test)]
mod tests;
