//! Objectives against schedules, and schedules against windows.

use std::collections::BTreeMap;

use super::{Case, Lint, Severity};
use crate::key::Key;
use crate::level::Criticality;
use crate::period::Period;
use crate::schedule::{ExpectedRun, Gaps, Schedule};
use crate::value::Value;
use crate::zone::Reading;

pub(super) fn look(lint: &mut Lint<'_>, case: &Case<'_>) {
    objectives(lint, case);
    let Some(Value::When(_)) = case.resolved.get(Key::When) else {
        let path = format!("resource.{}", case.resource.id);
        let message = "nothing says when it is backed up".to_owned();
        lint.about(
            case,
            "schedule",
            Severity::Error,
            "no-schedule",
            path,
            message,
        );
        return;
    };
    let Some(schedule) = case.resolved.schedule() else {
        let path = case.path(Key::Enabled);
        let message = "its backups are switched off".to_owned();
        let found = lint.about(
            case,
            "schedule",
            Severity::Error,
            "schedule-disabled",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("say retired = DATE if it needs no more backups, or add an exemption");
        }
        return;
    };
    window(lint, case, &schedule);
    loss(lint, case, &schedule);
    clock(lint, case, &schedule);
}

fn objectives(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    for (key, code, what) in [
        (
            Key::Rpo,
            "rpo-missing",
            "nothing says how much data may be lost",
        ),
        (
            Key::Rto,
            "rto-missing",
            "nothing says how long a restore may take",
        ),
    ] {
        if resolved.period(key).is_none() {
            let path = format!("resource.{}", case.resource.id);
            lint.about(
                case,
                "objectives",
                Severity::Error,
                code,
                path,
                what.to_owned(),
            );
        }
    }
    let (rto, downtime) = (resolved.period(Key::Rto), resolved.period(Key::MaxDowntime));
    if let (Some(rto), Some(downtime)) = (rto, downtime)
        && rto > downtime
    {
        let path = case.path(Key::Rto);
        let message = format!("the RTO is {rto}, and the business stands at most {downtime}");
        lint.about(
            case,
            "objectives",
            Severity::Error,
            "rto-over-downtime",
            path,
            message,
        );
    }
    if downtime.is_none() && case.resource.criticality == Criticality::Critical {
        let path = format!("resource.{}", case.resource.id);
        let message = "is critical, and nothing says how long the business can stand".to_owned();
        lint.about(
            case,
            "objectives",
            Severity::Warning,
            "downtime-unknown",
            path,
            message,
        );
    }
}

fn window(lint: &mut Lint<'_>, case: &Case<'_>, schedule: &Schedule) {
    let path = case.path(Key::When);
    let from = lint.now.unix_seconds;
    let Some(first) = schedule.next_run(lint.now) else {
        let message = format!("{} is never in its window", schedule.when);
        lint.about(
            case,
            "schedule",
            Severity::Error,
            "schedule-never",
            path,
            message,
        );
        return;
    };
    let is_calendar = schedule
        .when
        .cron()
        .is_some_and(|cron| !cron.is_every_hour());
    if is_calendar && !schedule.windows.is_empty() {
        let all = schedule.when.between(&schedule.zone, from, from + WEEKS);
        let inside = schedule.due_between(from, from + WEEKS).count();
        let outside = all.count() - inside;
        if outside > 0 {
            let message = format!("{} is partly outside of its window", schedule.when);
            lint.about(
                case,
                "schedule",
                Severity::Error,
                "schedule-outside-window",
                path,
                message,
            );
        }
    }
    fits(lint, case, schedule, first);
}

/// Whether a run is over before its window, or its time, is.
fn fits(lint: &mut Lint<'_>, case: &Case<'_>, schedule: &Schedule, first: ExpectedRun) {
    let path = case.path(Key::When);
    let from = lint.now.unix_seconds;
    let Some(duration) = schedule.expected_duration else {
        let path = format!("resource.{}", case.resource.id);
        let message =
            "nothing says how long a run takes, so nothing says whether it fits".to_owned();
        lint.about(
            case,
            "schedule",
            Severity::Note,
            "duration-unknown",
            path,
            message,
        );
        return;
    };
    let seconds = i64::try_from(duration.mean_seconds()).unwrap_or(i64::MAX);
    let runs = schedule.runs(lint.now, schedule.zone.moment(from + WEEKS));
    let room = |late: bool| {
        move |run: &ExpectedRun| {
            let begin = if late { run.start_by } else { run.start_at };
            run.complete_by.unix_seconds - begin.unix_seconds
        }
    };
    let runs: Vec<_> = runs.chain([first]).collect();
    let least = runs.iter().map(room(false)).min().unwrap_or(i64::MAX);
    let least_late = runs.iter().map(room(true)).min().unwrap_or(i64::MAX);
    let show = |seconds: i64| Period::seconds(u64::try_from(seconds).unwrap_or_default());
    if least < seconds {
        let message = format!(
            "a run takes {duration}, and has {} until it must be complete",
            show(least)
        );
        lint.about(
            case,
            "schedule",
            Severity::Error,
            "window-too-short",
            path,
            message,
        );
    } else if least_late < seconds {
        let message = format!(
            "a run that begins as late as allowed has {} and takes {duration}",
            show(least_late)
        );
        lint.about(
            case,
            "schedule",
            Severity::Warning,
            "window-tight",
            path,
            message,
        );
    }
}

fn loss(lint: &mut Lint<'_>, case: &Case<'_>, schedule: &Schedule) {
    let Some(gaps) = case.protection.gaps else {
        return;
    };
    let duration = schedule.expected_duration.unwrap_or_default();
    if duration > gaps.shortest {
        let path = case.path(Key::When);
        let message = format!(
            "a run takes {duration}, and the next is due after {}",
            gaps.shortest
        );
        lint.about(
            case,
            "schedule",
            Severity::Error,
            "run-overlaps",
            path,
            message,
        );
    }
    let rpo = case.resolved.period(Key::Rpo);
    if let Some(rpo) = rpo {
        objective(lint, case, schedule, (gaps, duration, rpo));
    }
}

/// The RPO against what the schedule loses.
fn objective(
    lint: &mut Lint<'_>,
    case: &Case<'_>,
    schedule: &Schedule,
    (gaps, duration, rpo): (Gaps, Period, Period),
) {
    let path = case.path(Key::Rpo);
    let usual = gaps.mean.plus(duration);
    let longest = gaps.longest.plus(duration);
    let allowed = gaps.longest.plus(schedule.complete_within);
    if usual > rpo {
        let message = format!(
            "the RPO is {rpo}, and the schedule loses up to {longest}: {} between two backups and {duration} until \
             what is captured is safe",
            gaps.longest
        );
        let found = lint.about(
            case,
            "objectives",
            Severity::Error,
            "rpo-impossible",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint(format!(
                "back up more often, or say that {longest} may be lost"
            ));
        }
    } else if longest > rpo {
        let message = format!(
            "the RPO of {rpo} is missed at times: up to {longest} are lost after {}",
            gaps.longest_from
        );
        let found = lint.about(
            case,
            "objectives",
            Severity::Warning,
            "rpo-tight",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("a day is 25 hours long when the clock is put back");
        }
    } else if allowed > rpo {
        let message = format!(
            "a run may take until {} after it was due, and still be in time: {allowed} may be lost, and the RPO is {rpo}",
            schedule.complete_within
        );
        lint.about(
            case,
            "objectives",
            Severity::Note,
            "rpo-allowed",
            path,
            message,
        );
    }
}

fn clock(lint: &mut Lint<'_>, case: &Case<'_>, schedule: &Schedule) {
    let Some(cron) = schedule.when.cron() else {
        return;
    };
    let path = case.path(Key::When);
    if cron.has_either_day() {
        let message = format!(
            "{} is due on such days of the month, and on such days of the week too",
            schedule.when
        );
        let found = lint.about(
            case,
            "schedule",
            Severity::Warning,
            "cron-either-day",
            path.clone(),
            message,
        );
        if let Some(found) = found {
            found.hint("with every cron either of the two suffices");
        }
    }
    if cron.is_every_hour() {
        return;
    }
    let from = lint.now.unix_seconds;
    let changes = schedule.zone.changes(from, from + 2 * YEAR);
    let odd = changes.flat_map(|at| {
        // The day as it was shown before the change, and as it is after.
        let dates = [at - 1, at].map(|at| crate::date::Date::of(schedule.zone.moment(at)));
        let times: Vec<_> = cron.local_times().take(96).collect();
        dates
            .into_iter()
            .filter(|date| cron.is_on(*date))
            .flat_map(move |date| {
                let times = times.clone().into_iter();
                times.map(move |(hour, minute)| date.0.at(hour, minute, 0, 0))
            })
    });
    let mut odd = odd.filter(|local| schedule.zone.reading(*local) != Reading::Once);
    if let Some(local) = odd.next() {
        let message = match schedule.zone.reading(local) {
            Reading::Never => format!(
                "on {} no clock of {} shows this time",
                local.date(),
                schedule.zone
            ),
            _ => format!(
                "on {} the clocks of {} show this time twice",
                local.date(),
                schedule.zone
            ),
        };
        let found = lint.about(
            case,
            "schedule",
            Severity::Note,
            "clock-change",
            path,
            message,
        );
        if let Some(found) = found {
            found.hint("schedulers differ in what they make of that; choose another hour, or UTC");
        }
    }
}

/// Looks for runs that all begin at once.
pub(super) fn look_at_all(lint: &mut Lint<'_>, cases: &[Case<'_>]) {
    let mut at_once: BTreeMap<(String, i64), u64> = BTreeMap::new();
    for case in cases {
        let schedule = case.resolved.schedule();
        let Some(run) = schedule.as_ref().and_then(|one| one.next_run(lint.now)) else {
            continue;
        };
        for name in case.resolved.words(Key::CopiesTo) {
            let minute = run.start_at.unix_seconds / 60;
            *at_once.entry((name.to_owned(), minute)).or_default() += 1;
        }
    }
    let mut worst: BTreeMap<String, u64> = BTreeMap::new();
    for ((name, _), count) in at_once {
        let most = worst.entry(name).or_default();
        *most = count.max(*most);
    }
    for (name, count) in worst {
        if count > AT_ONCE {
            let path = format!("repository.{name}");
            let message = format!("{count} runs begin in the same minute");
            lint.add(Severity::Warning, "load-peak", path, message)
                .hint("add schedule.jitter to the defaults");
        }
    }
}

const WEEKS: i64 = 35 * 86_400;
const YEAR: i64 = 366 * 86_400;
/// So many runs at once are more than most stores like.
const AT_ONCE: u64 = 20;
