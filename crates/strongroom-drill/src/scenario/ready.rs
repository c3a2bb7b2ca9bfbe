//! Would the plan work? Looked at every day, at hardly any cost.

use std::time::Duration;

use serde::Serialize;
use strongroom::retain::Moment;
use strongroom::{Repository, SlotKind};

use super::{Estate, Precondition, Scenario};
use crate::choose::Point;
use crate::recovery::{Pick, StepOutcome, Way};
use crate::stop::Stop;

/// How a precondition stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// What was looked at.
    pub precondition: Precondition,
    /// How it stands.
    pub standing: Standing,
    /// What was seen, in words.
    pub what: String,
}

/// How a precondition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Standing {
    /// It holds.
    Holds,
    /// Nobody could look.
    Unknown,
    /// It does not: the plan would fail.
    Fails,
}

/// Looks at each precondition of a scenario. Restores nothing, and writes nothing but a sandbox that is removed at once.
///
/// A copy elsewhere may lag by `lag` behind the newest point.
#[must_use]
pub fn readiness(
    scenario: &Scenario,
    estate: &dyn Estate,
    lag: Duration,
    stop: &Stop,
) -> Vec<Readiness> {
    let look = |precondition: &Precondition| {
        let (standing, what) = match probe(*precondition, estate, lag, stop) {
            StepOutcome::Done { what } => (Standing::Holds, what),
            StepOutcome::NotDone { what, .. } => (Standing::Unknown, what),
            StepOutcome::Failed { what, .. } => (Standing::Fails, what),
        };
        Readiness {
            precondition: *precondition,
            standing,
            what,
        }
    };
    scenario.preconditions.iter().map(look).collect()
}

fn probe(
    precondition: Precondition,
    estate: &dyn Estate,
    lag: Duration,
    stop: &Stop,
) -> StepOutcome {
    let looked = match precondition {
        Precondition::Opens(way) => estate.open(way, stop).map(|_| String::new()),
        Precondition::HasPoint(way) => has_point(estate, way, stop),
        Precondition::CopyIsCurrent => is_current(estate, lag, stop),
        Precondition::HasCleanPoint => has_clean(estate, stop),
        Precondition::HasRecoveryCode => has_code(estate, stop),
        Precondition::SandboxFits => fits(estate, stop),
    };
    looked.map_or_else(|outcome| outcome, StepOutcome::done)
}

fn newest(estate: &dyn Estate, repository: &Repository, stop: &Stop) -> Result<Point, StepOutcome> {
    let points = estate.points(repository, stop)?;
    let newest = points.into_iter().max_by_key(|point| point.captured);
    newest.ok_or_else(|| StepOutcome::failed("no-point", "there is no point to restore"))
}

fn has_point(estate: &dyn Estate, way: Way, stop: &Stop) -> Result<String, StepOutcome> {
    let repository = estate.open(way, stop)?;
    let point = newest(estate, &repository, stop)?;
    Ok(format!(
        "the newest is of {}",
        Moment::utc(point.captured.seconds)
    ))
}

fn is_current(estate: &dyn Estate, lag: Duration, stop: &Stop) -> Result<String, StepOutcome> {
    let here = estate.open(Way::Usual, stop)?;
    let here = newest(estate, &here, stop)?;
    let there = estate.open(Way::OffSite, stop)?;
    let there = newest(estate, &there, stop)?;
    let behind = here.captured.seconds.saturating_sub(there.captured.seconds);
    let behind = u64::try_from(behind).unwrap_or(0);
    let what = format!("the copy is {behind} s behind");
    match behind <= lag.as_secs() {
        true => Ok(what),
        false => Err(StepOutcome::failed("copy-behind", what)),
    }
}

fn has_clean(estate: &dyn Estate, stop: &Stop) -> Result<String, StepOutcome> {
    let repository = estate.open(Way::Usual, stop)?;
    let chosen = estate.choose(&repository, Pick::LastClean, stop)?;
    match chosen.first() {
        Some(choice) => Ok(format!("snapshot {}", choice.snapshot)),
        None => Err(StepOutcome::failed(
            "no-clean-point",
            "no point is older than the first suspect",
        )),
    }
}

fn has_code(estate: &dyn Estate, stop: &Stop) -> Result<String, StepOutcome> {
    let repository = estate.open(Way::Usual, stop)?;
    let not_done = |code, what: String| StepOutcome::not_done(code, what);
    let slots = stop.wait(repository.slots());
    let slots = slots.map_err(|stopped| not_done(stopped.code(), stopped.to_string()))?;
    let slots = slots.map_err(|error| not_done("engine", error.to_string()))?;
    match slots.iter().any(|slot| slot.kind == SlotKind::RecoveryCode) {
        true => Ok(String::new()),
        false => Err(StepOutcome::failed(
            "no-recovery-code",
            "no slot is of a recovery code",
        )),
    }
}

fn fits(estate: &dyn Estate, stop: &Stop) -> Result<String, StepOutcome> {
    let repository = estate.open(Way::Usual, stop)?;
    let chosen = estate.choose(&repository, Pick::Latest, stop)?;
    let Some(choice) = chosen.into_iter().next() else {
        return Err(StepOutcome::failed(
            "no-point",
            "there is no point to restore",
        ));
    };
    let mut drill = estate.drill(&repository, choice);
    drill
        .rehearse(stop)
        .map_err(|finding| StepOutcome::failed(finding.code, finding.what))
}
