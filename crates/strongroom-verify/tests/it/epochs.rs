//! Content under epochs that were closed or retired.

use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Suite};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{
    Added, Body, Dropped, EpochState, Keys, PackClass, PackRef, Tombstone, object_name,
};
use strongroom_repo::testing::{Tree, TreeSource};
use strongroom_repo::{AuditScope, BackupOptions, CreateOptions, Repository};
use strongroom_store::{MemoryStore, Store as _};
use strongroom_verify::{Finding, Level, Problem, Report, Severity, Subject};

use crate::insider::{Insider, key, wait};
use crate::lab::check;
use crate::museum::{builder, credential, noise};

const SUITE: Suite = Suite::Aes256Gcm;

/// A repository of one snapshot, before its commit.
struct Begun {
    store: Arc<MemoryStore>,
    insider: Insider,
    repository: Repository,
    commit: Body,
}

impl Begun {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let options = CreateOptions::default()
            .with_suite(SUITE)
            .with_argon2(Argon2Params::FASTEST);
        let credential = credential(SUITE);
        let created = builder(&store, 1, 1_750_000_000).create(options, &credential);
        let repository = wait(created).unwrap().repository;
        let tree = Tree::dir([("a", Tree::file(&noise(1, 9_000)))]);
        let source = Arc::new(TreeSource::new(tree));
        let options = BackupOptions::new("home");
        wait(repository.backup(source, options, Arc::new(()))).unwrap();
        let insider = Insider::of(&store);
        let mut payloads = insider.payloads(&store);
        assert_eq!(payloads.len(), 2);
        let Some(Body::Commit(mut commit)) = payloads.pop().map(|payload| payload.body) else {
            panic!("the last entry commits");
        };
        commit.seen = None;
        wait(store.delete(&key(&object_name::journal(1)))).unwrap();
        Self {
            store,
            insider,
            repository,
            commit: Body::Commit(commit),
        }
    }

    fn append(&self, body: Body) -> u64 {
        self.insider.append(&self.store, body)
    }

    fn set(&self, state: EpochState) -> u64 {
        self.append(Body::Keys(Keys {
            epochs: vec![(0, state)],
            ..Keys::default()
        }))
    }

    /// Packs with something under an epoch.
    fn sealed(&self) -> Vec<PackRef> {
        let Body::Commit(commit) = &self.commit else {
            panic!("it commits");
        };
        let packs = commit.packs.iter().copied();
        packs
            .filter(|pack| pack.class != PackClass::Pages)
            .collect()
    }

    /// What is said of epochs, by whoever can open headers.
    fn findings(&self) -> Vec<Finding> {
        let [one, other] = [AuditScope::Structure, AuditScope::Content].map(|scope| {
            let keys = self.repository.audit_keys(scope).unwrap();
            of_epochs(&check(&self.store, Some(keys), Level::Rebuilt))
        });
        assert_eq!(one, other);
        let bare = check(&self.store, None, Level::Rebuilt);
        assert_eq!(of_epochs(&bare), []);
        one
    }
}

fn of_epochs(report: &Report) -> Vec<Finding> {
    let problems = [Problem::ClosedEpoch, Problem::RetiredEpoch];
    let all = report.findings().iter();
    let found = all.filter(|one| problems.contains(&one.problem));
    found.cloned().collect()
}

#[test]
fn content_that_a_session_adds_under_a_closed_epoch_is_noticed() {
    let begun = Begun::new();
    let closed = begun.set(EpochState::Closed);
    let n = begun.append(begun.commit.clone());
    let [one] = begun.findings().try_into().unwrap();
    assert_eq!(
        (one.severity, one.problem),
        (Severity::Damage, Problem::ClosedEpoch)
    );
    assert_eq!(one.subject, Subject::Object(ObjectName::Journal(n)));
    let by = format!("of epoch 0, which entry {closed} closed");
    assert_eq!(one.detail, by);
}

#[test]
fn what_was_added_while_the_epoch_was_open_stays_good() {
    let begun = Begun::new();
    begun.append(begun.commit.clone());
    begun.set(EpochState::Closed);
    assert_eq!(begun.findings(), []);

    let begun = Begun::new();
    begun.set(EpochState::Closed);
    begun.set(EpochState::Open);
    begun.append(begun.commit.clone());
    assert_eq!(begun.findings(), []);
}

#[test]
fn frames_that_are_moved_stay_under_a_closed_epoch() {
    let begun = Begun::new();
    begun.set(EpochState::Closed);
    let Body::Commit(mut commit) = begun.commit.clone() else {
        panic!("it commits");
    };
    // Somebody else adds the packs, as whoever moves frames does.
    let added = Added {
        packs: std::mem::take(&mut commit.packs),
        segments: std::mem::take(&mut commit.segments),
        ..Added::default()
    };
    begun.append(Body::Tombstone(Tombstone {
        added,
        ..Tombstone::default()
    }));
    begun.append(Body::Commit(commit));
    assert_eq!(begun.findings(), []);
}

#[test]
fn a_pack_in_force_under_a_retired_epoch_is_noticed_whenever_it_was_added() {
    for is_late in [false, true] {
        let begun = Begun::new();
        let added = (!is_late).then(|| begun.append(begun.commit.clone()));
        begun.set(EpochState::Closed);
        let by = begun.set(EpochState::Retired);
        let added = added.unwrap_or_else(|| begun.append(begun.commit.clone()));
        let sealed = begun.sealed();
        let found = begun.findings();
        assert_eq!(found.len(), sealed.len());
        for one in &found {
            assert_eq!(one.severity, Severity::Damage);
            assert_eq!(one.problem, Problem::RetiredEpoch);
            assert!(
                sealed
                    .iter()
                    .any(|pack| one.subject == Subject::Object(ObjectName::Pack(pack.name)))
            );
            let said = format!("entry {by} retired");
            assert!(one.detail.contains(&said), "{one}");
            let late = format!("; entry {added} added it");
            assert_eq!(one.detail.ends_with(&late), is_late, "{one}");
        }
        // Dropped, they are nobody's concern.
        begun.append(Body::Tombstone(Tombstone {
            dropped: Dropped {
                packs: sealed.iter().map(|pack| pack.name).collect(),
                ..Dropped::default()
            },
            ..Tombstone::default()
        }));
        assert_eq!(begun.findings(), []);
    }
}
