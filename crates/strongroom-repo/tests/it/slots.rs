//! Who can open a repository, and how that changes.

use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Passphrase, SlotId, SlotKey, SystemRandom};
use strongroom_repo::{Credential, Error, ErrorKind, NewSlot, Repository, Settings, SlotKind};
use strongroom_store::{MemoryStore, Store, StoreExt as _};

use crate::world::{copy, die_at_every_call, key, memory, names, open, passphrase, wait};

fn second() -> (NewSlot, Credential) {
    let passphrase = Arc::new(Passphrase::from("another"));
    let new = NewSlot::Passphrase(passphrase.clone(), Argon2Params::FASTEST);
    (new, Credential::Passphrase(passphrase))
}

fn with_second() -> (Arc<MemoryStore>, SlotId) {
    let (store, created) = memory();
    let id = wait(created.repository.add_slot("second", second().0))
        .unwrap()
        .id;
    (store, id)
}

fn kinds(repository: &Repository) -> Vec<SlotKind> {
    wait(repository.slots())
        .unwrap()
        .into_iter()
        .map(|slot| slot.kind)
        .collect()
}

#[test]
fn slots_are_listed_with_what_people_call_them() {
    let (store, _) = with_second();
    let slots = wait(open(&store, &second().1).unwrap().slots()).unwrap();
    let labels: Vec<_> = slots.iter().map(|slot| slot.label.as_str()).collect();
    assert_eq!(labels, ["main", "recovery code", "second"]);
    assert_eq!(
        slots.iter().map(|slot| slot.current).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(slots[1].kind, SlotKind::RecoveryCode);
}

#[test]
fn an_added_slot_opens_and_the_others_still_do() {
    let (store, _) = with_second();
    open(&store, &second().1).unwrap();
    open(&store, &passphrase()).unwrap();
}

#[test]
fn a_recipient_opens_with_its_key_and_a_pin() {
    let (store, created) = memory();
    let private = Arc::new(SlotKey::generate(&SystemRandom).unwrap());
    wait(
        created
            .repository
            .add_slot("robot", NewSlot::Recipient(private.public())),
    )
    .unwrap();
    let credential = Credential::Key(private);
    assert_eq!(
        open(&store, &credential).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    let store: Arc<dyn Store> = store;
    wait(
        Repository::builder(store)
            .pin(created.pin)
            .open(&credential),
    )
    .unwrap();
}

#[test]
fn handles_that_were_open_follow_a_new_keyring() {
    let (store, created) = memory();
    let other = open(&store, &passphrase()).unwrap();
    wait(created.repository.add_slot("second", second().0)).unwrap();
    assert_eq!(kinds(&other).len(), 3);
    wait(other.add_slot("third", second().0)).unwrap();
    assert_eq!(kinds(&created.repository).len(), 4);
}

#[test]
fn a_revoked_slot_opens_nothing_and_the_old_keyrings_are_gone() {
    let (store, id) = with_second();
    let repository = open(&store, &passphrase()).unwrap();
    let report = wait(repository.revoke_slot(id)).unwrap();
    assert_eq!(report.opened_epoch, Some(1));
    assert!(report.left.is_empty());
    assert!(report.still_readable().contains("before"));
    assert_eq!(
        open(&store, &second().1).unwrap_err().kind(),
        ErrorKind::WrongKey
    );
    assert_eq!(kinds(&open(&store, &passphrase()).unwrap()).len(), 2);
    let keyrings: Vec<_> = names(&store)
        .into_iter()
        .filter(|name| name.starts_with("keyring/"))
        .collect();
    assert_eq!(
        keyrings,
        ["keyring/0000000000000002", "keyring/0000000000000002.copy"]
    );
    assert_eq!(
        wait(repository.revoke_slot(id)).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    wait(repository.add_slot("third", second().0)).unwrap();
    open(&store, &second().1).unwrap();
}

#[test]
fn who_kept_the_old_objects_is_told_that_the_slot_was_revoked() {
    let (store, id) = with_second();
    let old = copy(&store);
    wait(open(&store, &passphrase()).unwrap().revoke_slot(id)).unwrap();
    for name in names(&old)
        .into_iter()
        .filter(|name| !name.starts_with("journal/"))
    {
        let bytes = wait(old.get_all(&key(&name))).unwrap();
        wait(store.replace(&key(&name), bytes)).unwrap();
    }
    wait(store.delete(&key("keyring/0000000000000002"))).unwrap();
    assert_eq!(
        open(&store, &second().1).unwrap_err().kind(),
        ErrorKind::WrongKey
    );
    open(&store, &passphrase()).unwrap();
}

#[test]
fn a_slot_may_revoke_itself_but_not_the_last_one() {
    let (store, created) = memory();
    let repository = created.repository;
    let slots = wait(repository.slots()).unwrap();
    wait(repository.revoke_slot(slots[0].id)).unwrap();
    assert_eq!(kinds(&repository), [SlotKind::RecoveryCode]);
    let error = wait(repository.revoke_slot(slots[1].id)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        open(&store, &passphrase()).unwrap_err().kind(),
        ErrorKind::WrongKey
    );
    open(&store, &created.recovery_code.unwrap().into()).unwrap();
}

#[test]
fn a_slot_whose_object_is_lost_does_not_count_as_another() {
    let (store, created) = memory();
    let slots = wait(created.repository.slots()).unwrap();
    wait(store.delete(&key(&format!("slot/{}", slots[1].id)))).unwrap();
    let error = wait(created.repository.revoke_slot(slots[0].id)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_remembered_repository_follows_a_revocation() {
    let cache = tempfile::tempdir().unwrap();
    let (store, id) = with_second();
    let open_cached = |credential: &Credential| -> Result<Repository, Error> {
        let store: Arc<dyn Store> = store.clone();
        let mut settings = Settings::default();
        settings.cache = Some(cache.path().to_owned());
        wait(
            Repository::builder(store)
                .settings(settings)
                .open(credential),
        )
    };
    open_cached(&second().1).unwrap();
    open_cached(&second().1).unwrap();
    wait(open(&store, &passphrase()).unwrap().revoke_slot(id)).unwrap();
    assert_eq!(
        open_cached(&second().1).unwrap_err().kind(),
        ErrorKind::WrongKey
    );
    open_cached(&passphrase()).unwrap();
    assert_eq!(
        open_cached(&Credential::passphrase("x"))
            .unwrap_err()
            .kind(),
        ErrorKind::WrongKey
    );
}

#[test]
fn dying_while_a_slot_is_added_locks_nobody_out() {
    let (store, _) = memory();
    die_at_every_call(
        || copy(&store),
        |faulty| {
            let repository = open(faulty, &passphrase())?;
            wait(repository.add_slot("second", second().0))
        },
        |left, added| {
            let repository = open(left, &passphrase()).unwrap();
            if added.is_ok() {
                open(left, &second().1).unwrap();
            }
            wait(repository.add_slot("again", second().0)).unwrap();
            open(left, &second().1).unwrap();
            open(left, &passphrase()).unwrap();
        },
    );
}

#[test]
fn dying_while_a_slot_is_revoked_locks_nobody_else_out() {
    let (store, id) = with_second();
    die_at_every_call(
        || copy(&store),
        |faulty| wait(open(faulty, &passphrase())?.revoke_slot(id)),
        |left, revoked| {
            let repository = open(left, &passphrase()).unwrap();
            match wait(repository.revoke_slot(id)) {
                Ok(report) => assert!(report.left.is_empty()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
            }
            drop(revoked);
            assert_eq!(
                open(left, &second().1).unwrap_err().kind(),
                ErrorKind::WrongKey
            );
            open(left, &passphrase()).unwrap();
        },
    );
}
