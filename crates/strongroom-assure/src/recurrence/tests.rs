use strongroom_format::record::{ErrorClass, ErrorCount, Run, RunOutcome};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, run};

fn failure(log: &mut Log, day: i64, hour: i64, resource: &str, class: ErrorClass, code: &str) {
    let error = ErrorCount {
        class,
        code: code.to_owned(),
        phase: "upload".to_owned(),
        count: 4,
        ..ErrorCount::default()
    };
    let at = START + day * DAY + hour * HOUR;
    let fact = Run {
        errors: vec![error],
        durable: None,
        ..run("nas", at, 60, RunOutcome::Failed)
    };
    log.record(at + 60, Some(resource), fact);
}

#[test]
fn what_comes_on_three_days_recurs_and_three_attempts_of_a_night_do_not() {
    let mut log = Log::default();
    for day in 0..4 {
        failure(&mut log, day, 1, "db", ErrorClass::Network, "timeout");
        if day == 0 {
            for hour in 2..5 {
                failure(&mut log, day, hour, "www", ErrorClass::Network, "timeout");
            }
        }
        log.backup("mail", "nas", START + day * DAY + 6 * HOUR, HOUR);
    }
    failure(&mut log, 4, 1, "db", ErrorClass::Shortage, "out-of-space");
    let history = History::from_events(&log.events);
    let report = errors(&history, START, now(START + 9 * DAY));
    assert_eq!((report.runs, report.runs_with_errors), (12, 8));
    assert_eq!(
        report.classes["network"],
        ClassCount {
            runs: 7,
            errors: 28
        }
    );
    assert_eq!(report.classes["shortage"].runs, 1);
    assert_eq!(report.recurring.len(), 1);
    let one = &report.recurring[0];
    assert_eq!(
        (one.resource.as_str(), one.runs, one.days, one.elsewhere),
        ("db", 4, 4, 1)
    );
    assert_eq!(
        (one.class.as_str(), one.errors, one.evidence.len()),
        ("network", 16, 4)
    );
    let later = errors(&history, START + 2 * DAY, now(START + 9 * DAY));
    assert!(later.recurring.is_empty());
    assert!(
        errors(&History::default(), i64::MIN, now(0))
            .classes
            .is_empty()
    );
}
