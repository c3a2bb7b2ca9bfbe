//! Records of the process: vectors, round trips, damage.

use std::fmt::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;
use strongroom_crypt::Id;
use strongroom_format::record::*;
use strongroom_format::*;

use crate::{sample, strategy};

const TIME: Time = Time::new(1_700_000_000, 123_456_789);
const LATER: Time = Time::new(1_700_003_600, 0);

fn text(text: &str) -> String {
    text.to_owned()
}

fn id(byte: u8) -> RecordId {
    RecordId::new(1_700_000_000_000, [byte; 10])
}

fn snapshot() -> Id {
    Id::from_bytes([0x5A; 32])
}

/// A head with everything.
fn head() -> RecordHead {
    RecordHead {
        id: id(1),
        at: TIME,
        skew_ms: Some(-250),
        resource: Some(text("mail")),
        policy: Some(ObjectHash::of(b"policy")),
        actor: Some(Person::of(&sample::structure(0), "Ada Lovelace")),
        tool: Some(Tool {
            name: text("sr-run"),
            version: text("0.1.0"),
            ..Tool::default()
        }),
        answers: vec![id(2), id(3)],
    }
}

fn run() -> Run {
    Run {
        job: Job::Backup,
        repository: text("vault"),
        from: Some(text("nas")),
        outcome: RunOutcome::OkWithNotices,
        attempt: 2,
        due: Some(TIME),
        started: TIME,
        ended: LATER,
        capture: Some(TIME),
        durable: Some(LATER),
        snapshot: Some(snapshot()),
        phases: vec![(text("hooks"), 40), (text("backup"), 3_599_000)],
        counters: [
            (text(counter::FILES), 300),
            (text(counter::BYTES_READ), 1 << 33),
            (text(counter::CPU_MS), 0),
        ]
        .into(),
        errors: vec![ErrorCount {
            class: ErrorClass::Network,
            code: text("network"),
            phase: text("backup"),
            count: 3,
            ..ErrorCount::default()
        }],
        transport: Some(Transport {
            protocol: text("TLSv1.3"),
            peer_checked: true,
            ..Transport::default()
        }),
        ..Run::default()
    }
}

fn resources() -> Inventory {
    let item = |id: &str, tags: &[(&str, &str)]| InventoryItem {
        id: text(id),
        kind: text("server"),
        criticality: text("high"),
        tags: tags.iter().map(|(a, b)| (text(a), text(b))).collect(),
        ..InventoryItem::default()
    };
    Inventory {
        resources: vec![
            item("mail", &[("site", "hq"), ("os", "linux")]),
            item("db", &[]),
        ],
        complete: true,
        ..Inventory::default()
    }
}

fn drill() -> Drill {
    Drill {
        scenario: text("lost-server"),
        snapshot: Some(snapshot()),
        repository: text("nas"),
        verdict: DrillVerdict::Proven,
        sandbox: text("postgresql 17"),
        choice: text("random seed 5"),
        phases: vec![(text("restore"), 61_000)],
        validators: vec![
            (text("files"), ValidatorVerdict::Passed, text("")),
            (text("http"), ValidatorVerdict::Skipped, text("no-server")),
        ],
        bytes: 1 << 40,
        files: 70_000,
        rto_ms: Some(90_000),
        rto_target_ms: Some(14_400_000),
        people_ms: Some(12_000),
        cleaned: true,
        ..Drill::default()
    }
}

fn disposal() -> Disposal {
    Disposal {
        subject: text("contract-17"),
        snapshots: 30,
        blobs: 9_000,
        bytes: 1 << 36,
        keys: vec![[7; 16]],
        copies: vec![DisposedCopy {
            repository: text("vault"),
            location: text("cloud-frankfurt"),
            method: DisposalMethod::CryptoErase,
            verified: true,
            remains_until: Some(LATER),
            ..DisposedCopy::default()
        }],
        operators: vec![
            Person::from_bytes([0xAD; 16]),
            Person::from_bytes([0xAE; 16]),
        ],
        residual: text("versions of vault until their lock ends"),
        ..Disposal::default()
    }
}

/// What a fact of each kind can say, with everything and then with as little as possible.
fn facts() -> Vec<Fact> {
    [about_data(), about_people()].concat()
}

fn about_data() -> Vec<Fact> {
    vec![
        Fact::Run(run()),
        Fact::Run(Run::default()),
        Fact::Capacity(Capacity {
            repository: text("nas"),
            used: 40 << 40,
            total: Some(60 << 40),
            kind: CapacityKind::Measured,
            locked: 1 << 40,
            locked_until: Some(LATER),
            reclaimable: 5,
            ..Capacity::default()
        }),
        Fact::Capacity(Capacity::default()),
        Fact::Inventory(resources()),
        Fact::Inventory(Inventory::default()),
        Fact::Verified(Verified {
            repository: text("nas"),
            level: 3,
            snapshot: Some(snapshot()),
            coverage: (100, 1_000_000),
            choice: Some(text("sample 0.99/0.001")),
            damaged: 2,
            unresolved: 1,
            entry: Some(4_711),
            ..Verified::default()
        }),
        Fact::Verified(Verified::default()),
        Fact::Drill(drill()),
        Fact::Drill(Drill::default()),
        Fact::Deleted(Deleted {
            entry: 99,
            repository: text("nas"),
            objects: 12,
            bytes: 1 << 30,
            missing: 1,
            left: 2,
            left_until: Some(LATER),
            ..Deleted::default()
        }),
        Fact::Disposal(disposal()),
        Fact::Access(Access {
            repository: text("vault"),
            principal: Person::from_bytes([0xAD; 16]),
            what: text("delete"),
            times: 9,
            explained: 8,
            from: TIME,
            to: LATER,
            ..Access::default()
        }),
        suspect(SuspectState::Raised),
        suspect(SuspectState::HeldClean { hold: [9; 16] }),
        suspect(SuspectState::Reviewed { clean: false }),
        Fact::Suspect(Suspect::default()),
        Fact::Attested(Attested {
            what: text("clock"),
            repository: Some(text("vault")),
            holds: true,
            values: [(text("skew_ms"), text("12"))].into(),
            ..Attested::default()
        }),
        Fact::Attested(Attested::default()),
    ]
}

fn about_people() -> Vec<Fact> {
    vec![
        Fact::Alert(Alert {
            class: text("missed"),
            severity: 4,
            route: text("on-call"),
            step: 1,
            outcome: AlertOutcome::Sent,
            test: true,
            about: Some(text("C-01:mail")),
            ..Alert::default()
        }),
        Fact::Alert(Alert::default()),
        Fact::Acknowledged(Acknowledged {
            about: text("C-01:mail"),
            ..Acknowledged::default()
        }),
        Fact::Incident(IncidentStep {
            incident: text("2026-4"),
            step: IncidentState::Mitigated,
            cause: Some(ErrorClass::Shortage),
            waiver: true,
            ..IncidentStep::default()
        }),
        Fact::Action(ActionStep {
            action: text("A-1"),
            finding: text("C-02:mail"),
            step: ActionState::NotEffective,
            owner: Some(text("it-lead")),
            due: Some(LATER),
            kind: Some(text("correction")),
            ..ActionStep::default()
        }),
        Fact::Obligation(ObligationMet {
            obligation: text("policy-review"),
            due: Some(TIME),
            outcome: text("kept"),
            attachment: Some(ObjectHash::of(b"form")),
            pages: 3,
            ..ObligationMet::default()
        }),
        Fact::SignOff(SignOffGiven {
            document: ObjectHash::of(b"policy"),
            role: text("data-owner"),
            decision: Decision::Approved,
            ..SignOffGiven::default()
        }),
    ]
}

fn suspect(state: SuspectState) -> Fact {
    Fact::Suspect(Suspect {
        snapshot: snapshot(),
        signals: vec![text("entropy"), text("extensions")],
        state,
        ..Suspect::default()
    })
}

fn records() -> Vec<Record> {
    let heads = [head(), RecordHead::default()].into_iter().cycle();
    let facts = facts().into_iter();
    facts.zip(heads).map(|(f, h)| Record::new(h, f)).collect()
}

/// The first of them.
pub(crate) fn first() -> Record {
    Record::new(head(), run().into())
}

fn lines() -> String {
    let mut lines = String::new();
    for record in records() {
        write!(lines, "{} = ", record.fact.kind()).unwrap();
        for byte in record.encode().unwrap() {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
    }
    lines
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/format/records.txt")
}

#[test]
#[ignore = "vectors are added, not made anew: `cargo test -p strongroom-format write_new -- --ignored`"]
fn write_new_records() {
    if !path().exists() {
        std::fs::write(path(), lines()).unwrap();
    }
}

#[test]
fn these_bytes_never_change() {
    assert_eq!(std::fs::read_to_string(path()).unwrap(), lines());
}

#[test]
fn every_kind_has_a_vector_and_travels_as_evidence() {
    let mut kinds: Vec<&str> = Vec::new();
    for record in records() {
        let evidence = record.to_evidence().unwrap();
        assert_eq!(Record::of_evidence(&evidence).unwrap(), Some(record));
        let later = Evidence {
            schema: 2,
            ..evidence.clone()
        };
        assert_eq!(Record::of_evidence(&later).unwrap(), None);
        let other = Evidence {
            kind: text("com.example.run"),
            ..evidence
        };
        assert_eq!(Record::of_evidence(&other).unwrap(), None);
        kinds.extend(Fact::KINDS.iter().filter(|kind| **kind == later.kind));
    }
    assert!(Fact::KINDS.iter().all(|kind| kinds.contains(kind)));
}

#[test]
fn every_truncation_is_an_error() {
    for record in records() {
        let (kind, bytes) = (record.fact.kind(), record.encode().unwrap());
        for len in 0..bytes.len() {
            assert!(Record::decode(kind, &bytes[..len]).is_err(), "{kind}");
        }
        assert!(Record::decode(kind, &[&bytes[..], &[0]].concat()).is_err());
    }
}

/// A flipped bit gives an error or another record, never the same from other bytes.
#[test]
fn every_flipped_bit_is_seen() {
    for record in records() {
        let (kind, bytes) = (record.fact.kind(), record.encode().unwrap());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                if let Ok(decoded) = Record::decode(kind, &flipped) {
                    assert_ne!(decoded, record, "{kind}: bit {bit} of byte {at}");
                    assert_eq!(decoded.encode().unwrap(), flipped);
                }
            }
        }
    }
}

/// An acknowledgement with further keys at every place.
const OF_LATER: &[u8] = b"\xA6\x00\x50################\x01\x82\x00\x00\
    \x06\xA3\x00\x60\x01\x60\x09\x81\x01\
    \x08\xA2\x00\x61x\x18\x40\xF4\x09\x01\x0A\x61!";

#[test]
fn what_a_later_version_adds_is_kept() {
    let record = Record::decode("acknowledged", OF_LATER).unwrap();
    assert_eq!(record.unknown.len(), 2);
    assert_eq!(record.head.tool.as_ref().unwrap().unknown.len(), 1);
    let Fact::Acknowledged(Acknowledged { about, unknown, .. }) = &record.fact else {
        panic!("not what it was");
    };
    assert_eq!((about.as_str(), unknown.len()), ("x", 1));
    assert_eq!(record.encode().unwrap(), OF_LATER);
}

#[test]
fn numbers_of_a_later_version_are_kept_and_known_ones_have_one_name() {
    let outcome = |outcome| {
        let run = Run { outcome, ..run() };
        Record::new(head(), run.into()).encode()
    };
    let bytes = outcome(RunOutcome::Other(7)).unwrap();
    let Fact::Run(run) = Record::decode("run", &bytes).unwrap().fact else {
        panic!("not what it was");
    };
    assert_eq!(run.outcome, RunOutcome::Other(7));
    assert_eq!(run.outcome.to_string(), "other-7");
    let kind = outcome(RunOutcome::Other(6)).unwrap_err().kind();
    assert_eq!(kind, EncodeErrorKind::Invalid);
    let job = Run {
        job: Job::Other(text("backup")),
        ..Run::default()
    };
    assert!(Record::new(head(), job.into()).encode().is_err());
    for (raw, is_kept) in [(&b"\x81\x01"[..], true), (b"\x81", false), (b"", false)] {
        let other = |state| {
            suspect(SuspectState::Other {
                state,
                raw: raw.to_vec(),
            })
        };
        let record = Record::new(head(), other(3));
        let again = record
            .encode()
            .map(|b| Record::decode("suspect", &b).unwrap());
        assert_eq!(again.is_ok_and(|again| again == record), is_kept);
        assert!(Record::new(head(), other(2)).encode().is_err());
    }
}

#[test]
fn what_is_too_much_is_refused_by_its_length() {
    let about = |len: usize| {
        let fact = Acknowledged {
            about: "x".repeat(len),
            ..Acknowledged::default()
        };
        Record::new(head(), fact.into()).encode()
    };
    about(limits::MAX_RECORD_TEXT_BYTES).unwrap();
    let error = about(limits::MAX_RECORD_TEXT_BYTES + 1).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TooLarge);
    let answers = RecordHead {
        answers: vec![id(0); limits::MAX_RECORD_ITEMS + 1],
        ..head()
    };
    let record = Record::new(answers, Acknowledged::default().into());
    assert_eq!(
        record.encode().unwrap_err().kind(),
        EncodeErrorKind::TooLarge
    );
    // The head of an array of 16,385 items, and as many bytes.
    let start = b"\xA4\x00\x50################\x01\x82\x00\x00\x07\x99\x40\x01";
    let long = [&start[..], &[0; 1 << 15]].concat();
    let error = Record::decode("acknowledged", &long).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
    // The head of a text of 4,097 bytes.
    let start = b"\xA4\x00\x50################\x01\x82\x00\x00\x03\x79\x10\x01";
    let long = [&start[..], &[b'x'; 1 << 13]].concat();
    let error = Record::decode("acknowledged", &long).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
}

#[test]
fn defaults_that_are_written_are_refused() {
    for wrong in [
        // No answers, in an array.
        &b"\xA4\x00\x50################\x01\x82\x00\x00\x07\x80\x08\xA1\x00\x60"[..],
        // No fact, no time, no id.
        b"\xA2\x00\x50################\x01\x82\x00\x00",
        b"\xA2\x00\x50################\x08\xA1\x00\x60",
        b"\xA2\x01\x82\x00\x00\x08\xA1\x00\x60",
        // A fact without its key.
        b"\xA3\x00\x50################\x01\x82\x00\x00\x08\xA0",
    ] {
        let error = Record::decode("acknowledged", wrong).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Invalid);
    }
    let error = Record::decode("a kind of a later version", b"\xA1\x08\xA0").unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Unsupported);
    // Waiver, of an incident: false.
    let waived = b"\xA3\x00\x50################\x01\x82\x00\x00\x08\xA3\x00\x60\x01\x00\x03\xF4";
    assert!(Record::decode("incident", waived).is_err());
}

#[test]
fn ids_are_ulids() {
    let id = RecordId::from_bytes([0xFF; 16]);
    assert_eq!(id.to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    assert_eq!(RecordId::parse(&id.to_string()), Some(id));
    for wrong in [
        "",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "7ZZZZZZZZZZZZZZZZZZZZZZZZU",
        "7é",
    ] {
        assert_eq!(RecordId::parse(wrong), None);
    }
    let person = Person::of(&sample::structure(0), "Ada Lovelace");
    assert_eq!(Person::parse(&person.to_string()), Some(person));
    assert_ne!(person, Person::of(&sample::structure(0), "ada lovelace"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_record_comes_back(record in strategy::record()) {
        let evidence = record.to_evidence().unwrap();
        prop_assert_eq!(Record::of_evidence(&evidence).unwrap(), Some(record));
    }

    #[test]
    fn whatever_decodes_has_one_encoding(record in strategy::record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = record.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(decoded) = Record::decode(record.fact.kind(), &bytes) {
            prop_assert_eq!(decoded.encode().unwrap(), bytes);
        }
    }
}
