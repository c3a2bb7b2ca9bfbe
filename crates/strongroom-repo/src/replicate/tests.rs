use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::{Argon2Params, GenesisPin, Roles, Suite};
use strongroom_format::{Body, Dropped, ObjectHash, Tombstone, object_name};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, MemoryStore, Store, StoreExt as _};

use super::ReplicaReport;
use crate::context::object_key;
use crate::testing::{MemoryTarget, Shape, TestStore, Tree, Writer, copy_of, repository};
use crate::{
    CreateOptions, Credential, Error, ErrorKind, NewSlot, Repository, RestoreOptions, Result, edge,
};

fn replicate(repository: &Repository, to: &Arc<impl Store>) -> Result<ReplicaReport> {
    let to: Arc<dyn Store> = to.clone();
    block_on(repository.replicate(to, Arc::new(())))
}

fn tree(number: u8) -> Tree {
    let file = |name: u8| Tree::file(&[name ^ number; 700]);
    let below = Tree::dir([("d", file(4)), ("e", Tree::Symlink(b"d".to_vec()))]);
    Tree::dir([("a", file(1)), ("b", file(2)), ("c", below)])
}

fn commit(repository: &Repository, number: u8) {
    Writer::new(repository, Shape::default()).snapshot(&tree(number), &number.to_string());
}

fn open(store: &Arc<impl Store>) -> Result<Repository> {
    let store: Arc<dyn Store> = store.clone();
    block_on(Repository::builder(store).open(&Credential::None))
}

/// Restores every snapshot, whose series tells which tree it is. Returns how many there are.
fn check(repository: &Repository) -> usize {
    let snapshots = block_on(repository.snapshots()).unwrap();
    for info in &snapshots {
        let target = Arc::new(MemoryTarget::default());
        let restore = repository.restore(
            &info.id,
            target.clone(),
            RestoreOptions::default(),
            Arc::new(()),
        );
        let report = block_on(restore).unwrap();
        assert!(report.is_complete(), "{report:?}");
        let number = info.snapshot.series.parse().unwrap();
        assert!(target.flat() == tree(number).flat());
    }
    snapshots.len()
}

/// Drops these packs and segments, and deletes them if `delete` says so.
fn drop_objects(
    repository: &Repository,
    packs: Vec<ObjectHash>,
    segments: Vec<ObjectHash>,
    delete: bool,
) {
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let dropped = Dropped {
            packs: packs.clone(),
            segments: segments.clone(),
            ..Dropped::default()
        };
        let body = Tombstone {
            dropped,
            ..Tombstone::default()
        };
        this.journal()
            .append(remote, this.context(), Roles::MAINTAINER, &mut |_| {
                Ok(Body::Tombstone(body.clone()))
            })?;
        let packs = packs.iter().map(object_name::pack);
        for name in packs.chain(segments.iter().map(object_name::index)) {
            if delete {
                remote.delete(&object_key(&name)?)?;
            }
        }
        Ok(())
    });
    block_on(run).unwrap();
}

/// Commits a tree, commits it once more in other packs, and drops the first ones.
fn commit_and_repack(repository: &Repository, number: u8, delete: bool) {
    let before = repository.journal().state();
    commit(repository, number);
    let after = repository.journal().state();
    commit(repository, number);
    let new = |name: &&ObjectHash| {
        !before.packs.contains(name).unwrap() && !before.segments.contains_key(*name)
    };
    let packs = after.packs.all().keys().filter(new).copied().collect();
    let segments = after.segments.keys().filter(new).copied().collect();
    drop_objects(repository, packs, segments, delete);
}

/// Replicates into a copy of `before`, interrupted at every call of the other store, before and after its effect; gives what is
/// left to `check`, and then resumes.
fn interrupt_everywhere(
    repository: &Repository,
    before: &MemoryStore,
    mut check: impl FnMut(&Arc<MemoryStore>),
) {
    for after in [false, true] {
        for call in 1.. {
            let memory = copy_of(before);
            let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::new()));
            if after {
                let last = Fault::FailAfter(StoreKind::Unavailable);
                store.inject(Rule::new(last).with_when(When::Nth(call)));
            }
            let gone = Fault::FailBefore(StoreKind::Unavailable);
            let from = call + u64::from(after);
            store.inject(Rule::new(gone).with_when(When::From(from)));
            let result = replicate(repository, &store);
            let died = store.fired() > 0;
            assert!(died || result.unwrap().is_complete());
            check(&memory);
            let report = replicate(repository, &memory).unwrap();
            assert!(report.is_complete(), "{report}");
            if !died {
                break;
            }
            assert!(call < 500, "it never comes through");
        }
    }
}

#[test]
fn a_replica_opens_and_restores_and_is_brought_up_to_date() {
    let (_, repository) = repository();
    commit(&repository, 1);
    let replica = Arc::new(TestStore::new(MemoryStore::new()));
    let report = replicate(&repository, &replica).unwrap();
    assert!(report.is_complete());
    assert_eq!((report.head, report.entries, report.segments), (2, 2, 1));
    assert_eq!(check(&open(&replica).unwrap()), 1);
    replica.reset();
    let report = replicate(&repository, &replica).unwrap();
    assert_eq!((report.entries, report.packs, report.bytes), (0, 0, 0));
    assert_eq!(replica.count(Operation::Put), 0);
    assert_eq!(
        (
            replica.count(Operation::List),
            replica.count(Operation::Delete)
        ),
        (1, 0)
    );
    for number in 2..70 {
        commit(&repository, number);
    }
    let report = replicate(&repository, &replica).unwrap();
    assert_eq!(report.entries, 68);
    let bundle = object_key(&object_name::bundle(64)).unwrap();
    assert!(block_on(replica.exists(&bundle)).unwrap());
    assert_eq!(check(&open(&replica).unwrap()), 69);
    // The original is lost: the replica is a repository.
    commit(&open(&replica).unwrap(), 70);
}

#[test]
fn an_interrupted_replication_is_an_earlier_state_and_is_resumed() {
    let (_, repository) = repository();
    interrupt_everywhere(&repository, &MemoryStore::new(), |_| {});
    commit(&repository, 1);
    let first = Arc::new(MemoryStore::new());
    // A first one can be opened when it is complete.
    interrupt_everywhere(&repository, &first, |replica| {
        if let Ok(opened) = open(replica) {
            assert_eq!(check(&opened), 1);
        }
    });
    replicate(&repository, &first).unwrap();
    commit(&repository, 2);
    commit_and_repack(&repository, 3, false);
    commit(&repository, 4);
    let mut seen = std::collections::BTreeSet::new();
    interrupt_everywhere(&repository, &first, |replica| {
        seen.insert(check(&open(replica).unwrap()));
    });
    assert!(
        seen.iter().eq(&[1, 2, 3, 4, 5]),
        "every prefix can be read: {seen:?}"
    );
}

#[test]
fn no_prefix_that_names_what_is_deleted_is_ever_shown() {
    let (_, repository) = repository();
    commit(&repository, 1);
    let first = Arc::new(MemoryStore::new());
    replicate(&repository, &first).unwrap();
    commit(&repository, 2);
    commit_and_repack(&repository, 3, true);
    commit(&repository, 4);
    let mut seen = std::collections::BTreeSet::new();
    interrupt_everywhere(&repository, &first, |replica| match open(replica) {
        Ok(opened) => drop(seen.insert(check(&opened))),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged, "{error}"),
    });
    assert!(
        seen.iter().eq(&[1, 2, 4, 5]),
        "the prefix of 3 is hollow: {seen:?}"
    );
}

#[test]
fn a_first_replica_has_nothing_of_what_was_dropped() {
    let (_, repository) = repository();
    commit_and_repack(&repository, 1, false);
    let replica = Arc::new(MemoryStore::new());
    let report = replicate(&repository, &replica).unwrap();
    assert_eq!(
        report.packs,
        repository.journal().state().packs.len() as u64
    );
    assert_eq!(check(&open(&replica).unwrap()), 2);
}

#[test]
fn what_is_dropped_and_deleted_meanwhile_is_replaced() {
    let (store, repository) = repository();
    commit(&repository, 1);
    let gate = Gate::new();
    let faulty = Arc::new(Faulty::new(store, FaultPlan::new()));
    let pause = Rule::new(Fault::PauseBefore(gate.clone()))
        .with_operation(Operation::Get)
        .with_key_prefix("pack/")
        .with_when(When::Nth(1));
    let slow = open(&faulty).unwrap();
    faulty.inject(pause);
    let replica = Arc::new(MemoryStore::new());
    let to: Arc<dyn Store> = replica.clone();
    let pruned = async {
        gate.arrived(1).await;
        let state = repository.journal().state();
        let (packs, segments) = (&state.packs, &state.segments);
        let other = repository.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                commit(&other, 1);
                let packs = packs.all().keys().copied().collect();
                drop_objects(&other, packs, segments.keys().copied().collect(), true);
            });
        });
        gate.open();
    };
    let (report, ()) = block_on(futures::future::join(
        slow.replicate(to, Arc::new(())),
        pruned,
    ));
    let report = report.unwrap();
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.head, 4);
    assert_eq!(check(&open(&replica).unwrap()), 2);
}

#[test]
fn another_journal_is_refused() {
    let (_, repository) = repository();
    commit(&repository, 1);
    let refused = |to: &Arc<MemoryStore>, kind: ErrorKind| -> Error {
        let error = replicate(&repository, to).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        error
    };
    let replica = Arc::new(MemoryStore::new());
    replicate(&repository, &replica).unwrap();
    let ahead = copy_of(&replica);
    commit(&open(&ahead).unwrap(), 2);
    let error = refused(&ahead, ErrorKind::Conflict);
    assert_eq!(error.object(), Some(&*object_name::journal(2)));
    commit(&repository, 2);
    let error = refused(&ahead, FORK);
    let heads = error.heads().unwrap();
    assert!(heads.remembered.n == 2 && heads.found.is_some_and(|found| found.n == 2));
    assert_eq!(error.object(), Some(&*object_name::journal(2)));
    commit(&repository, 3);
    refused(&ahead, FORK);
    commit(&open(&replica).unwrap(), 5);
    refused(&replica, FORK);
    let (_, other) = crate::testing::repository();
    let other_store = Arc::new(MemoryStore::new());
    replicate(&other, &other_store).unwrap();
    refused(&other_store, ErrorKind::Conflict);
    let foreign = Arc::new(MemoryStore::new());
    block_on(foreign.put_new(&object_key("photos/1").unwrap(), "x".into())).unwrap();
    refused(&foreign, ErrorKind::AlreadyExists);
}

const FORK: ErrorKind = ErrorKind::Fork;

#[test]
fn what_is_lost_here_is_named_and_what_is_whole_there_stays() {
    let (store, repository) = repository();
    commit(&repository, 1);
    let old = Arc::new(MemoryStore::new());
    replicate(&repository, &old).unwrap();
    let [pack, other] = [0, 1].map(|at| {
        let state = repository.journal().state();
        object_name::pack(state.packs.all().keys().nth(at).unwrap())
    });
    let key = object_key(&pack).unwrap();
    let mut bytes = block_on(store.get_all(&key)).unwrap().to_vec();
    bytes[100] ^= 1;
    block_on(store.delete(&key)).unwrap();
    block_on(store.put_new(&key, bytes.into())).unwrap();
    block_on(store.delete(&object_key(&other).unwrap())).unwrap();
    let new = Arc::new(MemoryStore::new());
    let report = replicate(&repository, &new).unwrap();
    assert_eq!(report.lost, [pack.clone(), other]);
    assert!(!report.is_complete() && report.to_string().contains(&pack));
    assert!(!block_on(new.exists(&key)).unwrap(), "damage is not copied");
    assert!(replicate(&repository, &old).unwrap().is_complete());
    assert_eq!(check(&open(&old).unwrap()), 1);
}

#[test]
fn a_torn_object_there_is_put_again() {
    let (_, repository) = repository();
    commit(&repository, 1);
    let replica = Arc::new(MemoryStore::new());
    replicate(&repository, &replica).unwrap();
    let pack = object_name::pack(
        repository
            .journal()
            .state()
            .packs
            .all()
            .keys()
            .next()
            .unwrap(),
    );
    let key = object_key(&pack).unwrap();
    block_on(replica.delete(&key)).unwrap();
    block_on(replica.put_new(&key, "half".into())).unwrap();
    let report = replicate(&repository, &replica).unwrap();
    assert_eq!((report.repaired.as_slice(), report.packs), (&[pack][..], 1));
    assert_eq!(check(&open(&replica).unwrap()), 1);
}

#[test]
fn a_replica_is_compared_and_nothing_is_changed() {
    let (_, repository) = repository();
    commit(&repository, 1);
    let replica = Arc::new(TestStore::new(MemoryStore::new()));
    let compare = || {
        replica.reset();
        let with: Arc<dyn Store> = replica.clone();
        let difference = block_on(repository.compare_replica(with)).unwrap();
        let calls = replica.calls();
        let changes = |call: &&strongroom_store::wrap::Call| {
            matches!(call.operation, Operation::Put | Operation::Delete)
        };
        assert_eq!(calls.iter().filter(changes).count(), 0);
        difference
    };
    let nothing = compare();
    assert_eq!((nothing.head, nothing.entries), (2, 2));
    replicate(&repository, &replica).unwrap();
    let same = compare();
    assert!(same.is_same() && same.surplus == 0, "{same}");
    commit_and_repack(&repository, 2, false);
    let behind = compare();
    assert_eq!(behind.entries, 3);
    assert!(!behind.missing.is_empty() && !behind.is_same(), "{behind}");
    replicate(&repository, &replica).unwrap();
    let surplus = compare();
    assert!(
        surplus.is_same() && surplus.surplus > 0,
        "what only prefixes name: {surplus}"
    );
    let pack = object_name::pack(
        repository
            .journal()
            .state()
            .packs
            .all()
            .keys()
            .next()
            .unwrap(),
    );
    let key = object_key(&pack).unwrap();
    block_on(replica.delete(&key)).unwrap();
    block_on(replica.put_new(&key, "half".into())).unwrap();
    assert_eq!(compare().torn, [pack]);
    commit(&open(&replica).unwrap(), 3);
    let ahead = compare();
    assert!(ahead.has_diverged() && !ahead.is_same(), "{ahead}");
    assert_eq!((ahead.ahead, ahead.entries, ahead.fork), (1, 0, None));
}

#[test]
fn where_two_histories_part_and_how_far_a_replica_lags_is_said() {
    let (_, repository) = repository();
    let replica = Arc::new(MemoryStore::new());
    let compare = || {
        let with: Arc<dyn Store> = replica.clone();
        block_on(repository.compare_replica(with)).unwrap()
    };
    assert_eq!(compare().lag(), None, "nothing is there yet");
    for number in 1..20 {
        commit(&repository, number);
    }
    replicate(&repository, &replica).unwrap();
    assert_eq!(compare().lag(), Some(std::time::Duration::ZERO));
    let head = repository.journal().state().head;
    commit(&repository, 20);
    commit(&repository, 21);
    let behind = compare();
    assert_eq!((behind.entries, behind.ahead, behind.fork), (2, 0, None));
    assert!(behind.lag().is_some() && !behind.has_diverged());
    assert!(behind.replicated_until <= behind.written_until);

    let other = open(&replica).unwrap();
    for number in 30..33 {
        commit(&other, number);
    }
    let parted = compare();
    let fork = parted.fork.unwrap();
    assert_eq!(
        (fork.ours.n, fork.our_entries, fork.their_entries),
        (head, 2, 3)
    );
    assert!(
        fork.theirs
            .is_some_and(|theirs| theirs.hash != fork.ours.hash)
    );
    assert_eq!((parted.entries, parted.ahead), (2, 0));
    assert!(parted.to_string().contains("another history"), "{parted}");
}

#[test]
fn a_bit_that_flipped_on_the_way_is_read_again() {
    let (store, repository) = repository();
    commit(&repository, 1);
    drop(repository);
    let flip = Rule::new(Fault::FlippedRead)
        .with_operation(Operation::Get)
        .with_key_prefix("pack/")
        .with_when(When::Nth(1));
    let plan = FaultPlan::new().with_rule(flip);
    let repository = open(&Arc::new(Faulty::new(store, plan))).unwrap();
    let replica = Arc::new(MemoryStore::new());
    assert!(replicate(&repository, &replica).unwrap().is_complete());
    assert_eq!(check(&open(&replica).unwrap()), 1);
}

#[test]
fn who_was_revoked_here_does_not_open_the_replica() {
    let store = Arc::new(MemoryStore::new());
    let admin = Credential::passphrase("correct horse");
    let options = CreateOptions::default()
        .with_suite(Suite::Aes256Gcm)
        .with_argon2(Argon2Params::FASTEST);
    let created = block_on(Repository::builder(store).create(options, &admin)).unwrap();
    let repository = created.repository;
    let second = strongroom_crypt::Passphrase::from("battery staple");
    let new = NewSlot::Passphrase(Arc::new(second), Argon2Params::FASTEST);
    let slot = block_on(repository.add_slot("second", new)).unwrap();
    commit(&repository, 1);
    let replica = Arc::new(MemoryStore::new());
    replicate(&repository, &replica).unwrap();
    let open = |passphrase: &str, pin: GenesisPin| {
        let replica: Arc<dyn Store> = replica.clone();
        let builder = Repository::builder(replica).pin(pin);
        block_on(builder.open(&Credential::passphrase(passphrase)))
    };
    assert_eq!(check(&open("battery staple", created.pin).unwrap()), 1);
    block_on(repository.revoke_slot(slot.id)).unwrap();
    let report = replicate(&repository, &replica).unwrap();
    assert!(
        report.deleted.contains(&object_name::slot(slot.id)),
        "{report}"
    );
    assert_eq!(check(&open("correct horse", created.pin).unwrap()), 1);
    let error = open("battery staple", created.pin).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
}
