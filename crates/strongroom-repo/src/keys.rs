//! The keys of an open repository.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    EpochKey, IdHasher, PublicKey, Random, RepositoryId, Roles, Secret, SigningKey, SlotId,
    SlotKey, StructureKeys, Suite, VerifyingKey, chunker_key, open_grant, public_bundle_key,
    seal_grant,
};
use strongroom_format::{
    Epoch, EpochState, Grant, KeyBundle, Keyring, ObjectHash, SlotEntry, Unknown, object_name,
};

use crate::context::{crypt_error, encode_error};
use crate::error::{Error, ErrorKind, Result};
use crate::open::LoadedKeyring;

/// The keys of an open repository: an opened generation of the keyring.
pub(crate) struct Keys {
    /// Names blobs.
    pub(crate) ids: IdHasher,
    /// Seals structure, names pages and snapshots.
    pub(crate) structure: StructureKeys,
    /// Keys content-defined chunkers.
    pub(crate) chunker_key: Secret,
    /// Hash of journal entry 0.
    pub(crate) genesis: ObjectHash,
    /// The generation of the keyring that these are from.
    pub(crate) generation: u64,
    /// Hash of that keyring object.
    pub(crate) keyring: ObjectHash,
    /// What opened it, and will open the next.
    pub(crate) opener: Arc<Opener>,
    /// That object.
    pub(crate) keyring_object: Bytes,
    /// Slots that hold grants.
    pub(crate) slots: Vec<SlotEntry>,
    epochs: BTreeMap<u32, (EpochState, EpochKey)>,
    signing: Vec<(Roles, SigningKey)>,
}

/// What opens generations of the keyring.
#[derive(Debug)]
pub(crate) enum Opener {
    /// Suite 0: everybody can.
    Public,
    /// The key of a slot.
    Slot {
        /// The slot.
        id: SlotId,
        /// Its key.
        key: SlotKey,
        /// The slot's object, if it was read.
        object: Option<Bytes>,
    },
}

/// Role number of the bundle that holds every key.
pub(crate) const FULL_BUNDLE: u8 = 0;

impl Keys {
    /// Opens a generation.
    ///
    /// # Errors
    ///
    /// `WrongKey` when the opener was granted nothing in it; `Damaged` when what it was granted does not open or decode.
    pub(crate) fn open(
        suite: Suite,
        repository: &RepositoryId,
        random: &Arc<dyn Random>,
        loaded: LoadedKeyring,
        opener: Arc<Opener>,
    ) -> Result<Self> {
        let bundle = opener.open(suite, repository, &loaded.keyring)?;
        let LoadedKeyring {
            keyring,
            hash,
            bytes,
        } = loaded;
        Self::of_bundle(
            suite,
            random,
            bundle,
            (keyring.generation, hash, bytes),
            opener,
        )
    }

    /// Takes up a bundle that was opened from, or sealed into, this generation with this hash and object.
    ///
    /// # Errors
    ///
    /// `Damaged` when a signing key does not fit its seed.
    pub(crate) fn of_bundle(
        suite: Suite,
        random: &Arc<dyn Random>,
        bundle: KeyBundle,
        keyring: (u64, ObjectHash, Bytes),
        opener: Arc<Opener>,
    ) -> Result<Self> {
        let (generation, keyring, keyring_object) = keyring;
        let mut signing = Vec::with_capacity(bundle.signing.len());
        for entry in &bundle.signing {
            let key = SigningKey::from_seed(entry.seed.duplicate()).map_err(crypt_error)?;
            if *key.public().as_bytes() != entry.public {
                return Err(
                    Error::new(ErrorKind::Damaged, "a signing key does not fit its seed")
                        .object_named(object_name::keyring(generation)),
                );
            }
            signing.push((entry.roles, key));
        }
        let epoch = |epoch: Epoch| (epoch.number, (epoch.state, EpochKey::new(epoch.key)));
        Ok(Self {
            ids: IdHasher::new(&bundle.id_key),
            structure: StructureKeys::with_random(suite, &bundle.structure_key, random),
            chunker_key: chunker_key(&bundle.id_key),
            genesis: bundle.genesis,
            generation,
            keyring,
            keyring_object,
            opener,
            slots: bundle.slots,
            epochs: bundle.epochs.into_iter().map(epoch).collect(),
            signing,
        })
    }

    /// Opens the same generation once more, for the next to be made of it.
    pub(crate) fn bundle(&self, suite: Suite, repository: &RepositoryId) -> Result<KeyBundle> {
        let name = object_name::keyring(self.generation);
        let keyring =
            Keyring::decode(&self.keyring_object).map_err(|error| Error::decode(name, error))?;
        self.opener.open(suite, repository, &keyring)
    }

    /// Returns the key of an epoch.
    pub(crate) fn epoch(&self, number: u32) -> Option<&EpochKey> {
        self.epochs.get(&number).map(|(_, key)| key)
    }

    /// Returns the newest epoch that new content may be written under.
    ///
    /// # Errors
    ///
    /// `WrongKey` when these keys have none: they are for something else than backing up.
    pub(crate) fn open_epoch(&self) -> Result<(u32, &EpochKey)> {
        let open = |(_, (state, _)): &(&u32, &(EpochState, EpochKey))| *state == EpochState::Open;
        let newest = self
            .epochs
            .iter()
            .rev()
            .find(open)
            .map(|(number, (_, key))| (*number, key));
        newest.ok_or_else(|| Error::new(ErrorKind::WrongKey, "no epoch is open for new content"))
    }

    /// Returns a key for entries that need one of `roles`.
    ///
    /// # Errors
    ///
    /// `WrongKey` when these keys have none.
    pub(crate) fn signer(&self, roles: Roles) -> Result<&SigningKey> {
        let found = self
            .signing
            .iter()
            .rev()
            .find(|(of_key, _)| of_key.intersects(roles));
        found
            .map(|(_, key)| key)
            .ok_or_else(|| Error::new(ErrorKind::WrongKey, "no signing key for this kind of entry"))
    }

    /// Returns the signing key with this public key, if it is among these.
    pub(crate) fn signer_named(&self, public: &VerifyingKey) -> Option<&SigningKey> {
        self.signing
            .iter()
            .map(|(_, key)| key)
            .find(|key| key.public() == *public)
    }
}

impl Opener {
    /// Returns the slot that was opened, if there was one.
    pub(crate) fn slot(&self) -> Option<SlotId> {
        match self {
            Self::Public => None,
            Self::Slot { id, .. } => Some(*id),
        }
    }

    /// Opens the bundle that this opener was granted.
    ///
    /// # Errors
    ///
    /// `WrongKey` when it was granted none, or the grant or bundle does not open.
    pub(crate) fn open(
        &self,
        suite: Suite,
        repository: &RepositoryId,
        keyring: &Keyring,
    ) -> Result<KeyBundle> {
        let (role, key) = match self {
            Self::Public => (FULL_BUNDLE, public_bundle_key(repository)),
            Self::Slot {
                id, key: slot_key, ..
            } => {
                let grants = keyring.grants.iter().filter(|grant| grant.slot == *id);
                let grant = grants
                    .min_by_key(|grant| grant.role)
                    .ok_or_else(not_granted)?;
                let info = grant_info(repository, keyring.generation, grant.role, id);
                let key = open_grant(slot_key, &info, &grant.enc, &grant.ct)
                    .map_err(|error| not_granted().caused_by(error))?;
                (grant.role, key)
            }
        };
        let (_, sealed) = keyring
            .bundles
            .iter()
            .find(|(of, _)| *of == role)
            .ok_or_else(not_granted)?;
        KeyBundle::open(suite, &key, repository, keyring.generation, role, sealed).map_err(
            |error| {
                let name = object_name::keyring(keyring.generation);
                Error::decode(name, error)
            },
        )
    }
}

/// Seals a bundle as a generation of the keyring: to every slot that it names, or to everybody in suite 0.
///
/// # Errors
///
/// `Internal` without random bytes, `Invalid` when there are too many slots.
pub(crate) fn seal_keyring(
    suite: Suite,
    repository: &RepositoryId,
    generation: u64,
    bundle: &KeyBundle,
    random: &Arc<dyn Random>,
) -> Result<Bytes> {
    let key = match suite {
        Suite::None => public_bundle_key(repository),
        _ => Secret::generate(random).map_err(crypt_error)?,
    };
    let sealed = bundle
        .seal(suite, &key, repository, generation, FULL_BUNDLE)
        .map_err(encode_error)?;
    let mut grants = Vec::with_capacity(bundle.slots.len());
    for slot in &bundle.slots {
        let info = grant_info(repository, generation, FULL_BUNDLE, &slot.id);
        let (enc, ct) = seal_grant(&PublicKey::from_bytes(slot.public), &info, &key, random)
            .map_err(|error| {
                Error::new(ErrorKind::Internal, "a grant was not sealed").caused_by(error)
            })?;
        grants.push(Grant {
            slot: slot.id,
            role: FULL_BUNDLE,
            enc,
            ct,
        });
    }
    let bundles = vec![(FULL_BUNDLE, sealed)];
    let keyring = Keyring {
        generation,
        bundles,
        grants,
        unknown: Unknown::default(),
    };
    let mut preamble_random = [0; 16];
    random.fill(&mut preamble_random).map_err(crypt_error)?;
    keyring
        .encode(suite, *repository, preamble_random)
        .map(Bytes::from)
        .map_err(encode_error)
}

fn grant_info(repository: &RepositoryId, generation: u64, role: u8, slot: &SlotId) -> Vec<u8> {
    [
        b"strongroom v1 grant".as_slice(),
        repository.as_bytes(),
        &generation.to_le_bytes(),
        &[role],
        slot.as_bytes(),
    ]
    .concat()
}

fn not_granted() -> Error {
    Error::new(
        ErrorKind::WrongKey,
        "the slot opens nothing in this keyring",
    )
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
