//! A report claims no more than was looked at, whatever was in the way.

use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_format::{AuditKeys, Time};
use strongroom_repo::AuditScope;
use strongroom_store::{MemoryStore, Store as _, StoreExt as _};
use strongroom_verify::{Area, Auditor, CheckOptions, Error, ErrorKind, Level, Report};

use crate::found::copied;
use crate::insider::{names, wait};
use crate::museum::{Museum, open};

fn keys(museum: &Museum) -> AuditKeys {
    let repository = open(&museum.store, museum.suite, 3).unwrap();
    repository.audit_keys(AuditScope::Content).unwrap()
}

fn check(store: &Arc<MemoryStore>, keys: &AuditKeys, memory: u64) -> Result<Report, Error> {
    let auditor = Auditor::new(store.clone())
        .with_threads(0)
        .with_keys(copied(keys));
    let options = CheckOptions::new(Time::new(1_790_000_000, 0))
        .with_level(Level::Rebuilt)
        .with_memory_bytes(memory);
    wait(auditor.check(options, Arc::new(())))
}

/// Nothing of this area was looked at, at this level.
fn nothing_at(report: &Report, area: Area, level: Level) -> bool {
    report.coverage.of(area, level).count == 0
}

#[test]
fn keys_of_another_repository_are_refused() {
    let (museum, other) = (Museum::new(Suite::None, 1), Museum::new(Suite::None, 2));
    let error = check(&museum.store, &keys(&other), 1 << 30).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
}

#[test]
fn with_little_memory_it_is_as_right_and_claims_no_more() {
    let museum = Museum::new(Suite::None, 1);
    for memory in [0, 10_000, 60_000, 1 << 30] {
        let report = check(&museum.store, &keys(&museum), memory).unwrap();
        assert!(report.is_intact(), "{memory}: {report}");
        let has_files = !nothing_at(&report, Area::Files, Level::Rebuilt);
        assert_eq!(
            report.level == Level::Rebuilt,
            has_files,
            "{memory}: {report}"
        );
        let damaged = museum.copy();
        let pack = names(&damaged, "pack/").pop().unwrap();
        wait(damaged.delete(&pack)).unwrap();
        assert!(
            !check(&damaged, &keys(&museum), memory).unwrap().is_intact(),
            "{memory}"
        );
    }
}

#[test]
fn without_a_journal_no_more_than_hashes_is_claimed() {
    let museum = Museum::new(Suite::None, 1);
    for gone in ["journal/", "config"] {
        let store = museum.copy();
        let keys = keys(&museum);
        let all = names(&store, "");
        let gone: Vec<_> = all
            .into_iter()
            .filter(|key| key.as_str().starts_with(gone))
            .collect();
        wait(store.delete_all(&gone)).unwrap();
        let report = check(&store, &keys, 1 << 30).unwrap();
        assert!(!report.is_intact(), "{report}");
        let has_files = !nothing_at(&report, Area::Files, Level::Rebuilt);
        assert_eq!(report.level == Level::Rebuilt, has_files, "{report}");
    }
}

#[test]
fn an_empty_store_has_nothing_that_the_keys_are_for() {
    let museum = Museum::new(Suite::None, 1);
    let store = Arc::new(MemoryStore::new());
    let report = check(&store, &keys(&museum), 1 << 30).unwrap();
    assert!(!report.is_intact(), "{report}");
}
