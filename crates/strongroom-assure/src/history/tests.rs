use proptest::prelude::*;
use strongroom_format::record::{
    Capacity, Drill, DrillVerdict, Job, RecordId, Run, RunOutcome, Verified,
};
use strongroom_format::{Body, Evidence};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, id, run, time};

#[test]
fn a_commit_and_its_record_are_one_run() {
    let mut log = Log::default();
    let snapshot = log.backup("db", "nas", START, HOUR);
    let history = History::from_events(&log.events);
    let db = history.resource("db").unwrap();
    assert_eq!((db.runs.len(), db.points.len()), (1, 1));
    let run = &db.runs[0];
    assert_eq!(
        (run.entry, run.commit),
        (EntryRef::new(0, 2), Some(EntryRef::new(0, 1)))
    );
    assert_eq!(
        (run.capture, run.durable),
        (Some(START), Some(START + HOUR))
    );
    assert_eq!(
        history.journals()[0].repository,
        "nas",
        "the record says whose journal it is"
    );
    assert_eq!(history.snapshot(&snapshot).unwrap().repository, "nas");
}

#[test]
fn a_commit_without_a_record_is_a_run_of_its_series() {
    let mut log = Log::default();
    log.commit(START + HOUR, "www", START);
    let history = History::from_events(&log.events);
    let run = &history.resource("www").unwrap().runs[0];
    assert!(run.is_ok() && !run.is_recorded);
    assert_eq!(run.capture, Some(START));
}

#[test]
fn reading_at_once_entry_by_entry_and_backwards_is_the_same() {
    let mut log = Log::default();
    for day in 0..20 {
        // The record says another name than the series.
        let id = log.commit(START + day * DAY + HOUR, "series", START + day * DAY);
        let record = Run {
            snapshot: Some(id),
            ..run("nas", START + day * DAY, HOUR, RunOutcome::Ok)
        };
        log.record(START + day * DAY + HOUR + 1, Some("db"), record);
        if day > 10 {
            let snapshot = log.events[0].snapshot.unwrap();
            log.forget(START + day * DAY + 2 * HOUR, &[snapshot]);
        }
    }
    let at_once = History::from_events(&log.events);
    let mut one_by_one = History::default();
    for event in &log.events {
        one_by_one.extend(std::slice::from_ref(event));
        one_by_one.extend(std::slice::from_ref(event));
    }
    let mut backwards = log.events.clone();
    backwards.reverse();
    let backwards = History::from_events(&backwards);
    let db = at_once.resource("db").unwrap();
    assert_eq!((db.runs.len(), db.points.len()), (20, 20));
    for other in [&one_by_one, &backwards] {
        assert_eq!(other.resource("db"), Some(db));
        assert_eq!(other.snapshots(), at_once.snapshots());
        assert!(
            other
                .resource("series")
                .is_none_or(|one| one.runs.is_empty() && one.points.is_empty())
        );
    }
    assert_eq!(
        at_once.snapshots()[0].forgotten.map(|(at, _)| at),
        Some(START + 11 * DAY + 2 * HOUR)
    );
    assert_eq!(at_once.journals()[0].missing(), 0);
}

#[test]
fn a_snapshot_forgotten_before_its_commit_is_read_is_forgotten() {
    let mut log = Log::default();
    let snapshot = log.commit(START, "db", START);
    log.forget(START + DAY, &[snapshot]);
    let mut history = History::from_events(&log.events[1..]);
    history.extend(&log.events);
    assert!(history.snapshot(&snapshot).unwrap().forgotten.is_some());
}

#[test]
fn a_record_in_two_journals_counts_once_and_copies_share_a_point() {
    let mut near = Log::default();
    let original = near.backup("db", "nas", START, HOUR);
    let mut far = Log::default();
    // Copies keep the times of the original; what counts is when they came.
    far.add(START, Body::Evidence(Evidence::default()));
    let copied = far.commit(START + 5 * HOUR, "db", START);
    let mut history = History::default();
    let fact = Run {
        job: Job::Copy,
        from: Some("nas".to_owned()),
        snapshot: Some(copied),
        capture: Some(time(START)),
        durable: Some(time(START + 5 * HOUR)),
        ..run("vault", START + 4 * HOUR, HOUR, RunOutcome::Ok)
    };
    near.record(START + 5 * HOUR + 1, Some("db"), fact);
    let mut again = near.events.last().unwrap().clone();
    again.n = 3;
    far.events.push(again);
    history.extend_journal("nas", &near.events);
    history.extend_journal("vault", &far.events);
    let db = history.resource("db").unwrap();
    assert_eq!((db.runs.len(), db.points.len()), (2, 1));
    let durable: Vec<(i64, &str)> = history
        .copies(&db.points[0])
        .map(|copy| (copy.durable - START, copy.repository.as_str()))
        .collect();
    assert_eq!(durable, [(HOUR, "nas"), (5 * HOUR, "vault")]);
    assert_eq!(history.journals()[1].repeated, 1);
    assert!(
        history.snapshot(&original).is_some() && history.snapshot(&copied).unwrap().is_committed
    );
}

#[test]
fn a_copy_whose_record_names_no_moment_is_as_old_as_what_it_copies() {
    let mut near = Log::default();
    let original = near.backup("db", "nas", START, HOUR);
    let copy = |snapshot| Run {
        job: Job::Copy,
        from: Some("nas".to_owned()),
        snapshot: Some(snapshot),
        capture: None,
        durable: Some(time(START + 5 * HOUR)),
        ..run("vault", START + 4 * HOUR, HOUR, RunOutcome::Ok)
    };
    near.record(START + 5 * HOUR + 1, Some("db"), copy(id(77)));
    let history = History::from_events(&near.events);
    let db = history.resource("db").unwrap();
    assert_eq!((db.points.len(), db.points[0].copies.len()), (1, 2));
    // The same if the record names what was copied, and when its commit is read after that.
    let mut other = Log {
        events: near.events[..2].to_vec(),
        taken: 0,
    };
    other.record(START + 5 * HOUR + 1, Some("db"), copy(original));
    let mut far = Log::default();
    far.add(START, Body::Evidence(Evidence::default()));
    let copied = far.commit(START + 5 * HOUR, "db", START);
    let mut named_source = History::default();
    named_source.extend_journal("nas", &other.events);
    named_source.extend_journal("vault", &far.events);
    let db = named_source.resource("db").unwrap();
    assert_eq!(
        (db.points.len(), db.points[0].copies.len(), db.runs.len()),
        (1, 2, 2)
    );
    let far = named_source.snapshot(&copied).unwrap();
    assert_eq!((far.repository.as_str(), far.is_committed), ("vault", true));
    assert_eq!(named_source.snapshot(&original).unwrap().repository, "nas");
    // Without anything to copy nobody knows what it is a copy of.
    let mut alone = Log::default();
    alone.record(START + 5 * HOUR, Some("db"), copy(id(77)));
    let alone = History::from_events(&alone.events);
    assert!(alone.resource("db").unwrap().points.is_empty());
}

#[test]
fn a_clock_that_jumped_makes_no_data_younger() {
    let mut log = Log::default();
    for day in 0..10 {
        let ahead = if day == 5 { 30 * DAY } else { 0 };
        log.backup("db", "nas", START + day * DAY + ahead, HOUR);
    }
    let mut history = History::from_events(&log.events[..12]);
    history.extend(&log.events[12..]);
    let skewed: Vec<u64> = history.skews().map(|skew| skew.entry.n).collect();
    assert_eq!(skewed, [11, 12]);
    let db = history.resource("db").unwrap();
    assert!(db.points.is_sorted_by_key(|point| point.capture));
    assert!(db.runs.is_sorted_by_key(|run| run.started));
    let latest = db.points.last().unwrap().capture;
    assert_eq!(
        latest,
        START + 9 * DAY,
        "nothing is of a time that has not come"
    );
    let wrong = db.runs.iter().find(|run| run.entry.n == 12).unwrap();
    assert!(wrong.capture.unwrap() <= START + 5 * DAY);
    assert!(wrong.durable.unwrap() >= START + 4 * DAY);
    assert_eq!(
        history.resource("db"),
        History::from_events(&log.events).resource("db")
    );
}

#[test]
fn drills_and_verifications_are_of_their_snapshot() {
    let mut log = Log::default();
    let snapshot = log.backup("db", "nas", START, HOUR);
    let drill = |verdict| Drill {
        snapshot: Some(snapshot),
        verdict,
        ..Drill::default()
    };
    log.record(START + DAY, None, drill(DrillVerdict::Proven));
    log.record(START + DAY, None, drill(DrillVerdict::NotProven));
    let verified = Verified {
        snapshot: Some(snapshot),
        level: 4,
        coverage: (9, 10),
        ..Verified::default()
    };
    log.record(START + DAY, None, verified);
    log.record(
        START + DAY,
        None,
        Capacity {
            repository: "nas".to_owned(),
            ..Capacity::default()
        },
    );
    let history = History::from_events(&log.events);
    let seen = history.snapshot(&snapshot).unwrap();
    assert_eq!(seen.proven.len(), 1, "what was not proven is not");
    assert!(!seen.verified[0].is_good, "a part of it was not read");
    assert_eq!(history.drills_of("db").count(), 2);
    assert_eq!(history.capacities().len(), 1);
}

#[test]
fn kinds_that_nobody_knows_are_counted() {
    let mut log = Log::default();
    let evidence = Evidence {
        kind: "of a later version".to_owned(),
        ..Evidence::default()
    };
    log.add(START, Body::Evidence(evidence));
    let history = History::from_events(&log.events);
    assert_eq!(
        history.unknown_kinds().collect::<Vec<_>>(),
        [("of a later version", 1)]
    );
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(0),
        START..START + 9 * DAY,
        any::<i64>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_times_make_it_panic_or_lose_order(
        times in prop::collection::vec((any_time(), any_time(), any_time(), any_time(), 0..4_u64), 1..30)
    ) {
        let mut log = Log::default();
        for (at, began, durable, capture, kind) in times {
            match kind {
                0 => { log.commit(at, "db", began); }
                1 => log.forget(at, &[id(1)]),
                _ => {
                    let fact = Run {
                        started: time(began),
                        ended: time(durable),
                        due: Some(time(capture)),
                        capture: Some(time(capture)),
                        durable: Some(time(durable)),
                        snapshot: Some(id(kind)),
                        ..run("nas", 0, 0, RunOutcome::Ok)
                    };
                    log.record(at, Some("db"), fact);
                }
            }
        }
        let history = History::from_events(&log.events);
        for (_, one) in history.resources() {
            prop_assert!(one.runs.is_sorted_by_key(|run| (run.started, run.entry)));
            prop_assert!(one.points.is_sorted_by_key(|point| point.capture));
            for point in &one.points {
                prop_assert!(history.copies(point).all(|copy| copy.capture == point.capture));
                prop_assert!(history.copies(point).all(|copy| copy.capture <= copy.durable));
            }
        }
    }
}

#[test]
fn a_verification_after_a_run_saw_what_was_durable_when_the_run_was() {
    let mut log = Log::default();
    let before = log.backup("db", "nas", START, HOUR);
    let own = log.backup("mail", "nas", START + DAY, HOUR);
    // Somebody else's, while the verification goes on.
    let meanwhile = log.backup("www", "nas", START + DAY + HOUR + 60, 60);
    let fact = Verified {
        repository: "nas".to_owned(),
        level: 3,
        coverage: (10, 10),
        choice: Some("all".to_owned()),
        ..Verified::default()
    };
    log.record(START + DAY + 3 * HOUR, Some("mail"), fact);
    let last = log.events.last_mut().unwrap();
    let answers = &mut last.record.as_mut().unwrap().head.answers;
    answers.push(RecordId::from_bytes([7; 16]));
    let history = History::from_events(&log.events);
    let check = history.whole_checks("nas")[0];
    assert_eq!(check.began, START + DAY + HOUR);
    let is_seen = |id| history.snapshot(&id).unwrap().durable <= check.began;
    assert!(is_seen(before) && is_seen(own) && !is_seen(meanwhile));
}

#[test]
fn what_nobody_had_read_lately_is_not_a_whole_repository() {
    for (choice, wanted) in [("all", 1), ("older", 0), ("sample 0.99/0.001", 0)] {
        let mut log = Log::default();
        log.backup("db", "nas", START, HOUR);
        let fact = Verified {
            repository: "nas".to_owned(),
            level: 3,
            coverage: (10, 10),
            choice: Some(choice.to_owned()),
            ..Verified::default()
        };
        log.record(START + DAY, Some("db"), fact);
        let history = History::from_events(&log.events);
        assert_eq!(history.whole_checks("nas").len(), wanted, "{choice}");
    }
}
