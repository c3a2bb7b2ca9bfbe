//! All objects of a new repository, before any is put.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    GenesisPin, RecoveryCode, RepositoryId, Roles, Secret, SigningKey, StructureKeys, Suite,
    VerifyingKey,
};
use strongroom_format::{
    Body, Certificate, Config, Entry, Epoch, EpochState, Genesis, KeyBundle, Locked, ObjectHash,
    Payload, SigningEntry, Time, Unknown, UnknownSecrets, object_name,
};
use strongroom_store::{Question, Retention};

use super::CreateOptions;
use crate::context::{crypt_error, encode_error, object_key, put_own, random};
use crate::credential::Credential;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::seal_keyring;
use crate::locks::{LockPolicy, for_entry};
use crate::open::Opening;
use crate::probe::StoreProbe;
use crate::settings::Components;
use crate::slots::{NewSlot, SealedSlot, seal_slot};

/// All objects of a new repository.
pub(super) struct Draft {
    pub(super) pin: GenesisPin,
    pub(super) recovery_code: Option<RecoveryCode>,
    pub(super) single_writer: bool,
    config: Bytes,
    slots: Vec<SealedSlot>,
    keyring: Bytes,
    genesis: Bytes,
}

/// What all of them agree on.
struct Place<'a> {
    components: &'a Components,
    suite: Suite,
    repository: RepositoryId,
    now: Time,
}

/// The keys that come into being with a repository.
struct FirstKeys {
    id: Secret,
    structure: Secret,
    epoch: Secret,
    admin: SigningKey,
    worker: SigningKey,
}

impl Draft {
    /// Makes everything up.
    pub(super) fn new(
        opening: &Opening,
        options: &CreateOptions,
        probe: &StoreProbe,
    ) -> Result<Self> {
        let components = &opening.components;
        let repository = RepositoryId::from_bytes(random(components)?);
        let config = Config::new(repository, options.suite, components.clock.now());
        Self::of_config(&config, opening, options, probe)
    }

    /// Makes up everything but config.
    pub(super) fn of_config(
        config: &Config,
        opening: &Opening,
        options: &CreateOptions,
        probe: &StoreProbe,
    ) -> Result<Self> {
        let components = &opening.components;
        let repository = config.repository;
        let place = Place {
            components,
            suite: config.suite,
            repository,
            now: config.created,
        };
        let config = config.encode(random(components)?).map_err(encode_error)?;
        let keys = FirstKeys::generate(components)?;
        let probed = probe.answer(Question::AtomicCreate).is_yes();
        let single_writer = options.single_writer || !probed;
        let genesis = Genesis {
            admin: *keys.admin.public().as_bytes(),
            config: ObjectHash::of(&config),
            certificates: vec![Certificate {
                roles: WORKER_ROLES,
                public: *keys.worker.public().as_bytes(),
                label: options.label.clone(),
                not_after: 0,
            }],
            single_writer,
            only_writer: single_writer.then(|| *keys.worker.public().as_bytes()),
            probed,
            probe: Some(probe.to_record().encode().map_err(encode_error)?),
            unknown: Unknown::default(),
        };
        let lock = |policy: LockPolicy| for_entry(&policy, policy.target(place.now.seconds));
        let locked = opening.settings.object_lock.map(lock);
        let genesis = keys.seal_genesis(&place, genesis, locked)?;
        let genesis_hash = ObjectHash::of(&genesis);
        let admin = keys.admin.public();
        let (slots, recovery_code) = slots(&place, &opening.credential, options, &admin)?;
        let bundle = keys.bundle(genesis_hash, &slots);
        let random = &components.random;
        let keyring = seal_keyring(place.suite, &repository, 0, &bundle, &keys.admin, random)?;
        Ok(Self {
            pin: GenesisPin::from_bytes(*genesis_hash.as_bytes()),
            recovery_code,
            single_writer,
            config: config.into(),
            slots,
            keyring,
            genesis,
        })
    }

    /// Puts everything; the journal's first entry, which makes a repository of it, comes last but for its copy.
    pub(super) fn put(&self, remote: &Remote) -> Result<()> {
        let wanted = remote.lock_target()?;
        put_own(remote, &object_name::config(), &self.config)?;
        check_locked(remote, &object_name::config(), wanted)?;
        put_own(remote, &object_name::config_copy(), &self.config)?;
        for slot in &self.slots {
            put_own(remote, &object_name::slot(slot.entry.id), &slot.object)?;
        }
        put_own(remote, &object_name::keyring(0), &self.keyring)?;
        put_own(remote, &object_name::keyring_copy(0), &self.keyring)?;
        put_own(remote, &object_name::journal(0), &self.genesis)?;
        put_own(remote, &object_name::journal_copy(0), &self.genesis)
    }
}

/// Makes sure that the first object is locked as it should be: some stores take what is to be locked, and do not lock it.
/// And some do not lock it for as long.
fn check_locked(remote: &Remote, name: &str, wanted: Option<Retention>) -> Result<()> {
    let Some(wanted) = wanted else {
        return Ok(());
    };
    let found = remote.retention_later(&object_key(name)?).wait()?;
    if found.is_some_and(|found| found.covers(&wanted)) {
        return Ok(());
    }
    let what =
        "the store took an object that was to be locked, and did not lock it, or not for as long";
    Err(Error::new(ErrorKind::Invalid, what).object_named(name))
}

impl FirstKeys {
    fn generate(components: &Components) -> Result<Self> {
        let secret = || Secret::generate(&components.random).map_err(crypt_error);
        let signing = || SigningKey::generate(&components.random).map_err(crypt_error);
        Ok(Self {
            id: secret()?,
            structure: secret()?,
            epoch: secret()?,
            admin: signing()?,
            worker: signing()?,
        })
    }

    fn seal_genesis(
        &self,
        place: &Place<'_>,
        genesis: Genesis,
        locked: Option<Locked>,
    ) -> Result<Bytes> {
        let Place {
            components,
            suite,
            repository,
            now,
        } = *place;
        let structure = StructureKeys::with_random(suite, &self.structure, &components.random);
        let previous = genesis.config;
        let payload = Payload {
            locked,
            ..Payload::new(now, Body::Genesis(genesis))
        };
        Entry::seal(
            suite,
            repository,
            0,
            random(components)?,
            previous,
            &payload,
            structure.journal(),
            &[&self.admin],
        )
        .map(Bytes::from)
        .map_err(encode_error)
    }

    fn bundle(&self, genesis: ObjectHash, slots: &[SealedSlot]) -> KeyBundle {
        let signing = |roles, key: &SigningKey| SigningEntry {
            roles,
            public: *key.public().as_bytes(),
            seed: key.seed().duplicate(),
        };
        let (kind, state) = (Epoch::SYMMETRIC, EpochState::Open);
        KeyBundle {
            id_key: self.id.duplicate(),
            structure_key: self.structure.duplicate(),
            epochs: vec![Epoch {
                number: 0,
                kind,
                state,
                key: self.epoch.duplicate(),
            }],
            genesis,
            signing: vec![
                signing(Roles::ADMIN, &self.admin),
                signing(WORKER_ROLES, &self.worker),
            ],
            slots: slots.iter().map(|slot| slot.entry.clone()).collect(),
            unknown: UnknownSecrets::default(),
        }
    }
}

/// Roles of the key that signs everyday work.
pub(crate) const WORKER_ROLES: Roles =
    Roles::from_bits(Roles::WRITER.bits() | Roles::MAINTAINER.bits() | Roles::AUDITOR.bits());

fn slots(
    place: &Place<'_>,
    credential: &Credential,
    options: &CreateOptions,
    admin: &VerifyingKey,
) -> Result<(Vec<SealedSlot>, Option<RecoveryCode>)> {
    let Place {
        components,
        suite,
        repository,
        now,
    } = *place;
    let seal = |label: &str, new: &NewSlot| {
        let random = &components.random;
        seal_slot(random, suite, repository, label, now, admin, new)
    };
    let first = match credential {
        Credential::Passphrase(passphrase) => {
            NewSlot::Passphrase(Arc::clone(passphrase), options.argon2)
        }
        Credential::RecoveryCode(code) => NewSlot::RecoveryCode(Arc::clone(code)),
        Credential::Key(key) => NewSlot::Recipient(key.public()),
        _ => return Ok((Vec::new(), None)),
    };
    let mut slots = vec![seal(&options.label, &first)?];
    if !options.recovery_code {
        return Ok((slots, None));
    }
    let code = RecoveryCode::generate(&components.random).map_err(crypt_error)?;
    let code = Arc::new(code);
    slots.push(seal(
        "recovery code",
        &NewSlot::RecoveryCode(Arc::clone(&code)),
    )?);
    // The slot keeps no handle on the code, so this is the only one.
    Ok((slots, Arc::into_inner(code)))
}
