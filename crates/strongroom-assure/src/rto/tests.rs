use strongroom_format::record::{IncidentStep, Run, RunOutcome};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, policy, run};

const TWO: &str = r#"
    [resource.db]
    kind = "postgresql"
    objectives = { rto = "1h" }
    [resource.other]
    kind = "postgresql"
    size = "100 GiB"
"#;

fn drill(minutes: u64, verdict: DrillVerdict) -> Drill {
    Drill {
        verdict,
        rto_ms: Some(minutes * 60_000),
        people_ms: Some(600_000),
        bytes: 60 << 30,
        files: 6_000,
        phases: vec![
            ("start".to_owned(), 60_000),
            ("restore".to_owned(), (minutes - 1) * 60_000),
        ],
        ..Drill::default()
    }
}

fn log() -> Log {
    let mut log = Log::default();
    for (day, minutes) in [(1, 31), (2, 21), (3, 41)] {
        log.record(
            START + day * DAY,
            Some("db"),
            drill(minutes, DrillVerdict::Proven),
        );
    }
    log.record(
        START + 4 * DAY,
        Some("db"),
        drill(2, DrillVerdict::NotProven),
    );
    log.record(START + 5 * DAY, Some("db"), drill(2, DrillVerdict::Failed));
    log
}

#[test]
fn only_what_was_proven_is_measured_and_people_are_apart() {
    let (history, policy) = (History::from_events(&log().events), policy(TWO));
    let db = policy.resources.get("db").unwrap();
    let measured = rto_measured(&history, &policy, db, now(START + 9 * DAY)).unwrap();
    assert_eq!(
        (measured.n, measured.failed, measured.not_proven),
        (3, 1, 1)
    );
    assert_eq!(
        (measured.p50_ms, measured.worst_ms),
        (31 * 60_000, 41 * 60_000)
    );
    assert_eq!(
        (measured.last_ms, measured.people_p50_ms),
        (41 * 60_000, Some(600_000))
    );
    assert_eq!(measured.phases["restore"].p50_ms, 30 * 60_000);
    assert_eq!(measured.is_met(), Some(true));
    assert_eq!(measured.evidence.len(), 3);
    let early = rto_measured(&history, &policy, db, now(START + DAY)).unwrap();
    assert_eq!(early.n, 1);
    assert!(rto_measured(&history, &policy, db, now(START)).is_none());
}

#[test]
fn an_estimate_is_another_type_and_rests_on_others_of_the_kind() {
    let (history, policy) = (History::from_events(&log().events), policy(TWO));
    let other = policy.resources.get("other").unwrap();
    assert!(rto_measured(&history, &policy, other, now(START + 9 * DAY)).is_none());
    let estimated = rto_estimated(&history, &policy, other, now(START + 9 * DAY)).unwrap();
    assert_eq!(
        (estimated.n, estimated.fixed_ms, estimated.bytes),
        (3, 60_000, 100 << 30)
    );
    // Nine of ten moved 60 GiB in at most 38 minutes.
    let minutes = estimated.total_ms / 60_000;
    assert!((60..70).contains(&minutes), "{minutes}");
    assert!(rto_estimated(&history, &policy, other, now(START)).is_none());
}

#[test]
fn what_happened_in_earnest_is_kept_apart() {
    let mut log = Log::default();
    let snapshot = log.backup("db", "nas", START, HOUR);
    let step = |step| IncidentStep {
        incident: "fire".to_owned(),
        step,
        ..IncidentStep::default()
    };
    log.record(START + DAY, Some("db"), step(IncidentState::Open));
    let restore = Run {
        job: Job::Restore,
        snapshot: Some(snapshot),
        capture: None,
        durable: None,
        ..run("nas", START + DAY + HOUR, 2 * HOUR, RunOutcome::Ok)
    };
    log.record(START + DAY + 3 * HOUR, Some("db"), restore);
    let history = History::from_events(&log.events);
    let open = recoveries(&history, now(START + 2 * DAY));
    assert_eq!(
        (open[0].rta_seconds, open[0].rpa_seconds),
        (None, Some(86_400))
    );
    log.record(
        START + DAY + 5 * HOUR,
        Some("db"),
        step(IncidentState::Resolved),
    );
    let history = History::from_events(&log.events);
    let done = recoveries(&history, now(START + 2 * DAY));
    assert_eq!(
        (done[0].rta_seconds, done[0].rpa_seconds),
        (Some(5 * 3600), Some(86_400))
    );
    assert_eq!(done[0].evidence.len(), 3);
    assert!(recoveries(&history, now(START)).is_empty());
}
