//! C-31: attacks would be noticed, and what was noticed was looked at.

use strongroom_format::record::Job;
use strongroom_policy::{Key, Period};
use strongroom_retain::Moment;

use super::case::{Case, Subject, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::Judgement;
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::EntryRef;
use crate::signal::{AlarmSeverity, LEARNING_RUNS};

pub(super) const C_31: Standard = Standard {
    spec: ControlSpec::new("C-31", "Attacks would be noticed, and what was noticed was looked at")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("anomaly")
        .with_texts(Texts {
            business: "Somebody may be destroying data, and its backups with it, unseen.",
            next_step: "Look at the suspect points: compare them with the last clean ones, and record the verdict.",
            does_not_prove: "That an attack which looks like everyday work would be noticed.",
        })
        .with_parameters(&[Parameter::new(
            "detectors",
            ParameterKind::Words,
            "which detectors must be on",
        )]),
    judge: detected,
};

fn detected(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| of_resource(case, one, given)).collect()
}

fn of_resource(case: &Case<'_>, subject: &Subject, given: &Parameters) -> Judgement {
    let scope = subject.scope();
    if subject.resource.is_retired(case.today()) {
        return Judgement::not_applicable(scope, "it is retired");
    }
    let on = subject.resolved.words(Key::Detectors);
    let wanted = given.words("detectors").into_iter().flatten();
    let missing: Vec<&str> = wanted
        .map(String::as_str)
        .filter(|one| !on.contains(one))
        .collect();
    if on.is_empty() || !missing.is_empty() {
        let why = match missing.is_empty() {
            true => "no detector is on".to_owned(),
            false => format!("these detectors are off: {}", missing.join(", ")),
        };
        return Judgement::fail(scope, why);
    }
    let open = suspects(case, subject);
    if let Some((first, _)) = open.iter().min() {
        let why = format!(
            "{} points look wrong, and nobody has found them clean",
            open.len()
        );
        return Judgement::fail(scope, why)
            .because(open.iter().map(|(_, entry)| *entry))
            .since(Moment::utc(*first));
    }
    let alarms = case.signals(&subject.resource.id);
    let alarms = alarms.into_iter().flat_map(|one| one.unreviewed());
    let alarms: Vec<_> = alarms
        .filter(|one| one.severity == AlarmSeverity::Critical)
        .collect();
    if let Some(first) = alarms.iter().map(|one| one.at).min() {
        let why = format!(
            "{} runs have two independent signs of an attack, and nobody has looked",
            alarms.len()
        );
        return Judgement::fail(scope, why)
            .because(alarms.iter().map(|one| one.run))
            .since(Moment::utc(first));
    }
    let counted = case
        .runs(&subject.resource.id)
        .rev()
        .filter(|run| run.job == Job::Backup && run.is_ok() && run.counters.bytes_new.is_some());
    let counted: Vec<_> = counted.take(LEARNING_RUNS).collect();
    let why = format!(
        "{} detectors are on; {} runs were counted",
        on.len(),
        counted.len()
    );
    match counted.first() {
        Some(last) if counted.len() == LEARNING_RUNS && case.is_fresh(last.ended, LIVE) => {
            Judgement::pass(scope, format!("{why}, and no point waits to be looked at"))
                .because(counted.iter().map(|run| run.entry))
                .until(after(last.ended, LIVE))
        }
        Some(last) if counted.len() == LEARNING_RUNS => Judgement::unknown(
            scope,
            format!("{why}, the last one {}", case.ago(last.ended)),
        )
        .because([last.entry])
        .since(after(last.ended, LIVE)),
        _ => Judgement::unknown(
            scope,
            format!("{why}; from {LEARNING_RUNS} on a baseline is learnt"),
        )
        .because(counted.iter().map(|run| run.entry)),
    }
}

/// Returns the points that look wrong and that nobody has found clean: since when, and the entry.
fn suspects(case: &Case<'_>, subject: &Subject) -> Vec<(i64, EntryRef)> {
    let now = case.now().unix_seconds;
    let points = case
        .happened(&subject.resource.id)
        .map(|one| one.points.as_slice());
    let points = points.unwrap_or_default().iter();
    let copies = points.flat_map(|point| case.history().copies(point));
    let open =
        copies.filter(|one| !one.suspected.is_empty() && one.is_suspect(now) && one.is_there(now));
    open.filter_map(|one| one.suspected.first().map(|(at, entry, _)| (*at, *entry)))
        .collect()
}

const LIVE: Period = Period::days(35);
