//! Journals that were made by hand: what no engine writes, and what a repair leaves.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::{
    BoxSealer, RepositoryId, Roles, Secret, SessionId, SigningKey, StructureKeys, Suite,
};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{
    AuditKeys, Body, Bridge, Certificate, Commit, Config, Entry, Feature, Genesis, Packs, Payload,
    Snapshot, Time, Unknown, UnknownSecrets,
};
use strongroom_store::{Key, MemoryStore, StoreExt as _};

use super::*;
use crate::{Auditor, CheckOptions, Finding, Level, Problem, Report, Severity, Subject};

const SUITE: Suite = Suite::ChaCha20Poly1305;
const REPOSITORY: RepositoryId = RepositoryId::from_bytes([7; 16]);

/// A store with a configuration, and the hashes of the entries of its journal.
struct Crafted {
    store: Arc<MemoryStore>,
    hashes: Vec<ObjectHash>,
}

fn secret() -> Secret {
    Secret::from_bytes(&[5; 32])
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed(Secret::from_bytes(&[seed; 32])).unwrap()
}

fn admin() -> SigningKey {
    signer(1)
}

fn writer() -> SigningKey {
    signer(2)
}

fn sealer() -> StructureKeys {
    StructureKeys::new(SUITE, &secret())
}

fn entry(n: u64, previous: ObjectHash, body: Body, by: &SigningKey) -> Vec<u8> {
    let payload = Payload::new(Time::default(), body);
    let attempt = n.to_le_bytes().repeat(2).try_into().unwrap();
    let keys = sealer();
    Entry::seal(
        SUITE,
        REPOSITORY,
        n,
        attempt,
        previous,
        &payload,
        keys.journal(),
        &[by],
    )
    .unwrap()
}

fn packs() -> Body {
    Body::Packs(Packs {
        session: SessionId::from_bytes([1; 32]),
        packs: Vec::new(),
        segments: Vec::new(),
        unknown: Unknown::default(),
    })
}

fn commit(seen: Option<(u64, ObjectHash)>) -> Body {
    Body::Commit(Box::new(Commit {
        snapshot: Snapshot::default(),
        packs: Vec::new(),
        segments: Vec::new(),
        session: SessionId::from_bytes([1; 32]),
        seen,
        unknown: Unknown::default(),
    }))
}

fn bridge(stated: Option<ObjectHash>, confirmed: Vec<(u64, ObjectHash)>) -> Body {
    Body::Bridge(Box::new(Bridge {
        stated,
        confirmed,
        reason: "lost in a test".to_owned(),
        ..Bridge::default()
    }))
}

impl Crafted {
    fn new() -> Self {
        let config = Config::new(REPOSITORY, SUITE, Time::default());
        let config = config.encode([1; 16]).unwrap();
        let mut crafted = Self {
            store: Arc::new(MemoryStore::new()),
            hashes: Vec::new(),
        };
        crafted.put(ObjectName::Config, config.clone());
        crafted.put(ObjectName::ConfigCopy, config.clone());
        let hash = ObjectHash::of(&config);
        let genesis = Body::Genesis(Genesis {
            admin: *admin().public().as_bytes(),
            config: hash,
            certificates: vec![Certificate {
                roles: Roles::WRITER,
                public: *writer().public().as_bytes(),
                label: String::new(),
                not_after: 0,
            }],
            single_writer: false,
            only_writer: None,
            probed: true,
            probe: None,
            unknown: Unknown::default(),
        });
        let bytes = entry(0, hash, genesis, &admin());
        crafted.hashes.push(ObjectHash::of(&bytes));
        crafted.put(ObjectName::JournalCopy(0), bytes.clone());
        crafted.put(ObjectName::Journal(0), bytes);
        crafted
    }

    fn put(&self, name: ObjectName, bytes: Vec<u8>) {
        let key = Key::parse(&name.to_string()).unwrap();
        block_on(self.store.replace(&key, bytes.into())).unwrap();
    }

    fn remove(&self, n: u64) {
        let key = Key::parse(&ObjectName::Journal(n).to_string()).unwrap();
        block_on(self.store.delete_all(&[key])).unwrap();
    }

    fn last(&self) -> ObjectHash {
        *self.hashes.last().unwrap()
    }

    /// Puts the next entry.
    fn add(&mut self, body: Body, by: &SigningKey) -> u64 {
        let n = self.hashes.len() as u64;
        self.add_bytes(entry(n, self.last(), body, by))
    }

    fn add_bytes(&mut self, bytes: Vec<u8>) -> u64 {
        let n = self.hashes.len() as u64;
        self.hashes.push(ObjectHash::of(&bytes));
        self.put(ObjectName::Journal(n), bytes);
        n
    }

    fn check(&self) -> Report {
        self.check_at(Level::Listed)
    }

    fn check_at(&self, level: Level) -> Report {
        let keys = AuditKeys {
            repository: REPOSITORY,
            suite: SUITE,
            genesis: self.hashes[0],
            structure_key: secret(),
            content: None,
            unknown: UnknownSecrets::default(),
        };
        let auditor = Auditor::new(self.store.clone())
            .with_keys(keys)
            .with_threads(0);
        let options = CheckOptions::new(Time::default()).with_level(level);
        block_on(auditor.check(options, Arc::new(()))).unwrap()
    }

    /// What is said of the journal; that there is no keyring is known.
    fn findings(&self) -> (Report, Vec<(u64, Problem, Severity)>) {
        let report = self.check();
        let of_journal = |finding: &Finding| match finding.subject {
            Subject::Object(ObjectName::Journal(n)) => Some((n, finding.problem, finding.severity)),
            _ => None,
        };
        let findings = report.findings().iter().filter_map(of_journal).collect();
        (report, findings)
    }
}

#[test]
fn entries_without_effect_are_told_and_the_chain_goes_on() {
    let mut crafted = Crafted::new();
    let stranger = crafted.add(packs(), &signer(9));
    let unknown = Body::Unknown {
        kind: 77,
        raw: vec![0xA0],
    };
    let unknown = crafted.add(unknown, &writer());
    let n = crafted.hashes.len() as u64;
    let other = BoxSealer::new(SUITE, &Secret::from_bytes(&[6; 32]));
    let payload = Payload::new(Time::default(), packs());
    let sealed = Entry::seal(
        SUITE,
        REPOSITORY,
        n,
        [3; 16],
        crafted.last(),
        &payload,
        &other,
        &[&writer()],
    );
    let closed = crafted.add_bytes(sealed.unwrap());
    crafted.add(packs(), &writer());
    let (report, findings) = crafted.findings();
    assert_eq!(
        findings,
        [
            (stranger, Problem::BadSignature, Severity::Damage),
            (closed, Problem::DoesNotOpen, Severity::Damage),
            (unknown, Problem::UnknownEntry, Severity::Note),
        ]
    );
    assert_eq!(report.head.unwrap().hash, crafted.last());
    assert_eq!(report.coverage.journal_unknown_from(), None);
}

#[test]
fn a_value_of_a_later_version_ends_the_journal_and_is_no_damage() {
    let mut crafted = Crafted::new();
    // A hold with an action that this version does not know.
    let hold = strongroom_format::Hold::default();
    let payload = Payload::new(Time::default(), Body::Hold(hold));
    let mut plain = payload.encode().unwrap();
    let action = plain.windows(2).rposition(|pair| pair == [0x00, 0x01]);
    plain[action.unwrap() + 1] = 0x05;
    assert_eq!(
        crafted.check_at(Level::Authenticated).level,
        Level::Authenticated
    );
    let n = crafted.hashes.len() as u64;
    let bytes = seal_plain(n, crafted.last(), &plain);
    let at = crafted.add_bytes(bytes);
    crafted.add(packs(), &writer());
    let (report, findings) = crafted.findings();
    assert_eq!(findings, [(at, Problem::NewerVersion, Severity::Note)]);
    assert_eq!(report.coverage.journal_unknown_from(), Some(at));
    // What comes after it may change what everything means: no more than hashes were compared with something.
    for level in [Level::Authenticated, Level::Rebuilt] {
        let report = crafted.check_at(level);
        assert_eq!((report.asked, report.level), (level, Level::Hashed));
    }
}

/// Seals a payload that no encoder makes, signed by the admin.
fn seal_plain(n: u64, previous: ObjectHash, plain: &[u8]) -> Vec<u8> {
    use strongroom_crypt::Sealer as _;
    let head = strongroom_format::entry_head(SUITE, REPOSITORY, n, [4; 16], &previous);
    let mut sealed = Vec::new();
    sealer().journal().seal(&head, plain, &mut sealed).unwrap();
    let message = [
        b"strongroom v1 journal".as_slice(),
        &head,
        ObjectHash::of(&sealed).as_bytes(),
    ]
    .concat();
    let mut bytes = head.to_vec();
    bytes.extend_from_slice(&u32::try_from(sealed.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&sealed);
    bytes.extend_from_slice(&[1, 0, 1, 0, 32, 0, 64, 0]);
    bytes.extend_from_slice(admin().public().as_bytes());
    bytes.extend_from_slice(&admin().sign(&message));
    let seal = ObjectHash::of(&bytes);
    bytes.extend_from_slice(seal.as_bytes());
    bytes
}

#[test]
fn an_author_who_saw_another_journal_is_evidence_of_a_fork() {
    let mut crafted = Crafted::new();
    let right = (1, crafted.hashes[0]);
    crafted.add(commit(Some(right)), &writer());
    assert_eq!(crafted.findings().1, []);
    let wrong = (2, ObjectHash::of(b"another history"));
    let at = crafted.add(commit(Some(wrong)), &writer());
    assert_eq!(
        crafted.findings().1,
        [(at, Problem::Forked, Severity::Damage)]
    );
}

#[test]
fn with_an_unknown_feature_only_what_needs_no_key_is_looked_at() {
    let mut crafted = Crafted::new();
    let feature = Feature {
        read: vec!["later".to_owned()],
        ..Feature::default()
    };
    crafted.add(Body::Feature(feature), &admin());
    let report = crafted.check();
    assert_eq!(report.count(Problem::NewerVersion), 1);
    assert_eq!(report.level, Level::Listed);
}

#[test]
fn a_bridge_leads_over_a_lost_entry() {
    let mut crafted = Crafted::new();
    crafted.add(packs(), &writer());
    let lost = crafted.add(packs(), &writer());
    let before = crafted.hashes[1];
    crafted.add(packs(), &writer());
    crafted.remove(lost);
    let (report, findings) = crafted.findings();
    assert!(findings.contains(&(lost, Problem::EntryLost, Severity::Loss)));
    assert_eq!(report.head.unwrap().hash, before);

    // One that nobody may write leads nowhere.
    let stated = Some(crafted.hashes[2]);
    let forged = entry(lost, before, bridge(stated, Vec::new()), &writer());
    crafted.put(ObjectName::Journal(lost), forged);
    assert_eq!(crafted.findings().0.worst(), Some(Severity::Loss));

    let right = entry(lost, before, bridge(stated, Vec::new()), &admin());
    let row = (lost, ObjectHash::of(&right));
    crafted.put(ObjectName::Journal(lost), right.clone());
    crafted.add(bridge(None, vec![row]), &admin());
    let (report, findings) = crafted.findings();
    assert_eq!(findings, [(lost, Problem::Bridged, Severity::Note)]);
    assert_eq!(report.head.unwrap().hash, crafted.last());

    // Where rubbish is in its place, the Bridge is in the copy.
    crafted.put(ObjectName::Journal(lost), b"rubbish".to_vec());
    crafted.put(ObjectName::JournalCopy(lost), right);
    let (report, findings) = crafted.findings();
    let bridged = (lost, Problem::Bridged, Severity::Note);
    let rubbish = (lost, Problem::NotWhole, Severity::Note);
    assert_eq!(findings, [rubbish, bridged]);
    assert_eq!(report.head.unwrap().hash, crafted.last());
}

#[test]
fn the_entry_that_a_later_bridge_names_is_the_one_that_counts() {
    let mut crafted = Crafted::new();
    crafted.add(packs(), &writer());
    let lost = crafted.add(packs(), &writer());
    let before = crafted.hashes[1];
    crafted.add(packs(), &writer());
    let stated = Some(crafted.hashes[2]);
    let right = entry(lost, before, bridge(stated, Vec::new()), &admin());
    let row = (lost, ObjectHash::of(&right));
    // The lost entry has appeared again in its place.
    crafted.put(ObjectName::JournalCopy(lost), right);
    crafted.add(bridge(None, vec![row]), &admin());
    let (report, findings) = crafted.findings();
    assert!(
        findings.contains(&(lost, Problem::Bridged, Severity::Note)),
        "{report}"
    );
    assert!(
        findings
            .iter()
            .all(|(.., severity)| *severity == Severity::Note),
        "{report}"
    );
}
