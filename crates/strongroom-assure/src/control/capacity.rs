//! C-19 and C-20: there is room, and runs succeed; or somebody is working on it.

use strongroom_policy::{Key, Period, Share};
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, Subject, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::action::recorded;
use crate::capacity::{Fullness, capacity};
use crate::finding::Severity;
use crate::history::EntryRef;

pub(super) const C_19: Standard = Standard {
    spec: ControlSpec::new("C-19", "There is room, or somebody plans for more")
        .with_weight(Head::Efficient, Severity::Warning)
        .with_section("capacity")
        .with_texts(Texts {
            business: "Backups will stop when the store is full.",
            next_step: "Plan for more room: order it, keep less, or move data; the forecast says by when.",
            does_not_prove: "That growth goes on as it did.",
        })
        .with_parameters(&[Parameter::new(
            "full_at",
            ParameterKind::Share,
            "from which share on somebody must plan",
        )]),
    judge: room,
};

pub(super) const C_20: Standard = Standard {
    spec: ControlSpec::new("C-20", "Runs succeed as often as asked, or somebody works on it")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("objectives")
        .with_texts(Texts {
            business: "Backups fail more often than was agreed.",
            next_step: "Look at the causes by class, act on the most frequent one, and record the action.",
            does_not_prove: "That what succeeded can be restored.",
        })
        .with_parameters(&[Parameter::new(
            "rate",
            ParameterKind::Share,
            "which share must succeed",
        )]),
    judge: succeeded,
};

fn room(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.repositories();
    all.iter()
        .map(|one| full(case, one, given.share("full_at")))
        .collect()
}

fn full(case: &Case<'_>, of: &RepositoryOf<'_>, given: Option<Share>) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    let Some(seen) = capacity(case.history(), case.policy(), of.name, case.now()) else {
        let why = format!("nobody has measured how full it is; that is good for {MEASURED}");
        return Judgement::unknown(scope, why);
    };
    let evidence = seen.evidence.iter().copied();
    let end = after(seen.measured_at, MEASURED);
    if !case.is_fresh(seen.measured_at, MEASURED) {
        let age = case.ago(seen.measured_at);
        let why = format!("how full it is was measured {age}; that is good for {MEASURED}");
        return Judgement::unknown(scope, why).because(evidence).since(end);
    }
    let Some(share) = seen.utilisation else {
        let judgement = match seen.is_unlimited {
            true => Judgement::not_applicable(
                scope,
                "it has no end, and nobody has set a budget for it",
            ),
            false => Judgement::unknown(scope, "nobody knows how much it can hold"),
        };
        return judgement.because(evidence);
    };
    let plan = given.map_or(seen.thresholds.plan, |given| {
        given.ratio().min(seen.thresholds.plan)
    });
    let forecast = match seen.suffices_for_lead_time {
        Some(true) => "; it suffices for the time that it takes to have more",
        Some(false) => "; it does not suffice for the time that it takes to have more",
        None => "",
    };
    let why = format!(
        "it is {:.1} % full ({} bytes, of which {} are locked){forecast}; from {:.0} % on somebody must plan",
        share * 100.0,
        seen.used,
        seen.locked,
        plan * 100.0
    );
    // Where it was full before, two points less do not end it: the measure says so.
    let is_full = share >= plan || seen.fullness.is_some_and(|one| one != Fullness::Fine);
    if !is_full && seen.suffices_for_lead_time != Some(false) {
        return Judgement::pass(scope, why).because(evidence).until(end);
    }
    let since = Some(Moment::utc(seen.measured_at));
    judge_or_action(case, "C-19", scope, why, seen.evidence.clone(), since)
}

/// Says that a rule fired: it fails unless an action about it is open and in time.
fn judge_or_action(
    case: &Case<'_>,
    rule: &str,
    scope: Scope,
    why: String,
    because: Vec<EntryRef>,
    since: Option<Moment>,
) -> Judgement {
    let key = format!("{rule}/{}", scope.key());
    let open = recorded(case)
        .into_iter()
        .find(|one| one.finding == key && !one.state.is_closed() && !one.is_overdue);
    match open {
        Some(action) => {
            let due = action
                .due
                .map_or(String::new(), |due| format!(", due {due}"));
            let why = format!("{why}; action {} is open{due}", action.key);
            Judgement::pass(scope, why)
                .because(because.into_iter().chain(action.because))
                .until(action.due)
        }
        None => Judgement::fail(scope, why).because(because).since(since),
    }
}

fn succeeded(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| of_resource(case, one, given.share("rate")))
        .collect()
}

fn of_resource(case: &Case<'_>, subject: &Subject, given: Option<Share>) -> Judgement {
    let scope = subject.scope();
    if subject.resource.is_retired(case.today()) {
        return Judgement::not_applicable(scope, "it is retired");
    }
    let Some(measured) = case.success(&subject.resource.id) else {
        return Judgement::not_applicable(scope, "it needs no backups");
    };
    let window = subject
        .resolved
        .period(Key::SuccessWindow)
        .unwrap_or(Period::days(30));
    let days = window.mean_seconds() / 86_400;
    // The time that the policy names, or the next longer one that is measured.
    let longest = measured
        .rates
        .iter()
        .find(|one| u64::from(one.days) >= days);
    let Some(rate) = longest
        .or(measured.rates.last())
        .filter(|one| one.expected > 0)
    else {
        let why = match subject.protection.is_covered {
            true => Judgement::unknown(scope, format!("no run was due in {window}")),
            false => Judgement::not_applicable(scope, "no backup of it is due"),
        };
        return why;
    };
    let target = given.map_or(rate.target, |given| given.ratio().max(rate.target));
    let share = rate.rate.unwrap_or(0.0);
    let (low, high) = rate.interval.map_or((0.0, 1.0), |one| (one.low, one.high));
    let why = format!(
        "{} of {} runs due in {} days succeeded ({} partial, {} failed, {} never began): {:.1} %; \
         90 % interval {:.1} to {:.1} %; {:.1} % are asked for{}",
        rate.ok,
        rate.expected,
        rate.days,
        rate.partial,
        rate.failed,
        rate.missed,
        share * 100.0,
        low * 100.0,
        high * 100.0,
        target * 100.0,
        match high < target {
            true => ", and it is surely below",
            false => "",
        }
    );
    let since = measured.last_ok_due.map(Moment::utc);
    if share >= target {
        let end = since.map(|at| window.after(at));
        return Judgement::pass(scope, why)
            .because(rate.evidence.iter().copied())
            .until(end);
    }
    let silent = rate.missed == rate.expected
        && case.last_seen().is_none_or(|at| !case.is_fresh(at, SILENT));
    if silent {
        let why = format!("{why}; nothing at all was recorded for {SILENT}");
        return Judgement::unknown(scope, why).since(since);
    }
    // One failure of thirty fires the rule, and proves nothing.
    let can_wait = high >= target && !measured.is_acute;
    judge_or_action(case, "C-20", scope, why, rate.evidence.clone(), since).waiting(can_wait)
}

/// How full a store is changes from day to day.
const MEASURED: Period = Period::days(7);
/// When nothing at all is recorded the journal says nothing about runs.
const SILENT: Period = Period::days(3);
