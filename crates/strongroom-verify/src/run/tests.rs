//! The laws of checks, on repositories that the engine made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_crypt::{Argon2Params, Suite};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{AuditKeys, PackClass, Preamble, Time};
use strongroom_repo::testing::{Tree, TreeSource};
use strongroom_repo::{
    AuditScope, BackupOptions, CreateOptions, Credential, DeleteOptions, ForgetOptions,
    PruneOptions, Repository,
};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Recording, Rule};
use strongroom_store::{
    ErrorKind as StoreKind, Key, MemoryStore, Prefix, Store as _, StoreExt as _,
};

use super::*;
use crate::{Area, Event, Head};

const NOW: Time = Time::new(1_800_000_000, 0);

/// A repository, and how to look at it.
struct Fixture {
    store: Arc<Recording<MemoryStore>>,
    repository: Repository,
}

fn fixture(backups: usize) -> Fixture {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let options = CreateOptions::default()
        .with_suite(Suite::ChaCha20Poly1305)
        .with_argon2(Argon2Params::FASTEST);
    let credential = Credential::passphrase("correct horse");
    let builder = Repository::builder(store.clone());
    let created = block_on(builder.create(options, &credential)).unwrap();
    let repository = created.repository;
    for n in 0..backups {
        let file = Tree::file(format!("content {}", "more ".repeat(n)).as_bytes());
        let tree = Tree::dir([("a", file), ("d", Tree::dir([("b", Tree::file(b"b"))]))]);
        let source = Arc::new(TreeSource::new(tree));
        let options = BackupOptions::new("series");
        block_on(repository.backup(source, options, Arc::new(()))).unwrap();
    }
    Fixture { store, repository }
}

impl Fixture {
    fn keys(&self, scope: AuditScope) -> AuditKeys {
        self.repository.audit_keys(scope).unwrap()
    }

    fn objects(&self) -> BTreeMap<Key, Bytes> {
        let names = block_on(self.store.list_all(&Prefix::root())).unwrap();
        let get = |key: Key| (key.clone(), block_on(self.store.get_all(&key)).unwrap());
        names.into_iter().map(|meta| get(meta.key)).collect()
    }

    fn check(&self, scope: Option<AuditScope>, options: CheckOptions) -> Report {
        check(
            self.store.clone(),
            scope.map(|scope| self.keys(scope)),
            options,
        )
    }
}

fn check(
    store: Arc<dyn strongroom_store::Store>,
    keys: Option<AuditKeys>,
    options: CheckOptions,
) -> Report {
    let auditor = Auditor::new(store).with_threads(0);
    let auditor = match keys {
        Some(keys) => auditor.with_keys(keys),
        None => auditor,
    };
    block_on(auditor.check(options, Arc::new(()))).unwrap()
}

fn store_of(objects: &BTreeMap<Key, Bytes>) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    for (key, bytes) in objects {
        block_on(store.put_new(key, bytes.clone())).unwrap();
    }
    store
}

const SCOPES: [Option<AuditScope>; 3] =
    [None, Some(AuditScope::Structure), Some(AuditScope::Content)];

#[test]
fn an_intact_repository_has_nothing_above_a_note_and_is_not_written_to() {
    let fixture = fixture(70);
    let count = |operation| fixture.store.count(operation);
    let writes = || count(Operation::Put) + count(Operation::Delete);
    let before = writes();
    for scope in SCOPES {
        for level in [
            Level::Listed,
            Level::Hashed,
            Level::Authenticated,
            Level::Rebuilt,
        ] {
            let report = fixture.check(scope, CheckOptions::new(NOW).with_level(level));
            assert!(
                report.worst() <= Some(Severity::Note),
                "{scope:?} {level}: {report}"
            );
            assert_eq!(report.findings(), [], "{scope:?} {level}: {report}");
            if scope.is_some() {
                assert_eq!(report.head.unwrap().n, 70);
                let read = report.coverage.of(Area::Journal, Level::Authenticated);
                // Entries 0 to 70, and the copy of entry 0.
                assert_eq!(read.count, 72);
                let folded = report.coverage.of(Area::Checkpoints, Level::Authenticated);
                assert_eq!(folded.count, 1);
            }
        }
    }
    assert_eq!(writes(), before);
}

/// Two repositories: a small one, and one with a bundle and a checkpoint, of which only these are of interest.
fn objects_to_damage()
-> impl Iterator<Item = (Fixture, BTreeMap<Key, Bytes>, Vec<(Key, ObjectName)>)> {
    [2, 65].into_iter().map(|backups| {
        let fixture = fixture(backups);
        let objects = fixture.objects();
        let named = |key: &Key| (key.clone(), object_name::parse(key.as_str()).unwrap());
        let is_new = |name: &ObjectName| match name {
            ObjectName::Bundle(_) | ObjectName::Checkpoint(_) => true,
            _ => backups == 2,
        };
        let keys = objects.keys().map(named);
        let keys = keys.filter(|(_, name)| is_new(name)).collect();
        (fixture, objects, keys)
    })
}

#[test]
fn every_object_that_vanishes_is_missed() {
    for (fixture, objects, named) in objects_to_damage() {
        for (key, name) in named {
            let mut less = objects.clone();
            less.remove(&key);
            let keys = fixture.keys(AuditScope::Structure);
            let report = check(store_of(&less), Some(keys), CheckOptions::new(NOW));
            assert!(
                !report.findings().is_empty(),
                "{key} is not missed: {report}"
            );
            let is_copy = matches!(
                name,
                ObjectName::Bundle(_) | ObjectName::Checkpoint(_) | ObjectName::JournalCopy(_)
            );
            // Without a remembered head, nobody can tell that there was a last entry; what it announced is left over.
            let is_last = name == ObjectName::Journal(2);
            assert!(is_copy || is_last || !report.is_intact(), "{key}: {report}");
        }
    }
}

#[test]
fn every_damage_is_found_without_any_key() {
    for (_, objects, named) in objects_to_damage() {
        for (key, name) in named {
            let bytes = &objects[&key];
            let len = bytes.len();
            let flips = [0, 3, 8, 10, 12, 14, 16, 40, 48, 56, 64, len / 2, len - 1];
            let flipped = flips.map(|at| {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= 1;
                bytes
            });
            let cuts = [0, 63, len - 1].map(|len| bytes[..len].to_vec());
            let longer = [[bytes.as_ref(), &[0]].concat()];
            let damages = flipped.into_iter().chain(cuts).chain(longer);
            for (what, damaged) in damages.enumerate() {
                let mut objects = objects.clone();
                objects.insert(key.clone(), damaged.into());
                let report = check(store_of(&objects), None, CheckOptions::new(NOW));
                let found = report.findings().iter().any(|finding| {
                    finding.subject == Subject::Object(name) && finding.severity >= Severity::Damage
                });
                assert!(found, "{key} damage {what}: {report}");
            }
        }
    }
}

#[test]
fn a_lost_entry_ends_what_is_known_and_says_so() {
    let fixture = fixture(8);
    let mut objects = fixture.objects();
    objects.remove(&Key::parse(&object_name::journal(5)).unwrap());
    let keys = fixture.keys(AuditScope::Structure);
    let report = check(store_of(&objects), Some(keys), CheckOptions::new(NOW));
    assert_eq!(report.worst(), Some(Severity::Loss));
    assert_eq!(report.count(Problem::EntryLost), 1);
    assert_eq!(report.coverage.journal_unknown_from(), Some(5));
    assert_eq!(report.head.unwrap().n, 4);
    // What later entries may announce is nobody's to call superfluous.
    assert_eq!(report.count(Problem::Unannounced), 0);
}

#[test]
fn an_entry_that_its_bundle_has_costs_nothing() {
    let fixture = fixture(66);
    let mut objects = fixture.objects();
    let key = |n| Key::parse(&object_name::journal(n)).unwrap();
    let other = objects[&key(6)].clone();
    objects.insert(key(5), other);
    objects.remove(&key(9));
    let keys = fixture.keys(AuditScope::Structure);
    let report = check(store_of(&objects), Some(keys), CheckOptions::new(NOW));
    assert_eq!(report.worst(), Some(Severity::Damage), "{report}");
    assert_eq!(report.head.unwrap().n, 66);
    assert_eq!(report.count(Problem::EntryLost), 0);
    let damaged: Vec<_> = report
        .damaged_objects()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(damaged, [ObjectName::Journal(5), ObjectName::Journal(9)]);
}

#[test]
fn a_store_that_went_back_or_shows_another_history_is_noticed() {
    let fixture = fixture(4);
    let head = fixture
        .check(Some(AuditScope::Structure), CheckOptions::new(NOW))
        .head
        .unwrap();
    let ask = |head| CheckOptions::new(NOW).with_known_head(head);
    for scope in SCOPES {
        let report = fixture.check(scope, ask(head));
        assert!(report.is_intact(), "{report}");
        let later = Head {
            n: head.n + 1,
            ..head
        };
        assert_eq!(
            fixture.check(scope, ask(later)).count(Problem::RolledBack),
            1
        );
        let other = Head {
            n: head.n - 1,
            ..head
        };
        assert_eq!(fixture.check(scope, ask(other)).count(Problem::Forked), 1);
    }
}

#[test]
fn the_keys_of_another_repository_and_an_empty_store_are_errors() {
    let (fixture, another) = (fixture(0), fixture(0));
    let other = Auditor::new(another.store)
        .with_keys(fixture.keys(AuditScope::Structure))
        .with_threads(0);
    let error = block_on(other.check(CheckOptions::new(NOW), Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
    let empty = Auditor::new(Arc::new(MemoryStore::new())).with_threads(0);
    let error = block_on(empty.check(CheckOptions::new(NOW), Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let deep = CheckOptions::new(NOW).with_level(Level::Compared);
    let error = block_on(empty.check(deep, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_pin_of_another_repository_is_a_loss() {
    let fixture = fixture(1);
    let pin = strongroom_crypt::GenesisPin::from_bytes([9; 32]);
    let auditor = Auditor::new(fixture.store).with_pin(pin).with_threads(0);
    let report = block_on(auditor.check(CheckOptions::new(NOW), Arc::new(()))).unwrap();
    assert_eq!(report.count(Problem::WrongGenesis), 1);
    assert_eq!(report.worst(), Some(Severity::Loss));
}

#[test]
fn slots_that_all_are_of_a_later_version_open_nothing() {
    let fixture = fixture(1);
    let mut objects = fixture.objects();
    for (key, bytes) in &mut objects {
        if key.as_str().starts_with("slot/") {
            let mut later = bytes.to_vec();
            later[8] = 2;
            *bytes = later.into();
        }
    }
    let keys = Some(fixture.keys(AuditScope::Content));
    let report = check(store_of(&objects), keys, CheckOptions::new(NOW));
    assert_eq!(report.worst(), Some(Severity::Loss), "{report}");
}

#[test]
fn names_of_others_are_noted_and_nothing_more() {
    let fixture = fixture(1);
    let key = Key::parse("lost+found".replace('+', "-").as_str()).unwrap();
    block_on(fixture.store.put_new(&key, "x".into())).unwrap();
    for name in ["journal/ffffffffffffffff", "journal/00ffffffffffffff"] {
        let key = Key::parse(name).unwrap();
        block_on(fixture.store.put_new(&key, "x".into())).unwrap();
    }
    let report = fixture.check(Some(AuditScope::Structure), CheckOptions::new(NOW));
    assert_eq!(report.count(Problem::ForeignName), 1);
    // They end nothing that is known, and take no time.
    assert_eq!(report.coverage.journal_unknown_from(), Some(2));
    assert_eq!(report.head.unwrap().n, 1);
}

#[test]
fn findings_are_counted_beyond_what_is_kept() {
    let fixture = fixture(3);
    let objects = fixture.objects();
    let packs = |key: &Key| !key.as_str().starts_with("pack/");
    let less: BTreeMap<_, _> = objects.into_iter().filter(|(key, _)| packs(key)).collect();
    let keys = fixture.keys(AuditScope::Structure);
    let options = CheckOptions::new(NOW)
        .with_findings_max(2)
        .with_level(Level::Listed);
    let report = check(store_of(&less), Some(keys), options);
    let missing = report.count(Problem::Missing);
    assert!(missing > 2, "{report}");
    assert_eq!(report.findings().len(), 2);
    assert_eq!(report.damaged_objects().len() as u64, missing);
    let all: u64 = report.counts().map(|(_, count)| count).sum();
    assert_eq!(report.not_kept(), all - 2);
}

/// The same objects, in a store that answers of packs of a class that they are in cold storage.
fn cold_store(
    objects: &BTreeMap<Key, Bytes>,
    is_cold: impl Fn(PackClass) -> bool,
) -> (Arc<Faulty<Arc<MemoryStore>>>, u64) {
    let mut plan = FaultPlan::new();
    let mut count = 0;
    for (key, bytes) in objects {
        let is_pack = key.as_str().starts_with("pack/");
        let flags = Preamble::decode(bytes).map_or(u64::MAX, |preamble| preamble.flags.into());
        if is_pack && PackClass::from_number(flags).is_ok_and(&is_cold) {
            count += 1;
            let rule = Rule::new(Fault::FailBefore(StoreKind::Archived))
                .with_operation(Operation::Get)
                .with_key_prefix(key.as_str());
            plan = plan.with_rule(rule);
        }
    }
    (Arc::new(Faulty::new(store_of(objects), plan)), count)
}

#[test]
fn what_is_in_cold_storage_is_no_damage_and_coverage_says_that_it_was_not_looked_at() {
    let fixture = fixture(3);
    let objects = fixture.objects();
    for is_cold in [
        (|class| class == PackClass::Data) as fn(PackClass) -> bool,
        |_| true,
    ] {
        let (store, count) = cold_store(&objects, is_cold);
        assert!(count > 0);
        for scope in SCOPES {
            for level in [Level::Hashed, Level::Authenticated, Level::Rebuilt] {
                let keys = scope.map(|scope| fixture.keys(scope));
                let report = check(
                    store.clone(),
                    keys,
                    CheckOptions::new(NOW).with_level(level),
                );
                assert!(
                    report.worst() <= Some(Severity::Note),
                    "{scope:?} {level}: {report}"
                );
                assert_eq!(report.count(Problem::Cold), 1, "{report}");
                assert_eq!(report.coverage.cold().count, count);
                assert!(report.to_string().contains("in cold storage"), "{report}");
            }
        }
    }
}

#[test]
fn a_check_can_be_awaited_on_any_thread() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let auditor = Auditor::new(Arc::new(MemoryStore::new())).with_threads(0);
    drop(is_send(auditor.check(CheckOptions::new(NOW), Arc::new(()))));
}

#[test]
fn what_a_pruner_takes_away_meanwhile_is_not_missing() {
    let fixture = fixture(3);
    let repository = fixture.repository.clone();
    let pruned = std::sync::atomic::AtomicBool::new(false);
    let prune = move || {
        let keep = block_on(repository.snapshots()).unwrap().pop().unwrap().id;
        let snapshots = block_on(repository.snapshots()).unwrap();
        let others = snapshots.iter().map(|one| one.id).filter(|id| *id != keep);
        let options = ForgetOptions::of(others);
        let plan = block_on(repository.plan_forget(options)).unwrap();
        block_on(repository.forget(plan)).unwrap();
        let plan = block_on(repository.plan_prune(PruneOptions::default(), Arc::new(()))).unwrap();
        block_on(repository.prune(plan, Arc::new(()))).unwrap();
        let options = DeleteOptions::default().with_min_age(Duration::ZERO);
        let plan = block_on(repository.plan_delete(options)).unwrap();
        let deleted = block_on(repository.delete_dropped(plan, Arc::new(()))).unwrap();
        assert!(deleted.deleted > 0, "{deleted:?}");
    };
    let observer = move |event: &Event<'_>| {
        let first = matches!(event, Event::Started(Stage::Packs))
            && !pruned.swap(true, std::sync::atomic::Ordering::SeqCst);
        if first {
            std::thread::scope(|scope| scope.spawn(&prune).join().unwrap());
        }
    };
    let keys = fixture.keys(AuditScope::Content);
    let auditor = Auditor::new(fixture.store).with_keys(keys).with_threads(2);
    let report = block_on(auditor.check(CheckOptions::new(NOW), Arc::new(observer))).unwrap();
    assert!(report.is_intact(), "{report}");
}

/// Backs up one file, and returns the snapshot and the packs that there are now.
fn back_up(fixture: &Fixture, name: &str) -> (strongroom_crypt::Id, Vec<Key>) {
    let tree = Tree::dir([(name, Tree::file(name.as_bytes()))]);
    let source = Arc::new(TreeSource::new(tree));
    let options = BackupOptions::new(name);
    let report = block_on(fixture.repository.backup(source, options, Arc::new(()))).unwrap();
    let objects = fixture.objects().into_keys();
    let packs =
        objects.filter(|key| matches!(object_name::parse(key.as_str()), Some(ObjectName::Pack(_))));
    (report.snapshot, packs.collect())
}

#[test]
fn after_a_backup_only_what_nobody_has_read_is_read() {
    let fixture = fixture(3);
    let (first, _) = back_up(&fixture, "first");
    let options = CheckOptions::after_backup(NOW, Level::Decoded, first);
    let report = fixture.check(Some(AuditScope::Content), options);
    let said = report.verified("nas").unwrap();
    assert_eq!((said.level, said.choice.as_deref()), (3, Some("older")));
    assert_eq!((said.coverage.0, said.damaged), (said.coverage.1, 0));
    assert!(report.is_complete() && said.coverage.0 > 0);
    let evidence = report.evidence("test", 0).unwrap();
    block_on(fixture.repository.record_evidence(evidence)).unwrap();

    let (second, _) = back_up(&fixture, "second");
    let options = CheckOptions::after_backup(NOW, Level::Decoded, second);
    let report = fixture.check(Some(AuditScope::Content), options);
    let said = report.verified("nas").unwrap();
    assert!(
        said.coverage.0 > 0 && said.coverage.0 < said.coverage.1,
        "{said:?}"
    );
    // No earlier check has read anything as deep as that.
    let options = CheckOptions::after_backup(NOW, Level::Rebuilt, second);
    let report = fixture.check(Some(AuditScope::Content), options);
    let said = report.verified_snapshot("nas", second, 6).unwrap();
    assert_eq!((said.level, said.snapshot), (4, Some(second)));
    assert_eq!((said.coverage, said.damaged), ((6, 6), 0));
}

#[test]
fn a_part_of_a_round_counts_content_alone() {
    let fixture = fixture(3);
    back_up(&fixture, "first");
    let all = fixture.check(Some(AuditScope::Content), CheckOptions::new(NOW));
    let all = all.verified("nas").unwrap();
    let month = Duration::from_secs(30 * 86_400);
    let part = CheckOptions::new(NOW).with_packs(crate::PackSelection::rolling(month));
    let part = fixture.check(Some(AuditScope::Content), part);
    let part = part.verified("nas").unwrap();
    assert_eq!(part.choice.as_deref(), Some("round"));
    // Names and pages, which are read with every part, would make a round complete too early.
    let is_content = |(key, bytes): &(Key, Bytes)| {
        let flags = Preamble::decode(bytes).map_or(u64::MAX, |preamble| preamble.flags.into());
        let is_pack = matches!(object_name::parse(key.as_str()), Some(ObjectName::Pack(_)));
        is_pack && PackClass::from_number(flags).is_ok_and(|class| class == PackClass::Data)
    };
    let packs = fixture.objects().into_iter().filter(is_content);
    let content: usize = packs.map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(part.coverage.1, content as u64);
    assert!(part.coverage.0 <= part.coverage.1 && part.coverage.1 < all.coverage.1);
}

#[test]
fn damage_elsewhere_is_not_that_of_the_snapshot() {
    for is_own in [false, true] {
        let fixture = fixture(0);
        let (_, before) = back_up(&fixture, "first");
        let (second, after) = back_up(&fixture, "second");
        let gone = after.iter().find(|key| before.contains(key) != is_own);
        block_on(fixture.store.delete(gone.unwrap())).unwrap();
        let options = CheckOptions::after_backup(NOW, Level::Rebuilt, second);
        let report = fixture.check(Some(AuditScope::Content), options);
        let said = report.verified_snapshot("nas", second, 6).unwrap();
        assert_eq!(said.snapshot, is_own.then_some(second), "{report}");
        assert!(said.damaged > 0 && said.unresolved > 0);
    }
}

#[test]
fn a_check_without_the_keys_for_its_level_is_not_complete() {
    let fixture = fixture(1);
    let (snapshot, _) = back_up(&fixture, "first");
    let options = || CheckOptions::after_backup(NOW, Level::Rebuilt, snapshot);
    let report = fixture.check(Some(AuditScope::Structure), options());
    assert!(report.is_intact() && !report.is_complete());
    let said = report.verified_snapshot("nas", snapshot, 5).unwrap();
    assert_eq!((said.level, said.snapshot), (2, None));
    let report = fixture.check(None, options());
    assert_eq!(
        report.verified("nas").unwrap_err().kind(),
        ErrorKind::Invalid
    );
}
