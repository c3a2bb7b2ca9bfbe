//! Carrying a plan out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{Action, Answer, By, Operator, Plan, Step};
use crate::clock::{Monotonic, millis};
use crate::report::Verdict;
use crate::stop::Stop;

/// Does the machine's part.
pub trait Machine {
    /// Does something.
    fn perform(&mut self, action: &Action, stop: &Stop) -> StepOutcome;
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// It is done.
    Done {
        /// What was done, in words.
        what: String,
    },
    /// It went wrong: what was tried does not work.
    Failed {
        /// Of what sort, for machines.
        code: String,
        /// What, in words.
        what: String,
    },
    /// It was not done: nothing is known.
    NotDone {
        /// Of what sort, for machines.
        code: String,
        /// Why, in words.
        what: String,
    },
}

impl StepOutcome {
    /// Returns that it is done.
    pub fn done(what: impl Into<String>) -> Self {
        Self::Done { what: what.into() }
    }

    /// Returns that it went wrong.
    pub fn failed(code: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Failed {
            code: code.into(),
            what: what.into(),
        }
    }

    /// Returns that it was not done.
    pub fn not_done(code: impl Into<String>, what: impl Into<String>) -> Self {
        Self::NotDone {
            code: code.into(),
            what: what.into(),
        }
    }
}

/// What was done of a plan, when, by whom, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Log {
    /// The plan.
    pub plan: String,
    /// Its steps, in their order.
    pub steps: Vec<Logged>,
    /// What the machine took, in milliseconds.
    pub machine_ms: u64,
    /// What people took, in milliseconds; `None` if no step is theirs.
    pub people_ms: Option<u64>,
    /// What comes of all steps.
    pub verdict: Verdict,
}

/// A step that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Logged {
    /// The step.
    pub step: Step,
    /// When it began, in milliseconds after the plan.
    pub began_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Who confirmed it.
    pub by: Option<String>,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// Carries a plan out, step by step. A step whose predecessors are not all done is not done either; those that do not depend on it are.
#[must_use]
pub fn execute(
    plan: &Plan,
    machine: &mut dyn Machine,
    operator: &dyn Operator,
    clock: &Arc<dyn Monotonic>,
    stop: &Stop,
) -> Log {
    let start = clock.elapsed();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut log = Log {
        plan: plan.name.clone(),
        steps: Vec::new(),
        machine_ms: 0,
        people_ms: None,
        verdict: Verdict::Proven,
    };
    for step in &plan.steps {
        let began = clock.elapsed();
        let missing = step.after.iter().find(|id| !done.contains(id.as_str()));
        let (outcome, by) = match (missing, stop.check()) {
            (_, Err(stopped)) => {
                let outcome = StepOutcome::not_done(stopped.code(), stopped.to_string());
                (outcome, None)
            }
            (Some(id), _) => {
                let what = format!("{id} is not done");
                (StepOutcome::not_done("step-before", what), None)
            }
            (None, Ok(())) => perform(step, machine, operator, stop),
        };
        let took_ms = millis(clock.elapsed().saturating_sub(began));
        match (&step.by, missing) {
            (By::Machine(_), _) => log.machine_ms += took_ms,
            (By::Person(_), None) => *log.people_ms.get_or_insert(0) += took_ms,
            (By::Person(_), Some(_)) => {}
        }
        match &outcome {
            StepOutcome::Done { .. } => {
                done.insert(&step.id);
            }
            StepOutcome::NotDone { .. } => log.verdict = log.verdict.max(Verdict::NotProven),
            StepOutcome::Failed { .. } => log.verdict = Verdict::Failed,
        }
        log.steps.push(Logged {
            step: step.clone(),
            began_ms: millis(began.saturating_sub(start)),
            took_ms,
            by,
            outcome,
        });
    }
    log
}

fn perform(
    step: &Step,
    machine: &mut dyn Machine,
    operator: &dyn Operator,
    stop: &Stop,
) -> (StepOutcome, Option<String>) {
    let role = match &step.by {
        By::Machine(action) => return (machine.perform(action, stop), None),
        By::Person(role) => *role,
    };
    match operator.confirm(step, role, stop) {
        Answer::Confirmed { by, note } => (StepOutcome::done(note.unwrap_or_default()), Some(by)),
        Answer::Refused { by, note } => (StepOutcome::failed("refused", note), Some(by)),
        Answer::Nobody => {
            let what = format!("nobody of {role} confirmed it");
            (StepOutcome::not_done("nobody", what), None)
        }
        Answer::Stopped(stopped) => {
            let outcome = StepOutcome::not_done(stopped.code(), stopped.to_string());
            (outcome, None)
        }
    }
}

impl Log {
    /// Writes the steps without the line that says what they came to.
    pub(crate) fn write_steps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (logged, number) in self.steps.iter().zip(1..) {
            let (word, what) = match &logged.outcome {
                StepOutcome::Done { what } => ("done", what),
                StepOutcome::Failed { what, .. } => ("FAILED", what),
                StepOutcome::NotDone { what, .. } => ("not done", what),
            };
            let by = logged
                .by
                .as_deref()
                .map(|by| format!(" by {by}"))
                .unwrap_or_default();
            let text = &logged.step.text;
            let seconds = logged.took_ms / 1_000;
            let rest = logged.took_ms % 1_000;
            write!(f, "{number:>3}. {word}{by}, {seconds}.{rest:03} s: {text}")?;
            if !what.is_empty() {
                write!(f, " ({what})")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.plan, self.verdict)?;
        self.write_steps(f)
    }
}
