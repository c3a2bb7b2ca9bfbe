//! Somebody can write to the store and has no key: what they put there is ignored or an error, and never believed.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    PublicKey, RepositoryId, Roles, Secret, SeededRandom, SigningKey, SlotKey, StructureKeys,
    Suite, SystemRandom, seal_grant,
};
use strongroom_format::{
    Body, Config, Entry, Epoch, EpochState, Genesis, Grant, KeyBundle, Keyring, ObjectHash,
    Payload, SigningEntry, Slot, SlotEntry, Time, Unknown, UnknownSecrets, object_name,
};
use strongroom_repo::{Credential, ErrorKind, NewSlot, Repository};
use strongroom_store::{MemoryStore, Store, StoreExt as _};

use crate::world::{key, memory, names, open, passphrase, wait};

/// Keys of somebody else, who can read and write all objects.
struct Forger {
    repository: RepositoryId,
    slots: Vec<Slot>,
    admin: SigningKey,
}

impl Forger {
    fn of(store: &MemoryStore, repository: RepositoryId) -> Self {
        let slots = names(store)
            .into_iter()
            .filter(|name| name.starts_with("slot/"))
            .map(|name| Slot::decode(&wait(store.get_all(&key(&name))).unwrap()).unwrap())
            .collect();
        let admin = SigningKey::from_seed(Secret::from_bytes(&[66; 32])).unwrap();
        Self {
            repository,
            slots,
            admin,
        }
    }

    fn config(&self) -> Bytes {
        let config = Config::new(self.repository, Suite::Aes256Gcm, Time::default());
        config.encode([66; 16]).unwrap().into()
    }

    fn genesis(&self) -> Bytes {
        let config = ObjectHash::of(&self.config());
        let genesis = Genesis {
            admin: *self.admin.public().as_bytes(),
            config,
            certificates: Vec::new(),
            single_writer: false,
            only_writer: None,
            probed: true,
            probe: None,
            unknown: Unknown::default(),
        };
        let random = SeededRandom::shared(66);
        let structure =
            StructureKeys::with_random(Suite::Aes256Gcm, &Secret::from_bytes(&[66; 32]), &random);
        Entry::seal(
            Suite::Aes256Gcm,
            self.repository,
            0,
            [66; 16],
            config,
            &Payload::new(Time::default(), Body::Genesis(genesis)),
            structure.journal(),
            &[&self.admin],
        )
        .unwrap()
        .into()
    }

    /// A keyring that is granted to every slot there is.
    fn keyring(&self, generation: u64) -> Bytes {
        let secret = || Secret::from_bytes(&[66; 32]);
        let slot = |slot: &Slot| SlotEntry {
            id: slot.id,
            kind: slot.method.kind(),
            label: "main".to_owned(),
            added: Time::default(),
            public: slot.public.clone(),
            role: 0,
        };
        let bundle = KeyBundle {
            id_key: secret(),
            structure_key: secret(),
            epochs: vec![Epoch {
                number: 0,
                kind: Epoch::SYMMETRIC,
                state: EpochState::Open,
                key: secret(),
            }],
            genesis: ObjectHash::of(&self.genesis()),
            signing: vec![SigningEntry {
                roles: Roles::ADMIN | Roles::WRITER,
                public: *self.admin.public().as_bytes(),
                seed: self.admin.seed().duplicate(),
            }],
            slots: self.slots.iter().map(slot).collect(),
            unknown: UnknownSecrets::default(),
        };
        let sealed = bundle
            .seal(Suite::Aes256Gcm, &secret(), &self.repository, generation, 0)
            .unwrap();
        let grants = self.slots.iter().map(|slot| self.grant(slot, generation));
        let keyring = Keyring {
            generation,
            bundles: vec![(0, sealed)],
            grants: grants.collect(),
            ..Keyring::default()
        };
        keyring
            .encode(Suite::Aes256Gcm, self.repository, [66; 16], &[&self.admin])
            .unwrap()
            .into()
    }

    fn grant(&self, slot: &Slot, generation: u64) -> Grant {
        let info = [
            b"strongroom v1 grant".as_slice(),
            self.repository.as_bytes(),
            &generation.to_le_bytes(),
            &[0],
            slot.id.as_bytes(),
        ]
        .concat();
        let public = PublicKey::from_bytes(slot.public.as_slice().try_into().unwrap());
        let secret = Secret::from_bytes(&[66; 32]);
        let (enc, ct) = seal_grant(&public, &info, &secret, &SystemRandom).unwrap();
        Grant {
            slot: slot.id,
            role: 0,
            kem: Grant::HPKE,
            enc: enc.to_vec(),
            ct: ct.to_vec(),
        }
    }

    fn put_keyring(&self, store: &MemoryStore, generation: u64, copy_too: bool) {
        let object = self.keyring(generation);
        put(store, &object_name::keyring(generation), object.clone());
        if copy_too {
            put(store, &object_name::keyring_copy(generation), object);
        }
    }
}

fn put(store: &MemoryStore, name: &str, bytes: Bytes) {
    wait(store.replace(&key(name), bytes)).unwrap();
}

#[test]
fn a_keyring_that_the_admin_did_not_sign_is_ignored() {
    let (store, created) = memory();
    let forger = Forger::of(&store, created.repository.id());
    assert_eq!(forger.slots.len(), 2);
    // In the place of the true one, whose copy is left; and as the newest that can be.
    forger.put_keyring(&store, 0, false);
    forger.put_keyring(&store, 1, true);
    forger.put_keyring(&store, u64::MAX, true);
    for credential in [passphrase(), created.recovery_code.unwrap().into()] {
        let repository = open(&store, &credential).unwrap();
        assert_eq!(wait(repository.slots()).unwrap().len(), 2);
    }
    // A new generation takes the next number that is free.
    let repository = open(&store, &passphrase()).unwrap();
    let slot = NewSlot::Recipient(SlotKey::generate(&SystemRandom).unwrap().public());
    wait(repository.add_slot("robot", slot)).unwrap();
    assert!(names(&store).contains(&object_name::keyring(2)));
    let repository = open(&store, &passphrase()).unwrap();
    assert_eq!(wait(repository.slots()).unwrap().len(), 3);
}

#[test]
fn who_opens_with_a_pin_ignores_it_too() {
    let (store, created) = memory();
    let private = Arc::new(SlotKey::generate(&SystemRandom).unwrap());
    let slot = NewSlot::Recipient(private.public());
    wait(created.repository.add_slot("robot", slot)).unwrap();
    let forger = Forger::of(&store, created.repository.id());
    assert_eq!(forger.slots.len(), 3);
    forger.put_keyring(&store, 7, true);
    let builder = Repository::builder(store as Arc<dyn Store>).pin(created.pin);
    let repository = wait(builder.open(&Credential::Key(private))).unwrap();
    assert_eq!(wait(repository.slots()).unwrap().len(), 3);
}

#[test]
fn another_repository_in_the_place_of_this_one_is_noticed_without_a_pin() {
    let (store, created) = memory();
    let forger = Forger::of(&store, created.repository.id());
    for (name, bytes) in [
        (object_name::config(), forger.config()),
        (object_name::config_copy(), forger.config()),
        (object_name::journal(0), forger.genesis()),
    ] {
        put(&store, &name, bytes);
    }
    forger.put_keyring(&store, 0, true);
    for credential in [passphrase(), created.recovery_code.unwrap().into()] {
        let error = open(&store, &credential).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(
            error.to_string().contains("not signed by the admin"),
            "{error}"
        );
    }
    // A wrong passphrase is still only that.
    let error = open(&store, &Credential::passphrase("x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
}

#[test]
fn an_announced_keyring_with_another_hash_is_an_error() {
    let (store, created) = memory();
    let slot = NewSlot::Recipient(SlotKey::generate(&SystemRandom).unwrap().public());
    wait(created.repository.add_slot("robot", slot)).unwrap();
    let forger = Forger::of(&store, created.repository.id());
    forger.put_keyring(&store, 1, false);
    open(&store, &passphrase()).unwrap();
    forger.put_keyring(&store, 1, true);
    let error = open(&store, &passphrase()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(error.object(), Some(object_name::keyring(1).as_str()));
}

#[test]
fn old_generations_may_be_gone_with_any_gap() {
    let (store, created) = memory();
    for label in ["one", "two", "three"] {
        let slot = NewSlot::Recipient(SlotKey::generate(&SystemRandom).unwrap().public());
        wait(created.repository.add_slot(label, slot)).unwrap();
    }
    for name in [
        object_name::keyring(1),
        object_name::keyring_copy(1),
        object_name::keyring(2),
        object_name::keyring_copy(2),
    ] {
        wait(store.delete(&key(&name))).unwrap();
    }
    let repository = open(&store, &passphrase()).unwrap();
    assert_eq!(wait(repository.slots()).unwrap().len(), 5);
}
