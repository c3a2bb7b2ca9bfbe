use strongroom_format::record::counter::{BYTES_CHANGED, BYTES_NEW, BYTES_STORED};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now};

#[test]
fn ratios_are_of_runs_that_counted_both() {
    let mut log = Log::default();
    let counted = [
        (BYTES_CHANGED, 1_000),
        (BYTES_NEW, 400),
        (BYTES_STORED, 100),
    ];
    log.backup_with("db", "nas", START, HOUR, &counted);
    log.backup_with("db", "nas", START + DAY, HOUR, &counted[1..]);
    log.backup_with("db", "nas", START + 2 * DAY, HOUR, &counted[..1]);
    log.failure("db", "nas", START + 3 * DAY, HOUR);
    let history = History::from_events(&log.events);
    let sum = accounting(&history, "db", START, now(START + 9 * DAY));
    assert_eq!((sum.runs, sum.runs_not_counted), (2, 1));
    assert_eq!(
        (sum.new_bytes, sum.stored_bytes, sum.changed_bytes),
        (800, 200, Some(1_000))
    );
    assert_eq!(
        (sum.deduplication, sum.compression, sum.reduction),
        (Some(2.5), Some(4.0), Some(10.0))
    );
    assert_eq!(sum.evidence.len(), 2);
    let none = accounting(&history, "nobody", START, now(START));
    assert_eq!(
        (none.runs, none.deduplication, none.changed_bytes),
        (0, None, None)
    );
}

#[test]
fn a_tariff_adds_up_and_does_not_overflow() {
    let tariff = Tariff::new(23_000, 5_000, 90_000);
    assert_eq!(
        tariff.month(100 << 30, 20_000, 10 << 30),
        2_300_000 + 100_000 + 900_000
    );
    let dear = Tariff::new(u64::MAX, u64::MAX, u64::MAX);
    assert_eq!(dear.month(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
}
