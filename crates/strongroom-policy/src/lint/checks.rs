//! Verification, drills and alerts.

use super::{Case, Lint, Severity};
use crate::key::Key;
use crate::level::{Criticality, Level};
use crate::period::Period;

pub(super) fn look(lint: &mut Lint<'_>, case: &Case<'_>) {
    verified(lint, case);
    restored(lint, case);
    told(lint, case);
    watched(lint, case);
}

fn verified(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let own = format!("resource.{}", case.resource.id);
    let ages = resolved.ages();
    if ages.is_empty() {
        let message = "nothing says how often it is verified".to_owned();
        let found = lint.about(
            case,
            "verification",
            Severity::Error,
            "no-verification",
            own,
            message,
        );
        if let Some(found) = found {
            found.hint("add verification.ages = { L2 = \"7d\", L4 = \"90d\" }");
        }
        return;
    }
    let path = case.path(Key::Verify);
    if !ages.keys().any(|level| *level >= Level::L2) {
        let message = "no verification reads what is stored".to_owned();
        let severity = if case.resource.criticality == Criticality::Low {
            Severity::Warning
        } else {
            Severity::Error
        };
        lint.about(
            case,
            "verification",
            severity,
            "verification-shallow",
            path.clone(),
            message,
        );
    }
    let deeper_is_rarer = ages
        .values()
        .zip(ages.values().skip(1))
        .all(|(a, b)| a <= b);
    if !deeper_is_rarer {
        let message = "a deeper level is wanted more often than one that it includes".to_owned();
        lint.about(
            case,
            "verification",
            Severity::Note,
            "verification-redundant",
            path,
            message,
        );
    }
    sampled(lint, case);
}

fn sampled(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let sure = resolved.share(Key::Confidence);
    let below = resolved.share(Key::DamageBelow);
    if sure.is_some() != below.is_some() {
        let path = case.path(if sure.is_some() {
            Key::Confidence
        } else {
            Key::DamageBelow
        });
        let message =
            "a sample needs both verification.confidence and verification.damage_below".to_owned();
        lint.about(
            case,
            "verification",
            Severity::Error,
            "sample-incomplete",
            path,
            message,
        );
    }
    if sure.is_some() && resolved.period(Key::FullEvery).is_none() {
        let path = case.path(Key::Confidence);
        let message = "a sample finds no single damaged blob: nothing says when everything is read"
            .to_owned();
        let found = lint.about(
            case,
            "verification",
            Severity::Warning,
            "no-full-read",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("add verification.full_every = \"3mo\"");
        }
    }
}

fn restored(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let own = format!("resource.{}", case.resource.id);
    let Some(every) = resolved.period(Key::DrillEvery) else {
        let severity = match case.resource.criticality {
            Criticality::Low => Severity::Warning,
            _ => Severity::Error,
        };
        let message = "nothing says how often a restore is tried".to_owned();
        let found = lint.about(case, "drills", severity, "no-drill", own, message);
        if let Some(found) = found {
            found.hint("add drills.every = \"3mo\"");
        }
        return;
    };
    let limit = match case.resource.criticality {
        Criticality::Critical => Period::months(3),
        Criticality::High => Period::months(6),
        _ => Period::months(12),
    };
    if every > limit {
        let path = case.path(Key::DrillEvery);
        let level = case.resource.criticality;
        let message =
            format!("a restore is tried every {every}; for criticality {level} {limit} is usual");
        lint.about(
            case,
            "drills",
            Severity::Warning,
            "drill-rare",
            path,
            message,
        );
    }
    let proves = resolved
        .text(Key::DrillLevel)
        .and_then(|text| text.parse::<Level>().ok());
    if proves >= Some(Level::L5) && resolved.words(Key::Validators).is_empty() {
        let path = case.path(Key::DrillEvery);
        let message = "what is restored is validated by nothing".to_owned();
        let found = lint.about(
            case,
            "drills",
            Severity::Warning,
            "validators-missing",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("add drills.validators, such as [\"files\"] or [\"sql-counts\"]");
        }
    }
}

fn told(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let own = format!("resource.{}", case.resource.id);
    let is_important = case.resource.criticality >= Criticality::High;
    if resolved.text(Key::Escalation).is_none() {
        let message = "nothing says who is told when something fails".to_owned();
        lint.about(
            case,
            "alerts",
            Severity::Error,
            "no-escalation",
            own.clone(),
            message,
        );
    }
    let on = resolved.words(Key::AlertOn);
    for class in ["failed", "missed", "verification", "drill"] {
        if !on.contains(class) {
            let path = case.path(Key::AlertOn);
            let severity = if is_important {
                Severity::Error
            } else {
                Severity::Warning
            };
            let message = format!("nobody is told of {class:?}");
            lint.about(case, "alerts", severity, "alert-off", path, message);
        }
    }
    if is_important && !resolved.flag(Key::Heartbeat) {
        let message = "no clock elsewhere notices when nothing is heard of it".to_owned();
        let found = lint.about(
            case,
            "alerts",
            Severity::Warning,
            "no-heartbeat",
            own.clone(),
            message,
        );
        if let Some(found) = found {
            found.hint("add alerts.heartbeat = true");
        }
    }
    if resolved.period(Key::AlertTest).is_none() {
        let message = "nothing says how often alerts are tested".to_owned();
        lint.about(
            case,
            "alerts",
            Severity::Warning,
            "no-test-alert",
            own,
            message,
        );
    }
    if let (Some(told), Some(rto)) = (case.protection.told_within, resolved.period(Key::Rto))
        && told >= rto
    {
        let path = case.path(Key::Escalation);
        let message = format!("somebody who can act is told after {told}, and the RTO is {rto}");
        lint.about(
            case,
            "alerts",
            Severity::Warning,
            "told-too-late",
            path,
            message,
        );
    }
}

/// Judges what looks for attacks.
fn watched(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let detectors = resolved.words(Key::Detectors);
    if detectors.is_empty() {
        let path = case.path(Key::Detectors);
        let message = "nothing looks for attacks".to_owned();
        lint.about(
            case,
            "anomaly",
            Severity::Warning,
            "detectors-off",
            path,
            message,
        );
    }
    let has_canaries = !resolved.words(Key::Canaries).is_empty();
    if has_canaries && !detectors.contains("canary") {
        let path = case.path(Key::Canaries);
        let message = "there are canaries, and nobody is told when they are touched".to_owned();
        let found = lint.about(
            case,
            "anomaly",
            Severity::Warning,
            "canaries-unwatched",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("add \"canary\" to anomaly.detectors");
        }
    }
    // The output of a command has no files.
    if detectors.contains("canary") && !has_canaries && !case.resource.paths.is_empty() {
        let path = case.path(Key::Detectors);
        let message = "canaries are watched, and no file is one".to_owned();
        let found = lint.about(
            case,
            "anomaly",
            Severity::Warning,
            "canaries-missing",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("add anomaly.canaries, such as [\"accounts/2019-closed.xlsx\"]");
        }
    }
}
