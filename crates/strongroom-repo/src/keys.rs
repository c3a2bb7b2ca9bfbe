//! The keys of an open repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    BoxSealer, EpochKey, IdHasher, PublicKey, Random, RepositoryId, Roles, Secret, SigningKey,
    SlotId, SlotKey, StructureKeys, Suite, VerifyingKey, chunker_key, open_grant,
    public_bundle_key, seal_grant,
};
use strongroom_format::{
    Epoch, EpochState, Grant, KeyBundle, Keyring, ObjectHash, SignedKeyring, SlotEntry, Unknown,
    object_name,
};

use crate::context::{crypt_error, encode_error};
use crate::error::{Error, ErrorKind, Result};
use crate::open::LoadedKeyring;
use crate::state::State;

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
        /// The admin's key, where the slot names it: who put it there knew the credential.
        admin: Option<VerifyingKey>,
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
        let LoadedKeyring {
            signed,
            hash,
            bytes,
        } = loaded;
        let bundle = opener.open(suite, repository, &signed.keyring)?;
        let keyring = (signed.keyring.generation, hash, bytes);
        Self::of_bundle(suite, random, bundle, keyring, opener)
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
        let signed = self.signed()?;
        self.opener.open(suite, repository, &signed.keyring)
    }

    /// Says whether the admin with this key signed the keyring that these are from.
    pub(crate) fn is_signed_by(&self, admin: &VerifyingKey) -> bool {
        self.signed().is_ok_and(|signed| signed.is_signed_by(admin))
    }

    fn signed(&self) -> Result<SignedKeyring> {
        let name = object_name::keyring(self.generation);
        SignedKeyring::decode(&self.keyring_object).map_err(|error| Error::decode(name, error))
    }

    /// Returns the key of an epoch.
    pub(crate) fn epoch(&self, number: u32) -> Option<&EpochKey> {
        self.epochs.get(&number).map(|(_, key)| key)
    }

    /// Returns the newest epoch that new content may be written under in that state of the journal, which decides where the keyring
    /// says something else.
    ///
    /// # Errors
    ///
    /// `WrongKey` when these keys have none: they are for something else than backing up.
    pub(crate) fn open_epoch(&self, journal: &State) -> Result<(u32, &EpochKey)> {
        let open = |(number, (state, _)): &(&u32, &(EpochState, EpochKey))| {
            *journal.epochs.get(*number).unwrap_or(state) == EpochState::Open
        };
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

    /// Returns the signing keys and their roles.
    pub(crate) fn signing(&self) -> impl Iterator<Item = (Roles, VerifyingKey)> {
        self.signing
            .iter()
            .map(|(roles, key)| (*roles, key.public()))
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

    /// Returns the admin's key, where what was opened names it.
    pub(crate) fn admin(&self) -> Option<VerifyingKey> {
        match self {
            Self::Public => None,
            Self::Slot { admin, .. } => *admin,
        }
    }

    /// Opens the bundle that this opener was granted. Whether the keyring counts is the caller's to know.
    ///
    /// # Errors
    ///
    /// `WrongKey` when it was granted none, or the grant does not open; `Damaged` or `Incompatible` when the bundle does not open or
    /// decode, or lists other slots than the keyring grants it to.
    pub(crate) fn open(
        &self,
        suite: Suite,
        repository: &RepositoryId,
        keyring: &Keyring,
    ) -> Result<KeyBundle> {
        let generation = keyring.generation;
        let key = match self {
            Self::Public => public_bundle_key(repository),
            Self::Slot { id, key, .. } => {
                // Grants of other roles and kinds are of later versions.
                let full = |grant: &&Grant| grant.slot == *id && grant.role == FULL_BUNDLE;
                let grant = keyring.grants.iter().filter(full).find_map(Grant::hpke);
                let (enc, ct) = grant.ok_or_else(not_granted)?;
                let info = grant_info(repository, generation, FULL_BUNDLE, id);
                open_grant(key, &info, enc, ct).map_err(|error| not_granted().caused_by(error))?
            }
        };
        let mut bundles = keyring.bundles.iter();
        let (_, sealed) = bundles
            .find(|(role, _)| *role == FULL_BUNDLE)
            .ok_or_else(not_granted)?;
        let name = object_name::keyring(generation);
        let bundle = KeyBundle::open(suite, &key, repository, generation, FULL_BUNDLE, sealed)
            .map_err(|error| Error::decode(name.clone(), error))?;
        if lists_its_grants(&bundle, keyring) {
            Ok(bundle)
        } else {
            let what = "a keyring does not grant to the slots that it lists";
            Err(Error::new(ErrorKind::Damaged, what).object_named(name))
        }
    }
}

/// Says whether a bundle lists exactly the slots that the keyring grants anything to, so that the next generation loses none.
fn lists_its_grants(bundle: &KeyBundle, keyring: &Keyring) -> bool {
    let listed: BTreeSet<_> = bundle
        .slots
        .iter()
        .map(|slot| (slot.id, slot.role))
        .collect();
    let granted = keyring.grants.iter().map(|grant| (grant.slot, grant.role));
    listed == granted.collect()
}

/// Seals a bundle as a generation of the keyring, to every slot that it names, or to everybody in suite 0. The admin signs it.
///
/// # Errors
///
/// `Internal` without random bytes, `Invalid` when there are too many slots, `Incompatible` when one has a key of a later version.
pub(crate) fn seal_keyring(
    suite: Suite,
    repository: &RepositoryId,
    generation: u64,
    bundle: &KeyBundle,
    admin: &SigningKey,
    random: &Arc<dyn Random>,
) -> Result<Bytes> {
    let key = match suite {
        Suite::None => public_bundle_key(repository),
        _ => Secret::generate(random).map_err(crypt_error)?,
    };
    let sealer = BoxSealer::with_random(suite, &key, random);
    let sealed = bundle
        .seal_with(&sealer, repository, generation, FULL_BUNDLE)
        .map_err(encode_error)?;
    let mut grants = Vec::with_capacity(bundle.slots.len());
    for slot in &bundle.slots {
        let info = grant_info(repository, generation, FULL_BUNDLE, &slot.id);
        let public = slot.public.as_slice().try_into().map_err(|_| {
            Error::new(
                ErrorKind::Incompatible,
                "a slot has a key of a later version",
            )
            .object_named(object_name::slot(slot.id))
        })?;
        let (enc, ct) =
            seal_grant(&PublicKey::from_bytes(public), &info, &key, random).map_err(|error| {
                Error::new(ErrorKind::Internal, "a grant was not sealed").caused_by(error)
            })?;
        grants.push(Grant {
            slot: slot.id,
            role: FULL_BUNDLE,
            kem: Grant::HPKE,
            enc: enc.to_vec(),
            ct: ct.to_vec(),
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
        .encode(suite, *repository, preamble_random, &[admin])
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
