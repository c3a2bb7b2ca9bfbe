//! Playing a scenario.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use strongroom::Repository;

use super::{Estate, Scenario};
use crate::choose::Choice;
use crate::clock::Monotonic;
use crate::recovery::{Action, By, Log, Machine, Operator, StepOutcome, execute};
use crate::report::{Report, Verdict};
use crate::stop::{Cancel, Stop};

/// What playing a scenario showed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ScenarioReport {
    /// The scenario.
    pub scenario: String,
    /// What was done, step by step.
    pub log: Log,
    /// What each restore showed. The times in them are of the scenario: with opening, choosing and what people did.
    pub reports: Vec<Report>,
    /// What comes of all of it.
    pub verdict: Verdict,
}

/// Plays a scenario on an estate, with people or [`Nobody`](crate::recovery::Nobody).
///
/// # Cancellation
///
/// As [`Drill::run`](crate::Drill::run): what was not done then is not proven, and what was restored is cleaned up.
#[must_use]
pub fn run_scenario(
    scenario: &Scenario,
    estate: &dyn Estate,
    operator: &dyn Operator,
    clock: &Arc<dyn Monotonic>,
    cancel: &Cancel,
) -> ScenarioReport {
    let stop = Stop::new(cancel.clone(), Arc::clone(clock));
    let mut stage = Stage {
        scenario: &scenario.name,
        estate,
        cancel,
        repository: None,
        chosen: Vec::new(),
        reports: Vec::new(),
    };
    let log = execute(&scenario.plan, &mut stage, operator, clock, &stop);
    let mut reports = stage.reports;
    // What a restore took begins with opening the repository, and ends with the last of its own phases.
    let is_before = |by: &By| matches!(by, By::Machine(Action::Open(_) | Action::Choose(_)));
    let before = log.steps.iter().filter(|logged| is_before(&logged.step.by));
    let before: u64 = before.map(|logged| logged.took_ms).sum();
    for report in &mut reports {
        report.people_ms = log.people_ms;
        let more = before.saturating_add(log.people_ms.unwrap_or(0));
        report.rto_ms = report.rto_ms.map(|took| took.saturating_add(more));
    }
    let worst = reports.iter().map(|report| report.verdict).max();
    let verdict = match worst {
        None => log.verdict.max(Verdict::NotProven),
        Some(worst) => log.verdict.max(worst),
    };
    ScenarioReport {
        scenario: scenario.name.clone(),
        log,
        reports,
        verdict,
    }
}

struct Stage<'a> {
    scenario: &'a str,
    estate: &'a dyn Estate,
    cancel: &'a Cancel,
    repository: Option<Repository>,
    chosen: Vec<Choice>,
    reports: Vec<Report>,
}

impl Machine for Stage<'_> {
    fn perform(&mut self, action: &Action, stop: &Stop) -> StepOutcome {
        let done = match (action, &self.repository) {
            (Action::Open(way), _) => self.estate.open(*way, stop).map(|repository| {
                let what = repository.id().to_string();
                self.repository = Some(repository);
                what
            }),
            (Action::Choose(pick), Some(repository)) => {
                let chosen = self.estate.choose(repository, *pick, stop);
                chosen.and_then(|chosen| {
                    let none = || StepOutcome::failed("no-point", "there is no point to restore");
                    let first = chosen.first().ok_or_else(none)?.to_string();
                    self.chosen = chosen;
                    Ok(first)
                })
            }
            (Action::Drill, Some(repository)) => {
                let drills = self.chosen.iter().map(|choice| {
                    let drill = self.estate.drill(repository, choice.clone());
                    drill.with_scenario(self.scenario).run(self.cancel)
                });
                self.reports = drills.collect();
                summary(&self.reports)
            }
            (_, None) => Err(StepOutcome::not_done(
                "not-open",
                "the repository is not open",
            )),
            (_, Some(_)) => {
                let what = "the scenario asks for something that this program cannot do";
                Err(StepOutcome::not_done("action-unknown", what))
            }
        };
        done.map_or_else(|outcome| outcome, StepOutcome::done)
    }
}

fn summary(reports: &[Report]) -> Result<String, StepOutcome> {
    let count = |verdict| {
        reports
            .iter()
            .filter(|report| report.verdict == verdict)
            .count()
    };
    let (proven, failed) = (count(Verdict::Proven), count(Verdict::Failed));
    let what = format!("{proven} of {} proven, {failed} failed", reports.len());
    match reports.iter().map(|report| report.verdict).max() {
        Some(Verdict::Proven) => Ok(what),
        Some(Verdict::Failed) => Err(StepOutcome::failed("drill-failed", what)),
        _ => Err(StepOutcome::not_done("drill-not-proven", what)),
    }
}

impl fmt::Display for ScenarioReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.scenario, self.verdict)?;
        self.log.write_steps(f)?;
        for report in &self.reports {
            writeln!(f, "{report}")?;
        }
        Ok(())
    }
}
