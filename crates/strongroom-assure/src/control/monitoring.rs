//! C-17: when something fails, somebody is told, and answers.

use strongroom_format::record::{Alert, AlertOutcome};
use strongroom_policy::{Key, Period};
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::{Severity, escalated};
use crate::history::Noted;

pub(super) const C_17: Standard = Standard {
    spec: ControlSpec::new("C-17", "When something fails somebody is told, and answers")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("alerts")
        .with_texts(Texts {
            business: "Backups could fail for weeks before anybody hears of it.",
            next_step: "Send a test alert along each route, acknowledge it, and repair what did not arrive.",
            does_not_prove: "That whoever acknowledges also acts: that is C-18 and C-21.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how often an alert is sent as a test",
        )]),
    judge: monitored,
};

fn monitored(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let mut all = Several::of(Scope::Fleet);
    let asked = case
        .active()
        .filter_map(|one| one.at_most(Key::AlertTest, given.period("every")));
    let limit = asked.min().or(given.period("every")).unwrap_or(TESTED);
    all.add(tested(case, limit));
    all.add(delivered(case));
    all.add(answered(case));
    if case.active().any(|one| one.resolved.flag(Key::Heartbeat)) {
        all.add(watched(case));
    }
    vec![all.finish()]
}

fn is_acknowledged(case: &Case<'_>, alert: &Noted<Alert>) -> bool {
    case.records()
        .acknowledged
        .iter()
        .any(|one| one.head.answers.contains(&alert.head.id))
}

/// Judges that an alert was sent as a test, left, and was acknowledged.
fn tested(case: &Case<'_>, limit: Period) -> Judgement {
    let tests = case
        .records()
        .alerts
        .iter()
        .rev()
        .filter(|one| one.fact.test);
    let mut good = tests
        .clone()
        .filter(|one| one.fact.outcome == AlertOutcome::Sent && is_acknowledged(case, one));
    let Some(last) = good.next() else {
        let tests: Vec<_> = tests.collect();
        let why = format!(
            "of {} alerts that were sent as a test none was acknowledged; one is good for {limit}",
            tests.len()
        );
        return Judgement::unknown(Scope::Fleet, why).because(tests.first().map(|one| one.entry));
    };
    let end = after(last.at, limit);
    let why = format!(
        "an alert was sent as a test and acknowledged {}",
        case.ago(last.at)
    );
    if case.is_fresh(last.at, limit) {
        Judgement::pass(Scope::Fleet, why)
            .because([last.entry])
            .until(end)
    } else {
        Judgement::unknown(Scope::Fleet, format!("{why}; that is good for {limit}"))
            .because([last.entry])
            .since(end)
    }
}

/// Judges that no alert of the last weeks was left unsent: by no route, or not again.
fn delivered(case: &Case<'_>) -> Judgement {
    let from = LOOKED_BACK.before(case.now()).unix_seconds;
    let alerts = || {
        case.records()
            .alerts
            .iter()
            .filter(move |one| one.at > from)
    };
    let is_sent_later = |failed: &Noted<Alert>| {
        let mut later = alerts().filter(|one| one.at >= failed.at);
        later.any(|one| {
            one.fact.outcome == AlertOutcome::Sent && one.fact.about == failed.fact.about
        })
    };
    let lost = alerts().filter(|one| one.fact.outcome != AlertOutcome::Sent && !is_sent_later(one));
    let lost: Vec<_> = lost.collect();
    match lost.first() {
        Some(first) => {
            let why = format!("{} alerts of {LOOKED_BACK} never left", lost.len());
            Judgement::fail(Scope::Fleet, why)
                .because(lost.iter().map(|one| one.entry))
                .since(Moment::utc(first.at))
        }
        None => {
            let why = format!("all of {} alerts of {LOOKED_BACK} left", alerts().count());
            Judgement::pass(Scope::Fleet, why)
        }
    }
}

fn answered(case: &Case<'_>) -> Judgement {
    let late: Vec<_> = escalated(case)
        .into_iter()
        .filter(|one| one.is_late)
        .collect();
    match late.iter().min_by_key(|one| one.due) {
        Some(first) => {
            let why = format!(
                "{} alerts wait longer for an answer than their escalation allows",
                late.len()
            );
            Judgement::fail(Scope::Fleet, why)
                .because(late.iter().flat_map(|one| one.because.iter().copied()))
                .since(first.due)
        }
        None => Judgement::pass(Scope::Fleet, "no alert waits for an answer too long"),
    }
}

/// Judges that a clock elsewhere watches.
fn watched(case: &Case<'_>) -> Judgement {
    let Some(last) = case.attested("heartbeat", None) else {
        let why =
            format!("nothing says that a clock elsewhere watches; that is good for {WATCHED}");
        return Judgement::unknown(Scope::Fleet, why);
    };
    let end = after(last.at, WATCHED);
    let judgement = match (last.fact.holds, case.is_fresh(last.at, WATCHED)) {
        (false, _) => Judgement::fail(Scope::Fleet, "the clock elsewhere heard nothing")
            .since(Moment::utc(last.at)),
        (true, false) => {
            let why = format!("a clock elsewhere was last heard of {}", case.ago(last.at));
            Judgement::unknown(Scope::Fleet, why).since(end)
        }
        (true, true) => Judgement::pass(Scope::Fleet, "a clock elsewhere watches").until(end),
    };
    judgement.because([last.entry])
}

const TESTED: Period = Period::days(92);
const LOOKED_BACK: Period = Period::days(30);
const WATCHED: Period = Period::days(7);
