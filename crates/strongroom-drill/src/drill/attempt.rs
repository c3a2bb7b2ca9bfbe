//! The way through a drill, up to cleaning up.

use std::sync::Arc;

use strongroom::target::Target;
use strongroom::{RestoreOptions, SnapshotInfo};

use super::Drill;
use super::load::load;
use super::trouble::{of_error, of_lost, of_sandbox, of_stopped};
use crate::clock::{Monotonic as _, SystemMonotonic, millis};
use crate::phase::{Phase, Timeline};
use crate::report::{Effect, Finding, Report, Validated};
use crate::sandbox::{Connection, Intake, Need};
use crate::stop::Stop;
use crate::validator::{Outcome, Scene};

/// Tries. What ends it is returned; what was found on the way is in the report.
pub(super) fn attempt(
    drill: &mut Drill,
    timeline: &mut Timeline,
    report: &mut Report,
    stop: &Stop,
) -> Result<(), Finding> {
    let snapshot = timeline.time(Phase::Locate, || locate(drill, stop))?;
    let need = timeline.time(Phase::Plan, || plan(drill, stop))?;
    let intake = timeline.time(Phase::Prepare, || drill.sandbox.prepare(&need, stop));
    let intake = intake.map_err(|error| of_sandbox(Phase::Prepare, &error))?;
    if let Intake::Files(target) = &intake {
        timeline.time(Phase::Restore, || restore(drill, target, report, stop))?;
    }
    let connection = timeline.time(Phase::Start, || drill.sandbox.start(stop));
    let connection = connection.map_err(|error| of_sandbox(Phase::Start, &error))?;
    if matches!(intake, Intake::Stream) {
        timeline.time(Phase::Load, || load(drill, report, stop))?;
    }
    timeline.time(Phase::Validate, || {
        validate(drill, &snapshot, &connection, report, stop)
    })
}

/// Goes as far as the sandbox.
pub(super) fn rehearse(drill: &mut Drill, stop: &Stop) -> Result<Need, Finding> {
    locate(drill, stop)?;
    let need = plan(drill, stop)?;
    let prepared = drill.sandbox.prepare(&need, stop);
    prepared.map_err(|error| of_sandbox(Phase::Prepare, &error))?;
    Ok(need)
}

fn locate(drill: &Drill, stop: &Stop) -> Result<SnapshotInfo, Finding> {
    let snapshots = stop.wait(drill.repository.snapshots());
    let snapshots = snapshots.map_err(|stopped| of_stopped(Phase::Locate, stopped))?;
    let snapshots = snapshots.map_err(|error| of_error(Phase::Locate, &error))?;
    let wanted = drill.choice.snapshot;
    let found = snapshots.into_iter().find(|info| info.id == wanted);
    found.ok_or_else(|| {
        let what = "the snapshot is not in the repository any more";
        Finding::new(Effect::NotProven, Phase::Locate, "snapshot-gone", what)
    })
}

fn plan(drill: &Drill, stop: &Stop) -> Result<Need, Finding> {
    let options = RestoreOptions::default();
    let snapshot = drill.choice.snapshot;
    let plan = drill
        .repository
        .plan_restore(&snapshot, options, None, Arc::new(()));
    let plan = stop
        .wait(plan)
        .map_err(|stopped| of_stopped(Phase::Plan, stopped))?;
    let plan = plan.map_err(|error| of_error(Phase::Plan, &error))?;
    Ok(Need {
        bytes: plan.content_bytes,
        entries: plan.entries,
    })
}

fn restore(
    drill: &Drill,
    target: &Arc<dyn Target>,
    report: &mut Report,
    stop: &Stop,
) -> Result<(), Finding> {
    let options = RestoreOptions::default();
    let (snapshot, target) = (drill.choice.snapshot, Arc::clone(target));
    let restored = drill
        .repository
        .restore(&snapshot, target, options, Arc::new(()));
    let restored = stop
        .wait(restored)
        .map_err(|stopped| of_stopped(Phase::Restore, stopped))?;
    let restored = restored.map_err(|error| of_error(Phase::Restore, &error))?;
    report.bytes = restored.bytes_restored;
    report.files = restored.files;
    let shown = restored.lost.iter().take(LOST_SHOWN);
    report.findings.extend(shown.map(of_lost));
    let more = restored.lost_total.saturating_sub(LOST_SHOWN as u64);
    if more > 0 {
        // The first ones say how bad it is.
        let what = format!("{more} more entries were not restored");
        let effect = restored.lost.iter().map(|lost| of_lost(lost).effect).max();
        let effect = effect.unwrap_or(Effect::NotProven);
        report
            .findings
            .push(Finding::new(effect, Phase::Restore, "entries-lost", what));
    }
    match &restored.stopped {
        Some(error) => Err(of_error(Phase::Restore, error)),
        None => Ok(()),
    }
}

fn validate(
    drill: &Drill,
    snapshot: &SnapshotInfo,
    connection: &Connection,
    report: &mut Report,
    stop: &Stop,
) -> Result<(), Finding> {
    let scene = Scene {
        snapshot,
        repository: &drill.repository,
        connection,
        captured: &drill.captured,
    };
    for (validator, is_required) in &drill.validators {
        stop.check()
            .map_err(|stopped| of_stopped(Phase::Validate, stopped))?;
        let clock = SystemMonotonic::start();
        let within = stop.within(drill.validator_limit);
        let mut outcome = validator.validate(&scene, &within);
        stop.check()
            .map_err(|stopped| of_stopped(Phase::Validate, stopped))?;
        if within.check().is_err() && !matches!(outcome, Outcome::Failed { .. }) {
            outcome = Outcome::failed("validator-timed-out", "it took longer than it may");
        }
        let effect = match (&outcome, is_required) {
            (Outcome::Passed { .. }, _) => None,
            (Outcome::Failed { .. }, _) => Some(Effect::Failed),
            (Outcome::Skipped { .. }, true) => Some(Effect::NotProven),
            (Outcome::Skipped { .. }, false) => Some(Effect::Note),
        };
        if let Some(effect) = effect {
            let what = format!("{}: {}", validator.name(), outcome.what());
            report
                .findings
                .push(Finding::new(effect, Phase::Validate, outcome.code(), what));
        }
        report.validators.push(Validated {
            name: validator.name().to_owned(),
            is_required: *is_required,
            outcome,
            took_ms: millis(clock.elapsed()),
        });
    }
    let has_passed = |one: &Validated| matches!(one.outcome, Outcome::Passed { .. });
    if !report.validators.iter().any(has_passed) {
        let what = "no validator has passed";
        let finding = Finding::new(
            Effect::NotProven,
            Phase::Validate,
            "nothing-validated",
            what,
        );
        report.findings.push(finding);
    }
    Ok(())
}

/// How many lost entries are findings of their own.
const LOST_SHOWN: usize = 20;
