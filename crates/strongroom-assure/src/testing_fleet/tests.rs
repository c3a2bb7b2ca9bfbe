use std::collections::BTreeMap;

use strongroom_policy::Selector;
use strongroom_retain::Moment;

use super::Fleet;
use super::trouble::{self, ALL, ENCRYPTED, FALLING, POISONED, Problem, STOPPED};
use crate::testing::{DAY, HOUR, START};
use crate::{AlarmSeverity, Assessment, Assessor, Finding, History, Severity, success};

/// How many days before it is found a problem is looked for in vain.
const BEFORE: i64 = 2;

pub(super) const YEARS: i64 = 3 * 365;

pub(super) fn noon(day: i64) -> Moment {
    Moment::utc(START + day * DAY + 12 * HOUR)
}

pub(super) fn is_slow() -> bool {
    std::env::var_os("STRONGROOM_SLOW").is_some()
}

/// Judges the history that there is on a day for one resource, and for what is about all of them.
fn judge(fleet: &Fleet, history: &History, day: i64, about: &str) -> Assessment {
    let policy = fleet.policy(day);
    let only = Selector::default().with_id(about.parse().unwrap());
    let assessor = Assessor::default();
    let case = assessor.case(history, &policy, &[], noon(day));
    assessor.assess(&case.only(&only))
}

fn open<'a>(assessment: &'a Assessment, key: &str) -> Option<&'a Finding> {
    let mut all = assessment.findings.iter();
    all.find(|one| one.key.starts_with(key) && !one.is_exempted())
}

/// Returns the days on which something is looked at: those before a problem is found, and that one.
fn days() -> BTreeMap<i64, Vec<&'static Problem>> {
    let mut days: BTreeMap<i64, Vec<&Problem>> = BTreeMap::new();
    for problem in ALL {
        for day in problem.found() - BEFORE..=problem.found() {
            days.entry(day).or_default().push(problem);
        }
    }
    for day in [
        trouble::RETIRED_DAY,
        301,
        310,
        329,
        FALLING.injected + 7,
        STOPPED.injected + 29,
    ] {
        days.entry(day).or_default();
    }
    days
}

#[test]
fn every_problem_is_found_on_its_day_and_not_before() {
    let count = if is_slow() { 200 } else { 16 };
    let mut fleet = Fleet::troubled(1, count);
    let mut history = History::default();
    let mut wrong = Vec::new();
    for (day, problems) in days() {
        // What is judged on a day knows nothing of later ones.
        history.extend(&fleet.until(day));
        let mut judged: BTreeMap<&str, Assessment> = BTreeMap::new();
        for problem in problems {
            let about = problem.about;
            let seen = judged
                .entry(about)
                .or_insert_with(|| judge(&fleet, &history, day, about));
            let found = open(seen, problem.key);
            let severe = found.filter(|one| one.severity >= problem.severity);
            match day == problem.found() {
                true if severe.is_none() => {
                    wrong.push(format!("day {day}: no {} ({found:?})", problem.key));
                }
                // A resource may have had an unusual day that is not critical.
                false if severe.is_some() => {
                    wrong.push(format!(
                        "day {day}, before {}: {}",
                        problem.found(),
                        severe.unwrap()
                    ));
                }
                _ => {}
            }
        }
        special(&fleet, &history, day, &judged);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Looks at what is more than a finding.
fn special(fleet: &Fleet, history: &History, day: i64, judged: &BTreeMap<&str, Assessment>) {
    let measured = |id: &str| {
        let policy = fleet.policy(day);
        let resource = policy.resources.get(id).unwrap();
        success(history, &policy, resource, noon(day)).rates[1].clone()
    };
    if day == FALLING.injected {
        let rate = measured(FALLING.about);
        assert_eq!((rate.ok, rate.expected), (29, 30));
        assert!(rate.is_below && !rate.is_surely_below);
    }
    if day == FALLING.injected + 7 {
        // With 28 of 30 the interval ends at 97.8 %.
        let rate = measured(FALLING.about);
        assert_eq!((rate.ok, rate.expected), (28, 30));
        assert!(rate.is_below && rate.is_surely_below);
    }
    if day == STOPPED.injected + 29 {
        let rate = measured(STOPPED.about);
        assert_eq!(
            (rate.ok, rate.missed, rate.expected),
            (0, 30, 30),
            "it stays in the denominator"
        );
    }
    if (trouble::RETIRED_DAY..trouble::RETIRED_DAY + 30).contains(&day) {
        let seen = judge(fleet, history, day, "files-retired");
        let about = seen
            .findings
            .iter()
            .find(|one| one.scope.resource().is_some());
        assert_eq!(about, None, "it is retired");
    }
    if day == ENCRYPTED.injected || day == POISONED.found() {
        let problem = if day == ENCRYPTED.injected {
            ENCRYPTED
        } else {
            POISONED
        };
        let report = judged[problem.about]
            .signals
            .iter()
            .find(|one| one.resource == problem.about)
            .unwrap();
        let alarm = report
            .alarms
            .iter()
            .find(|one| one.severity == AlarmSeverity::Critical)
            .unwrap();
        let groups: std::collections::BTreeSet<_> =
            alarm.signals.iter().map(|one| one.code.group()).collect();
        assert!(groups.len() >= 2, "{groups:?}");
        let hold = report.hold.as_ref().unwrap();
        assert!(!hold.points.is_empty());
        let begin = START + problem.injected * DAY;
        assert!(
            hold.points.iter().all(|one| one.capture < begin),
            "only clean points are held"
        );
    }
}

#[test]
fn problems_are_of_all_severities() {
    for severity in [
        Severity::Note,
        Severity::Warning,
        Severity::Serious,
        Severity::Critical,
    ] {
        assert!(ALL.iter().any(|one| one.severity == severity));
    }
}
