use futures::executor::block_on;
use strongroom_format::{Body, CheckRecord, Entry, Evidence, Time, object_name};
use strongroom_store::{Key, StoreExt as _};

use crate::testing::{TestStore, reopen, repository, settings};
use crate::{ErrorKind, Repository};

/// {0: 1}
const RECORD: [u8; 3] = [0xA1, 0, 1];

fn evidence() -> Evidence {
    Evidence {
        kind: "example".to_owned(),
        schema: 7,
        record: RECORD.to_vec(),
        ..Evidence::default()
    }
}

fn entry(store: &TestStore, repository: &Repository, n: u64) -> Body {
    let key = Key::parse(&object_name::journal(n)).unwrap();
    let bytes = block_on(store.get_all(&key)).unwrap();
    let entry = Entry::decode(&bytes).unwrap();
    assert!(entry.verify_signatures());
    let keys = repository.context().keys();
    entry.open(keys.structure.journal()).unwrap().body
}

#[test]
fn evidence_is_in_the_journal_as_it_was_given() {
    let (store, repository) = repository();
    let n = block_on(repository.record_evidence(evidence())).unwrap();
    assert_eq!(entry(&store, &repository, n), Body::Evidence(evidence()));
    // Whoever opens the repository later goes on behind it.
    let other = reopen(&store, settings(1));
    let record = CheckRecord {
        time: Time::new(5, 0),
        ..CheckRecord::default()
    };
    let next = block_on(other.record_evidence(record.to_evidence().unwrap())).unwrap();
    assert_eq!(next, n + 1);
    assert!(block_on(repository.snapshots()).unwrap().is_empty());
}

#[test]
fn evidence_that_says_nothing_or_too_much_is_refused() {
    let (store, repository) = repository();
    let before = store.calls().len();
    for wrong in [
        Evidence {
            kind: " ".to_owned(),
            ..evidence()
        },
        Evidence {
            sensitive: Some((0, Vec::new())),
            ..evidence()
        },
    ] {
        let error = block_on(repository.record_evidence(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(store.calls().len(), before);
    for record in [
        Vec::new(),
        vec![0x80],
        // Keys in disorder.
        vec![0xA2, 1, 0, 0, 0],
        // More than an entry holds: {0: bytes}.
        [&[0xA1, 0, 0x5A, 0, 0x20, 0, 0][..], &[0; 1 << 21]].concat(),
    ] {
        let wrong = Evidence {
            record,
            ..evidence()
        };
        let error = block_on(repository.record_evidence(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(block_on(repository.record_evidence(evidence())).unwrap(), 1);
}

#[test]
fn two_who_leave_evidence_at_once_both_do() {
    let (store, first) = repository();
    let second = reopen(&store, settings(1));
    let both = block_on(async {
        futures::join!(
            first.record_evidence(evidence()),
            second.record_evidence(evidence())
        )
    });
    let mut numbers = [both.0.unwrap(), both.1.unwrap()];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
}
