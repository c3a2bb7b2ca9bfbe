//! Checks that go on where others ended: what is read, what is remembered, and what nobody can change about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use strongroom_crypt::Suite;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    AuditKeys, Body, CheckRecord, Entry, Evidence, ObjectHash, PackClass, Preamble, Time,
};
use strongroom_repo::testing::{Tree, TreeSource};
use strongroom_repo::{AuditScope, BackupOptions, CreateOptions, Repository};
use strongroom_store::MemoryStore;
use strongroom_store::wrap::{Operation, Recording};
use strongroom_verify::sample::Sampling;
use strongroom_verify::{
    Auditor, CheckOptions, ErrorKind, Level, PackSelection, Problem, Report, Statement,
};

use crate::insider::{Insider, get, names, put, wait};
use crate::museum::{builder, credential, noise};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: i64 = 1_760_000_000;

/// A repository with many packs, and who checks it.
struct Site {
    store: Arc<MemoryStore>,
    repository: Repository,
}

impl Site {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let options = CreateOptions::default().with_suite(Suite::None);
        let created = wait(builder(&store, 1, NOW - 100).create(options, &credential(Suite::None)));
        let site = Self {
            store,
            repository: created.unwrap().repository,
        };
        site.back_up(1);
        site
    }

    /// Adds some forty packs of content.
    fn back_up(&self, seed: u64) {
        let tree = Tree::dir([("noise", Tree::file(&noise(seed, 600_000)))]);
        let source = Arc::new(TreeSource::new(tree));
        let options = BackupOptions::new(format!("series {seed}"));
        wait(self.repository.backup(source, options, Arc::new(()))).unwrap();
    }

    fn keys(&self, scope: AuditScope) -> AuditKeys {
        self.repository.audit_keys(scope).unwrap()
    }

    /// Names of the packs of content.
    fn packs(&self) -> BTreeSet<ObjectHash> {
        let packs = names(&self.store, "pack/").into_iter().filter_map(|key| {
            let preamble = Preamble::decode(&get(&self.store, key.as_str())).unwrap();
            match object_name::parse(key.as_str()) {
                Some(ObjectName::Pack(name)) if preamble.flags == PackClass::Data as u16 => {
                    Some(name)
                }
                _ => None,
            }
        });
        packs.collect()
    }

    /// Checks on a day, and returns what was found and the packs of content that were read whole.
    fn look(&self, packs: PackSelection, day: i64) -> (Report, BTreeSet<ObjectHash>) {
        let recording = Arc::new(Recording::new(self.store.clone()));
        let auditor = Auditor::new(recording.clone())
            .with_keys(self.keys(AuditScope::Content))
            .with_threads(1);
        let options = CheckOptions::new(Time::new(NOW + day * 86_400, 0)).with_packs(packs);
        let report = wait(auditor.check(options, Arc::new(()))).unwrap();
        let content = self.packs();
        let mut read = BTreeSet::new();
        for call in recording.calls() {
            let Some(ObjectName::Pack(name)) = object_name::parse(&call.key) else {
                continue;
            };
            let is_whole = call.operation == Operation::Get && call.range.is_none();
            if is_whole && content.contains(&name) {
                assert!(read.insert(name), "{name} was read twice");
            }
        }
        (report, read)
    }

    /// The same, and keeps the evidence.
    fn check(&self, packs: PackSelection, day: i64) -> (Report, BTreeSet<ObjectHash>) {
        let (report, read) = self.look(packs, day);
        let evidence = report.evidence("test 1", 7).unwrap();
        wait(self.repository.record_evidence(evidence)).unwrap();
        (report, read)
    }

    fn damage(&self, pack: &ObjectHash) {
        let name = object_name::pack(pack);
        let mut bytes = get(&self.store, &name).to_vec();
        bytes[200] ^= 4;
        put(&self.store, &name, bytes);
    }
}

fn age() -> PackSelection {
    PackSelection::max_age(30 * DAY)
}

#[test]
fn two_checks_with_an_age_read_no_content_twice() {
    let site = Site::new();
    let first_packs = site.packs();
    let (report, read) = site.check(age(), 0);
    assert!(report.is_intact(), "{report}");
    assert!(read.len() > 30 && read == first_packs);
    let (report, read) = site.check(age(), 1);
    assert!(report.is_intact() && read.is_empty(), "{report}");
    let said: Vec<_> = report.statements.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["every pack was read at L3 decoded within the last 30 days (oldest 24 h)"]
    );
    site.back_up(2);
    let (_, read) = site.check(age(), 2);
    let new: BTreeSet<_> = site.packs().difference(&first_packs).copied().collect();
    assert_eq!(read, new);
    // After thirty days the first are due again, and no others.
    let (_, read) = site.check(age(), 31);
    assert_eq!(read, first_packs);
}

#[test]
fn a_round_reads_each_pack_once_however_often_it_is_asked_for() {
    let site = Site::new();
    let all = site.packs();
    let mut turns = BTreeMap::<ObjectHash, u32>::new();
    for day in [0, 1, 1, 2, 5, 6, 9, 9] {
        let (report, read) = site.check(PackSelection::rolling(10 * DAY), day);
        assert!(report.is_intact(), "{report}");
        // Three days are missed twice: then it is half of them that is due, more or less.
        assert!(read.len() < all.len() * 2 / 3);
        for name in read {
            *turns.entry(name).or_default() += 1;
        }
        if day == 2 {
            // What comes meanwhile waits for the next round.
            site.back_up(2);
        }
    }
    assert_eq!(turns.keys().copied().collect::<BTreeSet<_>>(), all);
    assert!(turns.values().all(|count| *count == 1), "{turns:?}");
    let (report, read) = site.check(PackSelection::rolling(10 * DAY), 25);
    assert_eq!(read, site.packs());
    assert!(
        report
            .statements
            .iter()
            .any(|said| matches!(said, Statement::Age(age) if age.never == 0))
    );
}

#[test]
fn damage_in_a_sample_is_followed_up_and_never_counts_as_read() {
    let site = Site::new();
    let sample = || PackSelection::sample(Sampling::share("40%".parse().unwrap()));
    let (_, drawn) = site.look(sample(), 0);
    assert!(drawn.len() > 10 && drawn.len() < site.packs().len() / 2 + 2);
    let damaged = *drawn.first().unwrap();
    site.damage(&damaged);

    let (report, _) = site.look(sample().with_widening(false), 0);
    assert!(!report.is_intact());
    let Statement::Sampled(bound) = &report.statements[0] else {
        panic!("{report}");
    };
    assert_eq!((bound.seen, bound.drawn), (1, drawn.len() as u64));
    assert!(bound.at_most > 1 && bound.at_most < bound.population);

    let auditor = Auditor::new(site.store.clone()).with_keys(site.keys(AuditScope::Content));
    let options = CheckOptions::new(Time::new(NOW, 0)).with_packs(sample());
    let report = wait(auditor.check(options, Arc::new(()))).unwrap();
    let Statement::Sampled(bound) = &report.statements[0] else {
        panic!("{report}");
    };
    // The only stratum was read as a whole, so the number is known.
    assert_eq!((bound.at_most, bound.found), (1, 1), "{report}");
    let evidence = report.evidence("test 1", 0).unwrap();
    let record = CheckRecord::of_evidence(&evidence).unwrap().unwrap();
    assert_eq!(record.damaged[0].pack, damaged);
    wait(site.repository.record_evidence(evidence)).unwrap();
    let (report, read) = site.look(age(), 1);
    assert_eq!(read, BTreeSet::from([damaged]));
    assert!(
        matches!(&report.statements[0], Statement::Age(age) if age.never == 1),
        "{report}"
    );
}

#[test]
fn evidence_of_another_history_is_found_and_proves_nothing() {
    let site = Site::new();
    let (report, _) = site.look(PackSelection::all(), 0);
    let evidence = report.evidence("test 1", 0).unwrap();
    let mut record = CheckRecord::of_evidence(&evidence).unwrap().unwrap();
    // As if it had been chosen by the head of a journal that suits better.
    record.head.1 = ObjectHash::of(b"a head that suits");
    let forged = record.to_evidence().unwrap();
    Insider::of(&site.store).append(&site.store, Body::Evidence(forged));
    let (report, read) = site.look(age(), 1);
    assert_eq!(report.count(Problem::EvidenceDiffers), 1);
    assert!(!report.is_intact());
    assert_eq!(read, site.packs());
}

#[test]
fn a_rewritten_history_chooses_otherwise_and_is_noticed() {
    let site = Site::new();
    let sample = || PackSelection::sample(Sampling::share("40%".parse().unwrap()));
    let (report, before) = site.look(sample(), 0);
    let head = report.head.unwrap();
    // Somebody with all keys writes the newest entry anew: the same packs, another hash.
    let insider = Insider::of(&site.store);
    let name = object_name::journal(head.n);
    let entry = Entry::decode(&get(&site.store, &name)).unwrap();
    let payload = entry.open(insider.structure.journal()).unwrap();
    let again = Entry::seal(
        insider.suite,
        insider.repository,
        head.n,
        insider.random_bytes(),
        entry.previous,
        &payload,
        insider.structure.journal(),
        &[&insider.signer(&payload.body)],
    );
    put(&site.store, &name, again.unwrap());
    let (report, after) = site.look(sample(), 0);
    assert!(report.is_intact() && before != after);
    let auditor = Auditor::new(site.store.clone()).with_keys(site.keys(AuditScope::Structure));
    let options = CheckOptions::new(Time::new(NOW, 0)).with_known_head(head);
    let report = wait(auditor.check(options, Arc::new(()))).unwrap();
    assert_eq!(report.count(Problem::Forked), 1, "{report}");
}

#[test]
fn who_has_fewer_keys_leaves_evidence_of_less_or_none() {
    let site = Site::new();
    let check = |keys: Option<AuditKeys>| {
        let auditor = Auditor::new(site.store.clone());
        let auditor = match keys {
            Some(keys) => auditor.with_keys(keys),
            None => auditor,
        };
        let options = CheckOptions::new(Time::new(NOW, 0));
        wait(auditor.check(options, Arc::new(()))).unwrap()
    };
    let error = check(None).evidence("test 1", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let evidence = check(Some(site.keys(AuditScope::Structure))).evidence("test 1", 0);
    let evidence = evidence.unwrap();
    let record = CheckRecord::of_evidence(&evidence).unwrap().unwrap();
    assert_eq!(record.level, Level::Authenticated.number());
    wait(site.repository.record_evidence(evidence)).unwrap();
    // What was authenticated was not decoded.
    let (_, read) = site.look(age(), 0);
    assert_eq!(read, site.packs());
}

#[test]
fn evidence_of_other_kinds_is_left_alone() {
    let site = Site::new();
    let other = Evidence {
        kind: "drill".to_owned(),
        ..Evidence::default()
    };
    wait(site.repository.record_evidence(other)).unwrap();
    let (report, _) = site.look(age(), 0);
    assert!(report.is_intact(), "{report}");
}
