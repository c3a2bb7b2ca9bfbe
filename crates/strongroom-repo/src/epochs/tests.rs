//! When an epoch may be retired.

use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Id, Passphrase, Roles, SessionId, Suite};
use strongroom_format::{Body, EpochState, Forget, ObjectHash, PackClass, PackRef, Packs};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{MemoryStore, Store};

use crate::testing::{Tree, TreeSource, append_as};
use crate::{
    BackupOptions, CreateOptions, Credential, ErrorKind, NewSlot, PruneOptions, Repository,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn credential() -> Credential {
    Credential::passphrase("a passphrase")
}

fn create(store: &Arc<MemoryStore>) -> Repository {
    let options = CreateOptions::default()
        .with_suite(Suite::ChaCha20Poly1305)
        .with_argon2(Argon2Params::FASTEST);
    let builder = Repository::builder(store.clone() as Arc<dyn Store>);
    wait(builder.create(options, &credential()))
        .unwrap()
        .repository
}

/// Closes the open epoch and opens the next.
fn close(repository: &Repository) {
    let passphrase = Arc::new(Passphrase::new("another".to_owned()));
    let other = NewSlot::Passphrase(passphrase, Argon2Params::FASTEST);
    let slot = wait(repository.add_slot("other", other)).unwrap();
    wait(repository.revoke_slot(slot.id)).unwrap();
}

fn backup(repository: &Repository) -> Id {
    let source = TreeSource::new(Tree::dir([("a", Tree::file(&[7; 5_000]))]));
    let run = repository.backup(Arc::new(source), BackupOptions::new("s"), Arc::new(()));
    wait(run).unwrap().snapshot
}

fn append(repository: &Repository, roles: Roles, body: Body) {
    append_as(repository, roles, body).unwrap();
}

fn assert_refused(repository: &Repository, epoch: u32, kind: ErrorKind) {
    let error = wait(repository.retire_epoch(epoch)).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let state = repository.journal().state();
    assert_ne!(state.epochs.get(&epoch), Some(&EpochState::Retired));
}

#[test]
fn only_a_closed_epoch_is_retired_and_once() {
    let store = Arc::new(MemoryStore::new());
    let repository = create(&store);
    assert_refused(&repository, 0, ErrorKind::Invalid);
    close(&repository);
    assert_refused(&repository, 1, ErrorKind::Invalid);
    assert_refused(&repository, 2, ErrorKind::Invalid);
    wait(repository.retire_epoch(0)).unwrap();
    let head = repository.journal().state().head;
    wait(repository.retire_epoch(0)).unwrap();
    assert_eq!(repository.journal().state().head, head);
    // The other one is used as before.
    backup(&repository);
}

#[test]
fn an_epoch_on_which_packs_depend_stays_until_they_are_dropped() {
    let store = Arc::new(MemoryStore::new());
    let repository = create(&store);
    let snapshot = backup(&repository);
    close(&repository);
    assert_refused(&repository, 0, ErrorKind::Conflict);
    let forget = Forget {
        snapshots: vec![snapshot],
        ..Forget::default()
    };
    append(&repository, Roles::MAINTAINER, Body::Forget(forget));
    assert_refused(&repository, 0, ErrorKind::Conflict);
    let plan = wait(repository.plan_prune(PruneOptions::default(), Arc::new(()))).unwrap();
    wait(repository.prune(plan, Arc::new(()))).unwrap();
    wait(repository.retire_epoch(0)).unwrap();
    let state = repository.journal().state();
    assert_eq!(state.epochs.get(&0), Some(&EpochState::Retired));
}

#[test]
fn a_pack_that_is_added_after_the_others_were_looked_at_is_looked_at() {
    let store = Arc::new(MemoryStore::new());
    let admin = create(&store);
    close(&admin);
    let gate = Gate::new();
    let rule = Rule::new(Fault::PauseBefore(gate.clone()))
        .with_operation(Operation::Put)
        .with_key_prefix("journal/")
        .with_when(When::Nth(1));
    let slow: Arc<dyn Store> = Arc::new(Faulty::new(store, FaultPlan::new().with_rule(rule)));
    let slow = wait(Repository::builder(slow).open(&credential())).unwrap();
    let run = slow.retire_epoch(0);
    let meanwhile = async {
        gate.arrived(1).await;
        let packs = Packs {
            session: SessionId::from_bytes([9; 32]),
            packs: vec![PackRef {
                name: ObjectHash::of(b"a pack that nobody can look at"),
                len: 1_000,
                class: PackClass::Data,
            }],
            segments: Vec::new(),
            unknown: Default::default(),
        };
        std::thread::scope(|scope| {
            let added = scope.spawn(|| append(&admin, Roles::WRITER, Body::Packs(packs)));
            added.join().unwrap();
        });
        gate.open();
    };
    let error = wait(futures::future::join(run, meanwhile)).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    let state = slow.journal().state();
    assert_eq!(state.epochs.get(&0), Some(&EpochState::Closed));
}
