//! Three auditors: one without keys, one with those of structure, one with those of content too. Each does what its keys allow, and says
//! what it could not.

use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_format::AuditKeys;
use strongroom_repo::AuditScope;
use strongroom_store::{MemoryStore, Store as _};
use strongroom_verify::{Area, Level, Report, Severity, Subject};

use crate::crafted::{empty, tree};
use crate::insider::{Insider, entries, names, wait};
use crate::lab::check;
use crate::museum::{Museum, open};
use crate::press::{Flaw, Press};

const SUITES: [Suite; 2] = [Suite::None, Suite::Aes256Gcm];

fn keys(store: &Arc<MemoryStore>, suite: Suite, scope: AuditScope) -> AuditKeys {
    open(store, suite, 3).unwrap().audit_keys(scope).unwrap()
}

fn structural(store: &Arc<MemoryStore>, suite: Suite) -> Report {
    check(
        store,
        Some(keys(store, suite, AuditScope::Structure)),
        Level::Rebuilt,
    )
}

fn full(store: &Arc<MemoryStore>, suite: Suite) -> Report {
    check(
        store,
        Some(keys(store, suite, AuditScope::Content)),
        Level::Rebuilt,
    )
}

/// How much of an area was looked at, at a level or above.
fn covered(report: &Report, area: Area, from: Level) -> u64 {
    let counts = report
        .coverage
        .iter()
        .filter(|(of, level, _)| *of == area && *level >= from);
    counts.map(|(_, _, tally)| tally.count).max().unwrap_or(0)
}

#[test]
fn without_keys_everything_is_hashed_and_nothing_more_is_claimed() {
    for suite in SUITES {
        let museum = Museum::new(suite, 1);
        let report = check(&museum.store, None, Level::Rebuilt);
        assert_eq!(
            (report.asked, report.level),
            (Level::Rebuilt, Level::Hashed),
            "{report}"
        );
        assert!(report.is_intact(), "{report}");
        for (area, folder) in [
            (Area::Packs, "pack/"),
            (Area::Index, "index/"),
            (Area::Journal, "journal/"),
            (Area::Bundles, "bundle/"),
        ] {
            let there = names(&museum.store, folder).len() as u64;
            assert_eq!(
                covered(&report, area, Level::Hashed),
                there,
                "{area}: {report}"
            );
        }
        for area in Area::ALL {
            assert_eq!(
                covered(&report, area, Level::Authenticated),
                0,
                "{area}: {report}"
            );
        }
        let said = report.to_string();
        assert!(!said.contains("verified") && said.contains("L1"), "{said}");
    }
}

#[test]
fn with_structure_keys_content_is_not_claimed() {
    for suite in SUITES {
        let museum = Museum::new(suite, 1);
        let report = structural(&museum.store, suite);
        assert_eq!(report.level, Level::Authenticated, "{report}");
        assert!(report.head.is_some() && report.is_intact(), "{report}");
        let there = entries(&museum.store).len() as u64;
        // And Genesis has a copy.
        let authenticated = covered(&report, Area::Journal, Level::Authenticated);
        assert!((there..=there + 1).contains(&authenticated), "{report}");
        assert!(
            covered(&report, Area::Pages, Level::Authenticated) > 0,
            "{report}"
        );
        assert_eq!(covered(&report, Area::Files, Level::Listed), 0, "{report}");
        assert_eq!(
            covered(&report, Area::Snapshots, Level::Rebuilt),
            0,
            "{report}"
        );
        let content = full(&museum.store, suite);
        assert_eq!(content.level, Level::Rebuilt, "{content}");
        assert!(content.is_intact(), "{content}");
        assert!(
            covered(&content, Area::Files, Level::Rebuilt) > 0,
            "{content}"
        );
        // What is decoded without content keys is pages alone.
        let blobs = |report: &Report| covered(report, Area::Blobs, Level::Decoded);
        assert!(blobs(&report) < blobs(&content), "{report}\n{content}");
    }
}

#[test]
fn with_structure_keys_no_name_is_learnt() {
    let suite = Suite::Aes256Gcm;
    let museum = Museum::new(suite, 1);
    for pack in names(&museum.store, "pack/") {
        let damaged = museum.copy();
        wait(damaged.delete(&pack)).unwrap();
        let report = structural(&damaged, suite);
        assert!(!report.is_intact(), "{pack}: {report}");
        let names_file =
            |one: &strongroom_verify::Finding| matches!(one.subject, Subject::File { .. });
        assert!(
            !report.findings().iter().any(names_file),
            "{pack}: {report}"
        );
        let said = format!("{report} {report:?}");
        for name in ["notes", "sparse", "n02", "large"] {
            assert!(!said.contains(name), "{pack}: {name} in {said}");
        }
    }
}

#[test]
fn with_content_keys_what_is_lost_is_named() {
    let suite = Suite::Aes256Gcm;
    let museum = Museum::new(suite, 1);
    let mut named = 0;
    for pack in names(&museum.store, "pack/") {
        let damaged = museum.copy();
        wait(damaged.delete(&pack)).unwrap();
        let report = full(&damaged, suite);
        assert_eq!(report.worst(), Some(Severity::Loss), "{pack}: {report}");
        named += report
            .findings()
            .iter()
            .filter(|one| matches!(one.subject, Subject::File { .. }))
            .count();
    }
    assert!(named > 0);
}

#[test]
fn damage_under_a_right_hash_is_found_by_who_can_open_it() {
    for suite in SUITES {
        for flaw in [Flaw::FrameNotZstd, Flaw::BlobIdWrong, Flaw::SessionKeyWrong] {
            let store = empty(suite);
            let insider = Insider::of(&store);
            Press::new(&insider, &store, flaw).snapshot(&tree(), "s");
            let keyless = check(&store, None, Level::Hashed);
            assert!(keyless.is_intact(), "{flaw:?}: {keyless}");
            let report = structural(&store, suite);
            assert!(
                report.is_intact() && report.level == Level::Authenticated,
                "{flaw:?}: {report}"
            );
            let report = full(&store, suite);
            assert!(!report.is_intact(), "{flaw:?}: {report}");
            let first = report
                .findings()
                .iter()
                .filter(|one| one.severity >= Severity::Damage);
            let first = first.map(|one| one.level).min();
            assert!(first >= Some(Level::Authenticated), "{flaw:?}: {report}");
        }
        // A reference list is structure: its own auditor finds it.
        let store = empty(suite);
        let insider = Insider::of(&store);
        Press::new(&insider, &store, Flaw::PageIdWrong).snapshot(&tree(), "s");
        assert!(!structural(&store, suite).is_intact());
    }
}

#[test]
fn keys_do_not_print() {
    let museum = Museum::new(Suite::Aes256Gcm, 1);
    let keys = keys(&museum.store, Suite::Aes256Gcm, AuditScope::Content);
    let said = format!("{keys:?}");
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let decimal = |bytes: &[u8]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    let secret = keys.structure_key.expose();
    assert!(
        !said.contains(&hex(secret)) && !said.contains(&decimal(secret)),
        "{said}"
    );
}
