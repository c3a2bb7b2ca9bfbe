use std::time::Duration;

use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::{
    Abandon, Condemn, Dropped, IndexChange, PackClass, PackRef, Packs, SegmentRef,
};

use super::*;
use crate::edge;
use crate::repository::Repository;
use crate::testing::{Shape, Tree, Writer, append, forget, repository};

fn hash(byte: u8) -> ObjectHash {
    ObjectHash::from_bytes([byte; 32])
}

fn session(byte: u8) -> SessionId {
    SessionId::from_bytes([byte; 32])
}

fn history(repository: &Repository) -> History {
    let this = repository.clone();
    futures::executor::block_on(edge::run(repository.store(), "test", move |remote| {
        this.journal()
            .history_with_forgotten(remote, this.context())
    }))
    .unwrap()
}

fn packs(session: SessionId, name: ObjectHash) -> Body {
    Body::Packs(Packs {
        session,
        packs: vec![PackRef {
            name,
            len: 1,
            class: PackClass::Data,
        }],
        segments: Vec::new(),
        unknown: strongroom_format::Unknown::default(),
    })
}

fn tombstone(packs: Vec<ObjectHash>, sessions: Vec<SessionId>) -> Body {
    Body::Tombstone(Tombstone {
        dropped: Dropped {
            packs,
            sessions,
            ..Dropped::default()
        },
        ..Tombstone::default()
    })
}

fn snapshot(repository: &Repository, series: &str) -> Id {
    let tree = Tree::dir([("file", Tree::file(series.as_bytes()))]);
    Writer::new(repository, Shape::default()).snapshot(&tree, series)
}

#[test]
fn it_says_when_packs_were_dropped_and_condemned() {
    let (_, repository) = repository();
    append(&repository, packs(session(1), hash(1)));
    append(&repository, packs(session(1), hash(2)));
    let condemn = |packs| {
        Body::Condemn(Condemn {
            packs,
            ..Condemn::default()
        })
    };
    let condemned = append(&repository, condemn(vec![hash(1), hash(2), hash(9)]));
    append(&repository, condemn(vec![hash(1)]));
    let dropped = append(&repository, tombstone(vec![hash(2), hash(7)], Vec::new()));
    append(&repository, tombstone(vec![hash(2)], Vec::new()));
    let history = history(&repository);
    let numbers = |map: &BTreeMap<ObjectHash, When>| -> Vec<_> {
        map.iter().map(|(name, when)| (*name, when.n)).collect()
    };
    assert_eq!(numbers(&history.condemned), [(hash(1), condemned)]);
    assert_eq!(
        numbers(&history.dropped),
        [(hash(2), dropped), (hash(7), dropped)]
    );
    assert_eq!(history.state.head, 7);
}

#[test]
fn it_says_when_sessions_last_spoke_until_they_end() {
    let (_, repository) = repository();
    for name in 1..=3 {
        append(&repository, packs(session(name), hash(name)));
    }
    let again = append(&repository, packs(session(1), hash(4)));
    append(
        &repository,
        Body::Abandon(Abandon {
            sessions: vec![session(2)],
            ..Abandon::default()
        }),
    );
    append(&repository, tombstone(Vec::new(), vec![session(3)]));
    let history = history(&repository);
    let spoke: Vec<_> = history
        .sessions
        .iter()
        .map(|(session, when)| (*session, when.n))
        .collect();
    assert_eq!(spoke, [(session(1), again)]);
}

#[test]
fn it_keeps_what_was_forgotten_until_it_is_in_force_again() {
    let (_, repository) = repository();
    let (one, two) = (snapshot(&repository, "one"), snapshot(&repository, "two"));
    let n = forget(&repository, one);
    let read = history(&repository);
    let [record] = read.forgotten()[..] else {
        panic!("{:?}", read.forgotten())
    };
    assert_eq!((record.id, record.snapshot.series.as_str()), (one, "one"));
    assert_eq!((record.committed.n, record.forgotten.n), (1, n));
    assert_eq!(read.committed(&two).map(|when| when.n), Some(2));
    assert_eq!(read.committed(&one), None);
    let again = strongroom_format::Commit {
        snapshot: record.snapshot.clone(),
        packs: Vec::new(),
        segments: Vec::new(),
        session: session(8),
        seen: None,
        unknown: strongroom_format::Unknown::default(),
    };
    append(&repository, Body::Commit(Box::new(again)));
    let history = history(&repository);
    assert!(history.forgotten().is_empty());
    assert_eq!(history.committed(&one).map(|when| when.n), Some(n + 1));
}

#[test]
fn what_was_forgotten_is_kept_only_for_who_asks() {
    let (_, repository) = repository();
    let id = snapshot(&repository, "one");
    forget(&repository, id);
    assert!(history(&repository).forgotten_one(&id).is_some());
    let this = repository.clone();
    let plain = edge::run(repository.store(), "test", move |remote| {
        this.journal().history(remote, this.context())
    });
    let plain = futures::executor::block_on(plain).unwrap();
    assert!(plain.forgotten().is_empty() && plain.committed(&id).is_none());
}

#[test]
fn it_covers_what_follows_it_in_its_own_journal_and_nothing_else() {
    let (store, repository) = repository();
    append(&repository, packs(session(1), hash(1)));
    let older = repository.journal().state();
    append(&repository, packs(session(1), hash(2)));
    let read = history(&repository);
    append(&repository, packs(session(1), hash(3)));
    let (journal, newer) = (repository.journal(), repository.journal().state());
    assert!(read.covers(journal, &read.state) && read.covers(journal, &newer));
    assert!(!read.covers(journal, &older), "an older state");
    let mut another = State::clone(&read.state);
    another.head_hash = hash(9);
    assert!(!read.covers(journal, &another), "another history");
    let other = crate::testing::reopen(&store, crate::testing::settings(2));
    assert!(!read.covers(other.journal(), &newer), "another's journal");
}

#[test]
fn it_reads_every_entry_itself_and_no_checkpoint() {
    let (store, repository) = repository();
    for byte in 0..150 {
        append(&repository, packs(session(byte), hash(byte)));
    }
    append(
        &repository,
        Body::Index(IndexChange {
            removed: vec![hash(200)],
            added: vec![SegmentRef {
                name: hash(201),
                len: 9,
                entries: 1,
            }],
            ..IndexChange::default()
        }),
    );
    store.reset();
    let history = history(&repository);
    assert_eq!(
        history.state.head_hash,
        repository.journal().state().head_hash
    );
    assert_eq!(history.sessions.len(), 150);
    assert_eq!(history.dropped.len(), 1);
    let read: Vec<String> = store.calls().into_iter().map(|call| call.key).collect();
    assert!(
        read.iter().all(|key| !key.starts_with("checkpoint/")),
        "{read:?}"
    );
    // Genesis, two bundles, and what follows them; and whether there is something new.
    assert!(read.len() < 35, "{read:?}");
}

#[test]
fn ages_are_of_the_authors_clocks_and_the_future_is_young() {
    let at = |seconds| Time::new(seconds, 0);
    let when = When {
        n: 1,
        time: at(100),
    };
    assert!(when.is_older(Duration::from_secs(10), at(110)));
    assert!(!when.is_older(Duration::from_secs(10), at(109)));
    assert!(!when.is_older(Duration::from_secs(10), at(50)));
    assert!(when.is_older(Duration::ZERO, at(50)));
}

#[test]
fn roles_of_a_tombstone_are_a_maintainers() {
    assert!(
        tombstone(Vec::new(), Vec::new())
            .roles_needed()
            .intersects(Roles::MAINTAINER)
    );
}
