//! C-02, C-09 and C-29: little is lost, restores work, and from nothing too.

use strongroom_format::record::{Drill, DrillVerdict, ValidatorVerdict};
use strongroom_policy::{Key, Level, Period};
use strongroom_retain::Moment;

use super::case::{Case, Subject, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::verification::number;
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::Noted;
use crate::rpo::{Exposure, RpoOptions, rpo};

pub(super) const C_02: Standard = Standard {
    spec: ControlSpec::new("C-02", "No more data can be lost than the RPO allows")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("objectives")
        .with_texts(Texts {
            business: "If it were lost now, more work would be gone than was agreed.",
            next_step: "Find why the last backups failed or are late, and run one now.",
            does_not_prove: "That the points can be restored: that is C-09.",
        })
        .with_parameters(&[Parameter::new(
            "rpo",
            ParameterKind::Period,
            "how much may be lost at most",
        )]),
    judge: frequency,
};

pub(super) const C_09: Standard = Standard {
    spec: ControlSpec::new("C-09", "Restores were tried, and were fast enough")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("drills")
        .with_texts(Texts {
            business: "Nobody knows whether it can be restored, or how long that takes.",
            next_step: "Run a restore drill of the resource (sr-drill); if it failed, repair what it found first.",
            does_not_prove: "That another point than the one that was restored can be.",
        })
        .with_parameters(&[
            Parameter::new("every", ParameterKind::Period, "how often a restore is tried"),
            Parameter::new("rto", ParameterKind::Period, "how long it may take"),
        ]),
    judge: restore_tested,
};

pub(super) const C_29: Standard = Standard {
    spec: ControlSpec::new("C-29", "Everything comes back from the recovery kit alone")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_texts(Texts {
            business: "If all machines are gone, nobody knows whether the backups can be opened.",
            next_step: "Rehearse the scenario from-nothing with the recovery kit only (sr-drill), and record it.",
            does_not_prove: "That the kit will be found by those who need it.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how often it is rehearsed",
        )]),
    judge: from_nothing,
};

fn frequency(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| exposure(case, one, given.period("rpo")))
        .collect()
}

/// Judges how much could have been lost over the last weeks, at every moment of them.
fn exposure(case: &Case<'_>, subject: &Subject, given: Option<Period>) -> Judgement {
    let scope = subject.scope();
    if subject.resource.is_retired(case.today()) {
        return Judgement::not_applicable(scope, "it is retired");
    }
    let Some(target) = subject.at_most(Key::Rpo, given) else {
        return Judgement::not_applicable(scope, "nothing says how much of it may be lost");
    };
    let (history, policy, resource) = (case.history(), case.policy(), &subject.resource);
    let options = RpoOptions::of_policy(policy, resource);
    let measured = rpo(history, policy, resource, &options, case.now());
    let allowed = Exposure::Seconds(target.mean_seconds());
    let why = format!(
        "at most {} could have been lost in {} days, {} now, {} points; {target} are allowed",
        measured.achieved,
        measured.window_seconds() / 86_400,
        measured.now,
        measured.n
    );
    let end = measured.newest_capture.map(|at| after(at, target));
    let since = end.or_else(|| since_protected(case, subject, target));
    let evidence = measured.evidence.iter().copied();
    if measured.now > allowed {
        let silent = case
            .last_seen()
            .is_none_or(|at| !case.is_fresh(at, target.max(SILENT)));
        let judgement = match silent {
            true => Judgement::unknown(
                scope,
                format!("{why}; nothing was recorded for longer than that"),
            ),
            false => Judgement::fail(scope, why),
        };
        return judgement.because(evidence).since(since);
    }
    // A framework's own target has no budget: it holds at every moment.
    let own = subject.resolved.period(Key::Rpo) == Some(target);
    let kept = match own {
        true => measured.is_objective_met().unwrap_or(true),
        false => measured.achieved <= allowed,
    };
    let share = measured.time_within().filter(|_| own);
    let why = match share {
        Some(share) => format!(
            "{why} for {:.2} % of the time, and were kept for {:.2} %",
            measured.objective * 100.0,
            share * 100.0
        ),
        None => why,
    };
    match kept {
        true => Judgement::pass(scope, why).because(evidence).until(end),
        // It was so, and is no longer: nobody need be woken.
        false => Judgement::fail(scope, why)
            .because(evidence)
            .since(Moment::utc(measured.worst_at))
            .waiting(true),
    }
}

fn restore_tested(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| tested(case, one, given)).collect()
}

fn tested(case: &Case<'_>, subject: &Subject, given: &Parameters) -> Judgement {
    let mut all = Several::of(subject.scope());
    if subject.resource.is_retired(case.today()) {
        return Judgement::not_applicable(all.scope(), "it is retired");
    }
    let limit = subject.at_most(Key::DrillEvery, given.period("every"));
    let limit = limit.unwrap_or(DRILLED);
    let now = case.now().unix_seconds;
    let drills = case.history().drills_of(&subject.resource.id);
    let drills: Vec<&Noted<Drill>> = drills.filter(|one| one.at <= now).collect();
    let proven = drills
        .iter()
        .rev()
        .find(|one| one.fact.verdict == DrillVerdict::Proven);
    let failed = drills
        .iter()
        .rev()
        .find(|one| one.fact.verdict == DrillVerdict::Failed);
    if let Some(failed) = failed.filter(|one| proven.is_none_or(|good| good.at < one.at)) {
        let why = format!(
            "the restore of {} failed ({})",
            case.ago(failed.at),
            causes(failed)
        );
        return Judgement::fail(all.scope(), why)
            .because([failed.entry])
            .since(Moment::utc(failed.at));
    }
    let Some(last) = proven else {
        let tried = drills.len();
        let why =
            format!("no restore of it was ever proven ({tried} tried); one is good for {limit}");
        return Judgement::unknown(all.scope(), why)
            .because(drills.last().map(|one| one.entry))
            .since(since_protected(case, subject, limit));
    };
    let end = after(last.at, limit);
    let why = format!("a restore was proven {}", case.ago(last.at));
    all.add(if case.is_fresh(last.at, limit) {
        Judgement::pass(all.scope(), why)
            .because([last.entry])
            .until(end)
    } else {
        Judgement::unknown(all.scope(), format!("{why}; that is good for {limit}"))
            .because([last.entry])
            .since(end)
    });
    let level = subject
        .resolved
        .text(Key::DrillLevel)
        .and_then(|text| text.parse::<Level>().ok());
    if level.is_some_and(|level| number(level) >= 5) && !is_validated(&last.fact) {
        let why = "what was restored was not validated, so that L5 is not reached";
        all.add(Judgement::unknown(all.scope(), why).because([last.entry]));
    }
    if let Some(target) = subject.at_most(Key::Rto, given.period("rto")) {
        all.add(in_time(&all.scope(), last, target));
    }
    all.finish()
}

fn is_validated(drill: &Drill) -> bool {
    let mut all = drill.validators.iter();
    all.any(|(_, verdict, _)| *verdict == ValidatorVerdict::Passed)
}

/// Judges what was measured against what is allowed, people's work included where it was measured.
fn in_time(scope: &Scope, drill: &Noted<Drill>, target: Period) -> Judgement {
    let Some(took) = drill.fact.rto_ms else {
        let why = format!("nobody measured how long it took; {target} are allowed");
        return Judgement::unknown(scope.clone(), why).because([drill.entry]);
    };
    let seconds = took.div_ceil(1000);
    let people = match drill.fact.people_ms {
        Some(_) => "with the work of people",
        None => "without the work of people, which nobody measured",
    };
    let why = format!(
        "it took {} {people}; {target} are allowed",
        Period::seconds(seconds.min(Period::MAX_SECONDS))
    );
    if seconds <= target.mean_seconds() {
        Judgement::pass(scope.clone(), why).because([drill.entry])
    } else {
        Judgement::fail(scope.clone(), why)
            .because([drill.entry])
            .since(Moment::utc(drill.at))
    }
}

fn causes(drill: &Noted<Drill>) -> String {
    let failed = drill.fact.validators.iter();
    let failed = failed.filter(|(_, verdict, _)| *verdict == ValidatorVerdict::Failed);
    let names: Vec<String> = failed
        .map(|(name, _, code)| format!("{name}: {code}"))
        .collect();
    match names.is_empty() {
        true => format!("scenario {}", drill.fact.scenario),
        false => names.join(", "),
    }
}

/// Returns when the first of something was due that is due so often.
fn since_protected(case: &Case<'_>, subject: &Subject, every: Period) -> Option<Moment> {
    let began = subject.resource.since.max(case.policy().effective)?;
    let due = every.after(began.start(&case.policy().timezone));
    Some(due).filter(|due| *due <= case.now())
}

fn from_nothing(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(FROM_NOTHING);
    let about = case.records().drills.iter().rev();
    let about: Vec<_> = about
        .filter(|one| one.fact.scenario == "from-nothing")
        .collect();
    let Some(last) = about
        .iter()
        .find(|one| one.fact.verdict != DrillVerdict::NotProven)
    else {
        let why = format!(
            "recovery from nothing was never proven ({} tried); that is good for {limit}",
            about.len()
        );
        let judgement = Judgement::unknown(Scope::Fleet, why);
        return vec![judgement.because(about.first().map(|one| one.entry))];
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let is_proven = last.fact.verdict == DrillVerdict::Proven;
    let judgement = match (is_proven, case.is_fresh(last.at, limit)) {
        (false, _) => Judgement::fail(Scope::Fleet, format!("recovery from nothing failed {age}"))
            .since(Moment::utc(last.at)),
        (true, false) => {
            let why = format!("recovery from nothing was proven {age}; that is good for {limit}");
            Judgement::unknown(Scope::Fleet, why).since(end)
        }
        (true, true) => Judgement::pass(
            Scope::Fleet,
            format!("recovery from nothing was proven {age}"),
        )
        .until(end),
    };
    vec![judgement.because([last.entry])]
}

/// Where the policy does not say how often.
const DRILLED: Period = Period::months(12);
/// When nothing at all is recorded for so long the journal says nothing about backups.
const SILENT: Period = Period::days(1);
const FROM_NOTHING: Period = Period::months(12);
