//! What becomes of what is sealed under an epoch that ends.

use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Passphrase, Roles, SlotId, Suite};
use strongroom_format::{Body, EpochState, Keys, ObjectHash, PackClass};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{MemoryStore, Store};

use super::support::*;
use crate::backup::BackupReport;
use crate::backup::tests::{assert_restores, backup, options};
use crate::testing::{TestStore, Tree, noise};
use crate::{CreateOptions, Credential, NewSlot, Repository};

/// An encrypted repository with epoch 0, and a slot whose revocation closes it.
struct Sealed {
    store: Arc<TestStore>,
    credential: Credential,
    admin: Repository,
    slot: SlotId,
}

impl Sealed {
    fn new() -> Self {
        let store = Arc::new(TestStore::new(MemoryStore::new()));
        let credential = Credential::passphrase("a passphrase");
        let options = CreateOptions::default()
            .with_suite(Suite::ChaCha20Poly1305)
            .with_argon2(Argon2Params::FASTEST);
        let builder = Repository::builder(store.clone() as Arc<dyn Store>);
        let created = wait(builder.create(options, &credential)).unwrap();
        let passphrase = Arc::new(Passphrase::new("another".to_owned()));
        let other = NewSlot::Passphrase(passphrase, Argon2Params::FASTEST);
        let admin = created.repository;
        let slot = wait(admin.add_slot("other", other)).unwrap().id;
        Self {
            store,
            credential,
            admin,
            slot,
        }
    }

    fn open(&self, store: Arc<dyn Store>) -> Repository {
        wait(Repository::builder(store).open(&self.credential)).unwrap()
    }

    /// Closes epoch 0, and opens epoch 1.
    fn close(&self) {
        wait(self.admin.revoke_slot(self.slot)).unwrap();
    }

    /// Retires epoch 0.
    fn retire(&self) {
        let epochs = vec![(0, EpochState::Retired)];
        let keys = Keys {
            epochs,
            ..Keys::default()
        };
        append(&self.admin, Roles::ADMIN, Body::Keys(keys));
    }

    /// Backs up while something happens to the epoch.
    fn back_up_meanwhile(&self, tree: &Tree, act: impl FnOnce(&Self) + Send) -> BackupReport {
        let gate = Gate::new();
        let rule = Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Put)
            .with_key_prefix("journal/")
            .with_when(When::Nth(1));
        let plan = FaultPlan::new().with_rule(rule);
        let repository = self.open(Arc::new(Faulty::new(self.store.clone(), plan)));
        let run = repository.backup(source(tree), options(), Arc::new(()));
        let meanwhile = async {
            gate.arrived(1).await;
            std::thread::scope(|scope| {
                let ended = scope.spawn(|| act(self));
                ended.join().unwrap();
            });
            gate.open();
        };
        wait(futures::future::join(run, meanwhile)).0.unwrap()
    }
}

#[test]
fn a_new_epoch_is_used_when_the_old_one_is_closed_or_retired() {
    for retire in [false, true] {
        let sealed = Sealed::new();
        let old_file = || ("old", Tree::file(&noise(1, 9_000)));
        let sub = || ("sub", Tree::dir([("x", Tree::file(b"x"))]));
        let first = backup(&sealed.admin, &Tree::dir([old_file(), sub()]));
        let more = Tree::dir([("new", Tree::file(&noise(2, 9_000))), old_file(), sub()]);
        let report = sealed.back_up_meanwhile(&more, |sealed| {
            sealed.close();
            if retire {
                sealed.retire();
            }
        });
        assert_eq!(report.passes, 2);
        let opened = sealed.open(sealed.store.clone());
        assert_restores(&opened, &report, &more);
        let (old, new) = packs_by_epoch(&opened);
        assert!(!new.is_empty());
        let listed = wait(opened.snapshots()).unwrap();
        let details = listed.last().unwrap().snapshot.details.as_ref();
        assert_eq!(details.unwrap().0, 1);
        if retire {
            // What is sealed under the retired epoch is no ground for anything.
            forget(&opened, vec![first.snapshot]);
            bury(&opened, old, Vec::new());
            assert_restores(&opened, &report, &more);
        }
    }
}

#[test]
fn what_an_earlier_epoch_holds_is_no_ground_once_that_is_retired() {
    let sealed = Sealed::new();
    let tree = Tree::dir([("old", Tree::file(&noise(1, 9_000)))]);
    let first = backup(&sealed.admin, &tree);
    sealed.close();
    let report = sealed.back_up_meanwhile(&tree, |sealed| {
        // Of what a snapshot in force needs, whoever retires an epoch keeps a copy under another.
        forget(&sealed.admin, vec![first.snapshot]);
        sealed.retire();
    });
    assert_eq!(report.passes, 2);
    let opened = sealed.open(sealed.store.clone());
    bury(&opened, packs_by_epoch(&opened).0, Vec::new());
    assert_restores(&opened, &report, &tree);
}

/// The packs with anything sealed under epoch 0, and those with anything sealed under epoch 1.
fn packs_by_epoch(repository: &Repository) -> (Vec<ObjectHash>, Vec<ObjectHash>) {
    let this = repository.clone();
    with_remote(repository, move |remote| {
        let state = this.journal().refresh(remote, this.context())?;
        let index = this.index(remote, &state)?;
        let blobs = crate::blobs::Blobs::new(remote.clone(), this.context().clone(), index, 0);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for pack in blobs.index().packs()? {
            let header = blobs.header(&pack)?;
            let has = |epoch| header.sessions.iter().any(|one| one.epoch == epoch);
            // Pages are sealed under no epoch.
            let is_content = pack.class != PackClass::Pages;
            old.extend((is_content && has(0)).then_some(pack.name));
            new.extend((is_content && has(1)).then_some(pack.name));
        }
        Ok((old, new))
    })
}
