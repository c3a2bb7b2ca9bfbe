use strongroom_format::record::Drill;
use strongroom_format::record::counter::BYTES_STORED;
use strongroom_format::{Body, ObjectHash};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now};

#[test]
fn what_changed_with_a_policy_is_shown_beside_it() {
    let mut log = Log::default();
    for day in 0..60 {
        if day == 30 {
            let hash = ObjectHash::of(b"only its hash");
            log.add(
                START + day * DAY,
                Body::Policy(strongroom_format::Policy {
                    hash,
                    ..Default::default()
                }),
            );
        }
        let took = if day < 30 { 4 * HOUR } else { HOUR };
        let stored = if day < 30 { 1_000 } else { 900 };
        log.backup_with(
            "db",
            "nas",
            START + day * DAY + HOUR,
            took,
            &[(BYTES_STORED, stored)],
        );
    }
    let drill = Drill {
        verdict: DrillVerdict::Proven,
        rto_ms: Some(5),
        ..Drill::default()
    };
    log.record(START + 60 * DAY, Some("db"), drill);
    let history = History::from_events(&log.events);
    let trends = trends(&history, "db", START, now(START + 61 * DAY));
    let of: Vec<TrendOf> = trends.iter().map(|one| one.of).collect();
    assert_eq!(
        of,
        [TrendOf::BackupSeconds, TrendOf::StoredBytes],
        "one drill is no trend"
    );
    let seconds = &trends[0];
    assert_eq!(
        (seconds.n, seconds.was, seconds.is),
        (60, 14_400.0, 3_600.0)
    );
    assert_eq!(seconds.change(), Some(-0.75));
    assert!(seconds.slope < 0.0);
    let around = &seconds.around_policies[0];
    assert_eq!(
        (around.before, around.after),
        (Some(14_400.0), Some(3_600.0))
    );
}
