use std::collections::BTreeMap;

use strongroom_format::record::counter::*;
use strongroom_format::record::{Decision, Fact, RunOutcome, SignOffGiven, Suspect, SuspectState};
use strongroom_format::{Body, ObjectHash};

use super::*;
use crate::stats::{Prng, amount, whole_amount};
use crate::testing::{DAY, HOUR, Log, START, now, policy};

const SHARE: &str = r#"
    [defaults]
    schedule = { when = "daily 22:00" }
    [resource.share]
    kind = "files"
"#;

/// What a run counts.
type Counted = BTreeMap<&'static str, u64>;

/// A share of documents: an ordinary day of it.
struct Share {
    prng: Prng,
    files: u64,
}

impl Share {
    fn new(seed: u64) -> Self {
        Self {
            prng: Prng::new(seed),
            files: 40_000,
        }
    }

    /// About `mean`, and at times far above, as such things are.
    fn about(&mut self, mean: f64) -> u64 {
        let uniform = |prng: &mut Prng| amount(prng.next_u64() >> 11) / amount(1 << 53);
        let (a, b) = (uniform(&mut self.prng).max(1e-12), uniform(&mut self.prng));
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        whole_amount(mean * (0.35 * normal).exp())
    }

    fn day(&mut self, day: i64) -> Counted {
        let weekday = day.rem_euclid(7);
        let date = day.rem_euclid(30);
        let busy = match (weekday, date) {
            (5 | 6, _) => 0.05,
            (_, 29) => 6.0,
            _ if day.rem_euclid(365) > 355 => 0.02,
            _ => 1.0,
        };
        let (new, changed) = (self.about(200.0 * busy), self.about(600.0 * busy));
        let deleted = self.about(60.0 * busy);
        self.files = self.files + new - deleted.min(self.files / 2);
        let bytes_changed = (new + changed) * 400_000 + 1;
        let bytes_new = bytes_changed / 100 * (30 + self.about(12.0).min(60));
        let compression = 180 + self.about(40.0);
        Counted::from([
            (FILES, self.files),
            (FILES_NEW, new),
            (FILES_CHANGED, changed),
            (FILES_DELETED, deleted),
            (BYTES_CHANGED, bytes_changed),
            (BYTES_NEW, bytes_new),
            (BYTES_STORED, bytes_new * 100 / compression),
            (EXTENSIONS_NEW, self.about(0.4)),
            (MAGIC_MISMATCH, self.about(2.0)),
            (MTIME_UNCHANGED, self.about(1.0)),
            (SAME_SMALL_FILE, self.about(0.7)),
            (CANARIES_CHANGED, 0),
        ])
    }
}

/// Backups of each night, changed by somebody.
fn share_log(seed: u64, days: i64, mut tamper: impl FnMut(i64, &mut Counted)) -> Log {
    let (mut share, mut log) = (Share::new(seed), Log::default());
    for day in 0..days {
        let mut counted = share.day(day);
        tamper(day, &mut counted);
        backup(&mut log, day, &counted);
    }
    log
}

fn backup(log: &mut Log, day: i64, counted: &Counted) {
    let counted: Vec<(&str, u64)> = counted
        .iter()
        .map(|(name, value)| (*name, *value))
        .collect();
    log.backup_with(
        "share",
        "nas",
        START + day * DAY + 22 * HOUR,
        HOUR,
        &counted,
    );
}

fn watch(log: &Log, days: i64) -> SignalReport {
    watch_with(log, SHARE, days)
}

fn watch_with(log: &Log, more: &str, days: i64) -> SignalReport {
    let (history, policy) = (History::from_events(&log.events), policy(more));
    let now = now(START + days * DAY);
    let weakenings = weakenings(&history, i64::MIN, now);
    let resource = policy.resources.get("share").unwrap();
    signals(&history, &policy, resource, &weakenings, START, now)
}

fn day_of(alarm: &Alarm) -> i64 {
    (alarm.capture - START).div_euclid(DAY)
}

fn encrypt(counted: &mut Counted, share: f64) {
    let files = counted[FILES];
    let hit = whole_amount(amount(files) * share);
    *counted.get_mut(FILES_CHANGED).unwrap() += hit;
    *counted.get_mut(BYTES_CHANGED).unwrap() += hit * 400_000;
    *counted.get_mut(BYTES_NEW).unwrap() += hit * 400_000;
    *counted.get_mut(BYTES_STORED).unwrap() += hit * 400_000;
    *counted.get_mut(MAGIC_MISMATCH).unwrap() += hit * 7 / 10;
}

#[test]
fn years_of_ordinary_days_have_no_critical_alarm_and_few_notices() {
    let (mut runs, mut notices) = (0, 0);
    for seed in 0..8 {
        let report = watch(&share_log(seed, 3 * 365, |_, _| {}), 3 * 365);
        let critical = report
            .alarms
            .iter()
            .find(|one| one.severity == AlarmSeverity::Critical);
        assert_eq!(critical, None, "seed {seed}");
        assert_eq!(report.hold, None);
        assert!(!report.is_learning());
        runs += 3 * 365;
        notices += report.alarms.len();
    }
    assert!(notices * 500 < runs, "{notices} of {runs}");
}

#[test]
fn a_canary_counts_though_what_was_verified_after_the_run_was_damaged() {
    let mut log = share_log(5, 60, |_, _| {});
    let mut counted = Share::new(5).day(60);
    counted.insert(CANARIES_CHANGED, 1);
    backup(&mut log, 60, &counted);
    let record = log
        .events
        .last_mut()
        .and_then(|event| event.record.as_mut());
    let Some(Fact::Run(run)) = record.map(|record| &mut record.fact) else {
        panic!("the last event is the record of the run");
    };
    (run.outcome, run.durable) = (RunOutcome::Failed, Some(run.ended));
    let report = watch(&log, 62);
    let critical = |one: &&Alarm| one.severity == AlarmSeverity::Critical;
    assert_eq!(report.alarms.iter().find(critical).map(day_of), Some(60));
}

#[test]
fn changes_of_use_are_no_attack() {
    // For ever from day 200 on twice as much changes, and compresses a little less, but files are what they are called.
    for seed in 0..4 {
        let log = share_log(100 + seed, 500, |day, counted| {
            if day >= 200 {
                let changed = counted[FILES_CHANGED];
                *counted.get_mut(FILES_CHANGED).unwrap() += changed;
                *counted.get_mut(BYTES_STORED).unwrap() += counted[BYTES_NEW] / 5;
            }
        });
        let report = watch(&log, 500);
        let drifts = report.alarms.iter().flat_map(|one| &one.signals);
        assert!(drifts.clone().any(|one| one.code.is_drift()), "it is seen");
        let critical = report
            .alarms
            .iter()
            .find(|one| one.severity == AlarmSeverity::Critical);
        assert_eq!(critical, None, "seed {seed}");
        assert!(report.alarms.len() < 20, "{}", report.alarms.len());
    }
}

#[test]
fn mass_encryption_is_critical_on_its_day() {
    let log = share_log(1, 120, |day, counted| {
        if day == 100 {
            encrypt(counted, 0.6);
        }
    });
    let report = watch(&log, 120);
    let alarm = report
        .alarms
        .iter()
        .find(|one| one.severity == AlarmSeverity::Critical)
        .unwrap();
    assert_eq!(day_of(alarm), 100);
    let codes: Vec<&str> = alarm.signals.iter().map(|one| one.code.as_str()).collect();
    assert!(
        codes.contains(&"compression") && codes.contains(&"changed-files"),
        "{codes:?}"
    );
    assert!(codes.contains(&"magic"));
    for signal in &alarm.signals {
        assert!(
            signal.n >= LEARNING_RUNS && signal.baseline.is_some(),
            "{signal:?}"
        );
    }
    let hold = report.hold.unwrap();
    assert_eq!(
        hold.points.iter().filter(|one| !one.is_held).count(),
        hold.points.len()
    );
    let newest: Vec<i64> = hold
        .points
        .iter()
        .map(|one| (one.capture - START).div_euclid(DAY))
        .collect();
    assert_eq!(newest, [99, 98, 97, 92, 69, 9]);
    let off = SHARE.replace(
        "kind = \"files\"",
        "kind = \"files\"\nanomaly = { hold = false }",
    );
    assert_eq!(watch_with(&log, &off, 120).hold, None);
    let none = SHARE.replace(
        "kind = \"files\"",
        "kind = \"files\"\nanomaly = { detectors = [\"notes\"] }",
    );
    assert!(watch_with(&log, &none, 120).alarms.is_empty());
}

#[test]
fn files_that_come_back_encrypted_under_new_names_are_critical() {
    let log = share_log(2, 90, |day, counted| {
        if day == 80 {
            let hit = counted[FILES] / 2;
            encrypt(counted, 0.0);
            *counted.get_mut(FILES_NEW).unwrap() += hit;
            *counted.get_mut(FILES_DELETED).unwrap() += hit;
            *counted.get_mut(BYTES_NEW).unwrap() += hit * 400_000;
            *counted.get_mut(BYTES_CHANGED).unwrap() += hit * 400_000;
            *counted.get_mut(BYTES_STORED).unwrap() += hit * 400_000;
            *counted.get_mut(EXTENSIONS_NEW).unwrap() += 1;
            *counted.get_mut(SAME_SMALL_FILE).unwrap() += 2_000;
        }
    });
    let report = watch(&log, 90);
    let alarm = report.alarms.iter().find(|one| day_of(one) == 80).unwrap();
    let codes: Vec<SignalCode> = alarm.signals.iter().map(|one| one.code).collect();
    for code in [
        SignalCode::Deletions,
        SignalCode::Extensions,
        SignalCode::Notes,
        SignalCode::Compression,
    ] {
        assert!(codes.contains(&code), "{code:?} {codes:?}");
    }
}

#[test]
fn slow_poisoning_is_found_within_weeks() {
    let log = share_log(3, 220, |day, counted| {
        if day >= 150 {
            encrypt(counted, 0.006);
        }
    });
    let report = watch(&log, 220);
    let alarm = report
        .alarms
        .iter()
        .find(|one| one.severity == AlarmSeverity::Critical)
        .unwrap();
    assert!((155..180).contains(&day_of(alarm)), "day {}", day_of(alarm));
    let since = (alarm.bad_since - START).div_euclid(DAY);
    assert!((140..=152).contains(&since), "it began on day {since}");
    let hold = report.hold.unwrap();
    assert!(hold.points.iter().all(|one| one.capture < alarm.bad_since));
}

#[test]
fn a_large_import_an_upgrade_and_a_moved_folder_are_notices_at_most() {
    let log = share_log(4, 150, |day, counted| match day {
        // Photographs: all new, and nothing compresses.
        60 => {
            *counted.get_mut(FILES_NEW).unwrap() += 20_000;
            *counted.get_mut(FILES).unwrap() += 20_000;
            *counted.get_mut(BYTES_CHANGED).unwrap() += 80 << 30;
            *counted.get_mut(BYTES_NEW).unwrap() += 80 << 30;
            *counted.get_mut(BYTES_STORED).unwrap() += 80 << 30;
        }
        // Programs: half of all files change, and compress as programs do.
        80 => {
            *counted.get_mut(FILES_CHANGED).unwrap() += 25_000;
            *counted.get_mut(BYTES_CHANGED).unwrap() += 5 << 30;
            *counted.get_mut(BYTES_NEW).unwrap() += 4 << 30;
            *counted.get_mut(BYTES_STORED).unwrap() += 2 << 30;
        }
        // Another name for the same: nothing is new.
        100 => {
            *counted.get_mut(FILES_NEW).unwrap() += 30_000;
            *counted.get_mut(FILES_DELETED).unwrap() += 30_000;
        }
        // Sources: new extensions, and one empty file in many directories.
        120 => {
            *counted.get_mut(FILES_NEW).unwrap() += 5_000;
            *counted.get_mut(EXTENSIONS_NEW).unwrap() += 12;
            *counted.get_mut(SAME_SMALL_FILE).unwrap() += 150;
        }
        _ => {}
    });
    let report = watch(&log, 150);
    let days: Vec<i64> = report.alarms.iter().map(day_of).collect();
    assert!(
        report
            .alarms
            .iter()
            .all(|one| one.severity == AlarmSeverity::Notice),
        "{:#?}",
        report.alarms
    );
    assert!(
        days.contains(&60) && days.contains(&80) && days.contains(&100),
        "{days:?}"
    );
}

#[test]
fn rules_that_need_no_baseline_hold_while_it_is_learnt() {
    let log = share_log(5, 5, |day, counted| {
        if day == 3 {
            counted.insert(CANARIES_CHANGED, 1);
        }
        if day == 4 {
            counted.insert(FILES, 0);
        }
    });
    let report = watch(&log, 5);
    assert!(report.is_learning());
    let found: Vec<(i64, AlarmSeverity, SignalCode)> = report
        .alarms
        .iter()
        .map(|one| (day_of(one), one.severity, one.signals[0].code))
        .collect();
    assert_eq!(
        found,
        [
            (3, AlarmSeverity::Critical, SignalCode::Canary),
            (4, AlarmSeverity::Notice, SignalCode::Empty)
        ]
    );
}

#[test]
fn a_source_that_is_empty_or_silent_is_said_once() {
    let log = share_log(6, 90, |day, counted| {
        if day >= 80 {
            *counted = Counted::from([
                (FILES, 3),
                (FILES_NEW, 0),
                (FILES_CHANGED, 0),
                (FILES_DELETED, 0),
            ]);
        }
    });
    let report = watch(&log, 90);
    let empty: Vec<i64> = report.alarms.iter().map(day_of).collect();
    assert_eq!(empty, [80]);
    let log = share_log(6, 120, |day, counted| {
        if day >= 80 {
            for name in [
                FILES_NEW,
                FILES_CHANGED,
                FILES_DELETED,
                BYTES_CHANGED,
                BYTES_NEW,
                BYTES_STORED,
            ] {
                counted.insert(name, 0);
            }
        }
    });
    let report = watch(&log, 120);
    let silent: Vec<(i64, SignalCode)> = report
        .alarms
        .iter()
        .map(|one| (day_of(one), one.signals[0].code))
        .collect();
    assert_eq!(silent, [(100, SignalCode::Silence)]);
}

#[test]
fn what_a_person_found_clean_is_usual_and_what_is_suspect_is_not() {
    let upgrade = |counted: &mut Counted| encrypt(counted, 0.5);
    let mut log = share_log(7, 61, |day, counted| {
        if day == 60 {
            upgrade(counted);
        }
    });
    let snapshot = log.events[120].snapshot.unwrap();
    let before = watch(&log, 61);
    assert_eq!(before.unreviewed().count(), 1);
    let suspect = |clean| Suspect {
        snapshot,
        state: SuspectState::Reviewed { clean },
        ..Suspect::default()
    };
    log.record(START + 61 * DAY, Some("share"), suspect(false));
    assert_eq!(watch(&log, 62).unreviewed().count(), 1);
    log.record(START + 61 * DAY, Some("share"), suspect(true));
    let after = watch(&log, 62);
    assert_eq!((after.alarms.len(), after.unreviewed().count()), (1, 0));
    assert_eq!(after.hold, None);
}

#[test]
fn counters_that_nobody_measures_are_named() {
    let mut log = Log::default();
    for day in 0..20 {
        backup(&mut log, day, &Counted::from([(FILES, 10)]));
    }
    let report = watch(&log, 20);
    assert!(
        report.not_measured.contains(&"changed-files".to_owned()),
        "{:?}",
        report.not_measured
    );
    assert!(!report.not_measured.contains(&"empty".to_owned()));
    let nothing = watch(&Log::default(), 20);
    assert_eq!(nothing.baseline_runs, None);
    assert!(nothing.is_learning());
}

fn set_policy(log: &mut Log, at: i64, more: &str) -> ObjectHash {
    let text = policy(more).to_toml();
    let hash = ObjectHash::of(text.as_bytes());
    let body = strongroom_format::Policy {
        hash,
        document: Some(text.into_bytes()),
        media_type: strongroom_policy::MEDIA_TYPE.to_owned(),
        ..Default::default()
    };
    log.add(at, Body::Policy(body));
    hash
}

#[test]
fn a_policy_that_protects_less_is_a_sign_unless_it_is_signed() {
    let weaker = SHARE.replace("daily 22:00", "weekly mon 22:00");
    let mut log = Log::default();
    set_policy(&mut log, START - HOUR, SHARE);
    let mut share = Share::new(8);
    for day in 0..30 {
        let counted = share.day(day);
        backup(&mut log, day, &counted);
    }
    let hash = set_policy(&mut log, START + 30 * DAY, &weaker);
    let counted = share.day(30);
    backup(&mut log, 30, &counted);
    let report = watch(&log, 32);
    let codes: Vec<SignalCode> = report
        .alarms
        .iter()
        .flat_map(|one| &one.signals)
        .map(|one| one.code)
        .collect();
    assert_eq!(codes, [SignalCode::Weaker]);
    assert_eq!(report.alarms[0].severity, AlarmSeverity::Notice);
    let signed = SignOffGiven {
        document: hash,
        decision: Decision::Approved,
        ..SignOffGiven::default()
    };
    log.record(START + 31 * DAY, None, signed);
    // A signature that comes within a day.
    assert!(watch(&log, 32).alarms.is_empty());
    let mut attack = share.day(31);
    encrypt(&mut attack, 0.5);
    backup(&mut log, 31, &attack);
    assert_eq!(watch(&log, 33).alarms.len(), 1);
}

#[test]
fn a_clean_point_is_found_in_few_steps() {
    for first_bad in 0..=33 {
        let search = clean_point_search(33, |place| match place {
            11 | 12 | 20 => SignalJudgement::Unknown,
            _ if place >= first_bad => SignalJudgement::Bad,
            _ => SignalJudgement::Clean,
        });
        assert!(search.clean.is_none_or(|clean| clean < first_bad));
        assert!(search.bad.is_none_or(|bad| bad >= first_bad));
        let gap = search.clean.map_or(0, |clean| clean + 1)..search.bad.unwrap_or(33);
        assert!(
            gap.clone().all(|place| [11, 12, 20].contains(&place)),
            "{first_bad}: {gap:?}"
        );
        assert!(search.asked <= 12);
    }
    assert_eq!(clean_point_search(0, |_| SignalJudgement::Bad).clean, None);
}
