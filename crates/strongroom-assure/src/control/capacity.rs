//! C-19 and C-20: there is room, and runs succeed; or somebody is working on it.

use std::collections::BTreeMap;

use strongroom_format::record::{CapacityKind, Job};
use strongroom_policy::{Key, Period, Share};
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, Subject, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::action::recorded;
use crate::finding::Severity;
use crate::history::EntryRef;
use crate::stats::wilson;

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
    judge: success,
};

fn room(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.repositories();
    all.iter().map(|one| full(case, one, given.share("full_at"))).collect()
}

fn full(case: &Case<'_>, of: &RepositoryOf<'_>, given: Option<Share>) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    let seen = case.records().capacities.iter().rev();
    let mut seen = seen.filter(|one| one.fact.repository == of.name);
    let Some(last) = seen.next() else {
        let why = format!("nobody has measured how full it is; that is good for {MEASURED}");
        return Judgement::unknown(scope, why);
    };
    let end = after(last.at, MEASURED);
    if !case.is_fresh(last.at, MEASURED) {
        let why = format!("how full it is was measured {}; that is good for {MEASURED}", case.ago(last.at));
        return Judgement::unknown(scope, why).because([last.entry]).since(end);
    }
    let declared = of.repository.capacity.map(|bytes| bytes.get());
    let total = last.fact.total.or(declared).filter(|total| *total > 0);
    let Some(total) = total else {
        let judgement = match last.fact.kind {
            CapacityKind::Unlimited => {
                Judgement::not_applicable(scope, "it has no end, and nobody has set a budget for it")
            }
            _ => Judgement::unknown(scope, "nobody knows how much it can hold"),
        };
        return judgement.because([last.entry]);
    };
    let plan = case.held_by(of.name).filter_map(|one| one.resolved.share(Key::PlanAt)).min();
    let plan = given.into_iter().chain(plan).min().unwrap_or(Share::percent(80));
    let millionths = u128::from(last.fact.used) * 1_000_000 / u128::from(total);
    let tenths = millionths / 1000;
    let why = format!(
        "it is {}.{} % full ({} of {total} bytes, of which {} are locked); from {plan} on somebody must plan",
        tenths / 10,
        tenths % 10,
        last.fact.used,
        last.fact.locked
    );
    if millionths < u128::from(plan.get()) {
        return Judgement::pass(scope, why).because([last.entry]).until(end);
    }
    judge_or_action(case, "C-19", scope, why, vec![last.entry], Some(Moment::utc(last.at)))
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
    let open = recorded(case).into_iter().find(|one| {
        one.finding == key && !one.state.is_closed() && !one.is_overdue
    });
    match open {
        Some(action) => {
            let due = action.due.map_or(String::new(), |due| format!(", due {due}"));
            let why = format!("{why}; action {} is open{due}", action.key);
            Judgement::pass(scope, why)
                .because(because.into_iter().chain(action.because))
                .until(action.due)
        }
        None => Judgement::fail(scope, why).because(because).since(since),
    }
}

fn success(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| of_resource(case, one, given.share("rate"))).collect()
}

fn of_resource(case: &Case<'_>, subject: &Subject, given: Option<Share>) -> Judgement {
    let scope = subject.scope();
    let Some(schedule) = subject.resolved.schedule().filter(|_| {
        !subject.resource.is_retired(case.today())
    }) else {
        return Judgement::not_applicable(scope, "no backup of it is due");
    };
    let window = subject.resolved.period(Key::SuccessWindow).unwrap_or(Period::days(30));
    let wanted = given.max(subject.resolved.share(Key::SuccessRate)).unwrap_or(Share::percent(98));
    let partial_counts = subject.resolved.flag(Key::PartialCounts);
    let from = window.before(case.now()).unix_seconds;
    let mut done: BTreeMap<i64, (bool, EntryRef)> = BTreeMap::new();
    for run in case.runs(&subject.resource.id).filter(|run| run.job == Job::Backup) {
        if let Some(due) = run.due.filter(|due| *due >= from) {
            let good = run.is_ok() || (partial_counts && run.is_partial());
            let so_far = done.entry(due).or_insert((good, run.entry));
            // Attempts of one run are one: what counts is whether it succeeded in the end.
            *so_far = (so_far.0 || good, run.entry);
        }
    }
    let since = [subject.resource.since, case.policy().effective].into_iter().flatten().max();
    let first = since.map_or(from, |day| day.start(&schedule.zone).unix_seconds.max(from));
    let now = case.now();
    let due = schedule.runs(Moment::utc(first), now).filter(|run| run.missed_at <= now);
    let missed: Vec<Moment> = due
        .filter(|run| !done.contains_key(&run.due.unix_seconds))
        .map(|run| run.missed_at)
        .collect();
    let good = done.values().filter(|(good, _)| *good).count();
    let expected = done.len() + missed.len();
    if expected == 0 {
        return Judgement::unknown(scope, format!("no run was due in {window}"));
    }
    judge_rate(case, scope, &Rate { good, expected, missed, done, wanted, window })
}

/// What became of the runs that were due.
struct Rate {
    good: usize,
    expected: usize,
    missed: Vec<Moment>,
    done: BTreeMap<i64, (bool, EntryRef)>,
    wanted: Share,
    window: Period,
}

fn judge_rate(case: &Case<'_>, scope: Scope, rate: &Rate) -> Judgement {
    let Rate { good, expected, missed, done, wanted, window } = rate;
    let amount = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let interval = wilson(amount(*good), amount(*expected));
    let (low, high) = interval.map_or((0.0, 1.0), |one| (one.low, one.high));
    let why = format!(
        "{good} of {expected} runs due in {window} succeeded ({} never began); 90 % interval {:.1} to {:.1} %; {wanted} are asked for",
        missed.len(),
        low * 100.0,
        high * 100.0
    );
    let failed = done.iter().filter(|(_, (good, _))| !good);
    let first = failed.clone().map(|(due, _)| Moment::utc(*due)).chain(missed.iter().copied()).min();
    let parts = u128::try_from(*good).unwrap_or(0) * 1_000_000;
    let bar = u128::try_from(*expected).unwrap_or(0) * u128::from(wanted.get());
    if parts >= bar {
        let entries = done.values().map(|(_, entry)| *entry);
        let newest = done.keys().next_back().copied();
        return Judgement::pass(scope, why)
            .because(entries)
            .until(newest.map(|at| after(at, *window)));
    }
    let silent = done.is_empty() && case.last_seen().is_none_or(|at| !case.is_fresh(at, SILENT));
    let entries: Vec<EntryRef> = failed.map(|(_, (_, entry))| *entry).collect();
    if silent {
        let why = format!("{why}; nothing at all was recorded for {SILENT}");
        return Judgement::unknown(scope, why).since(first);
    }
    judge_or_action(case, "C-20", scope, why, entries, first)
}

/// How full a store is changes from day to day.
const MEASURED: Period = Period::days(7);
/// When nothing at all is recorded the journal says nothing about runs.
const SILENT: Period = Period::days(3);
