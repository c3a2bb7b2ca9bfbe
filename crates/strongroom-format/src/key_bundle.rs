//! What a keyring's bundle seals: the keys.

use strongroom_crypt::{BoxSealer, RepositoryId, Roles, Sealer, Secret, SlotId, Suite};
use zeroize::Zeroizing;

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::{EpochState, Item as _};
use crate::limits::{MAX_KEM_BYTES, MAX_KEYRING_BYTES};
use crate::slot::read_public;
use crate::{DecodeError, EncodeError, ObjectHash, Time};

/// The keys of a role (`docs/format.md`, §7). They are wiped when the bundle is dropped.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct KeyBundle {
    /// Keys the ids of blobs.
    pub id_key: Secret,
    /// All keys of structure come from it.
    pub structure_key: Secret,
    /// Keys that wrap the secrets of sessions.
    pub epochs: Vec<Epoch>,
    /// Hash of entry 0.
    pub genesis: ObjectHash,
    /// Keys that sign the journal.
    pub signing: Vec<SigningEntry>,
    /// Slots that hold grants, so that the next generation can be sealed to them.
    pub slots: Vec<SlotEntry>,
    /// What a later version added.
    pub unknown: UnknownSecrets,
}

/// An epoch and its key.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Epoch {
    /// Number of the epoch.
    pub number: u32,
    /// Kind of the key; 1, symmetric, is the only one of this version.
    pub kind: u8,
    /// What it is still for.
    pub state: EpochState,
    /// The key.
    pub key: Secret,
}

/// A key that signs the journal.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct SigningEntry {
    /// What it may sign, as its certificate says.
    pub roles: Roles,
    /// Public key.
    pub public: [u8; 32],
    /// Private key.
    pub seed: Secret,
}

/// A slot that holds a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct SlotEntry {
    /// The slot.
    pub id: SlotId,
    /// Number of its method.
    pub kind: u64,
    /// For people.
    pub label: String,
    /// When it was added.
    pub added: Time,
    /// Its public key: 32 bytes for X25519, at most 4,096 for what a later version knows.
    pub public: Vec<u8>,
    /// Role of the bundle that it opens.
    pub role: u8,
}

/// Unknown keys of a bundle; wiped when dropped, since they may be secret.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UnknownSecrets(Unknown);

impl UnknownSecrets {
    pub(crate) const fn new(unknown: Unknown) -> Self {
        Self(unknown)
    }

    pub(crate) const fn inner(&self) -> &Unknown {
        &self.0
    }

    pub(crate) fn encoded_len(&self) -> usize {
        self.0.encoded().len()
    }

    /// Whether there is nothing unknown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for UnknownSecrets {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl Epoch {
    /// The kind of a symmetric key.
    pub const SYMMETRIC: u8 = 1;
}

impl KeyBundle {
    /// Seals the bundle of `role` under that bundle's own key.
    ///
    /// # Errors
    ///
    /// `Invalid` for an epoch of another kind or a time with a billion nanoseconds; `TooLarge` for a public key above 4,096 bytes; `Seal` when the sealer fails.
    pub fn seal(
        &self,
        suite: Suite,
        key: &Secret,
        repository: &RepositoryId,
        generation: u64,
        role: u8,
    ) -> Result<Vec<u8>, EncodeError> {
        self.seal_with(&BoxSealer::new(suite, key), repository, generation, role)
    }

    /// Opens the bundle of `role`.
    ///
    /// # Errors
    ///
    /// `Damaged` when it does not open; `Unsupported` for an epoch of a later kind; `TooLarge`; `Truncated`; `Invalid`.
    pub fn open(
        suite: Suite,
        key: &Secret,
        repository: &RepositoryId,
        generation: u64,
        role: u8,
        sealed: &[u8],
    ) -> Result<Self, DecodeError> {
        if sealed.len() > MAX_KEYRING_BYTES {
            return Err(DecodeError::too_large("bundle", MAX_KEYRING_BYTES));
        }
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let plain = BoxSealer::new(suite, key)
            .open_in_place(&bundle_aad(repository, generation, role), &mut buffer)
            .map_err(|_| DecodeError::damaged("bundle"))?;
        Self::decode(plain)
    }

    /// Seals as [`KeyBundle::seal`] does, with a sealer of the bundle's key whose random bytes the caller chose.
    ///
    /// # Errors
    ///
    /// As [`KeyBundle::seal`].
    pub fn seal_with(
        &self,
        sealer: &dyn Sealer,
        repository: &RepositoryId,
        generation: u64,
        role: u8,
    ) -> Result<Vec<u8>, EncodeError> {
        let plain = self.encode()?;
        let mut sealed = Vec::with_capacity(plain.len() + sealer.overhead());
        sealer
            .seal(
                &bundle_aad(repository, generation, role),
                &plain,
                &mut sealed,
            )
            .map_err(|_| EncodeError::seal("bundle"))?;
        Ok(sealed)
    }

    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        let mut out = Zeroizing::new(Vec::with_capacity(self.room()));
        let room = out.capacity();
        let mut map = MapWriter::new(&mut out);
        map.bytes(0, self.id_key.expose());
        map.bytes(1, self.structure_key.expose());
        map.array(2, &self.epochs, |out, epoch| {
            if epoch.kind != Epoch::SYMMETRIC {
                return Err(EncodeError::invalid("kind of an epoch"));
            }
            cbor::array(out, 4);
            cbor::uint(out, u64::from(epoch.number));
            cbor::uint(out, u64::from(epoch.kind));
            cbor::uint(out, u64::from(epoch.state as u8));
            cbor::bytes(out, epoch.key.expose());
            Ok(())
        })?;
        self.genesis.write(map.key(3));
        map.array(4, &self.signing, |out, entry| {
            cbor::array(out, 3);
            cbor::uint(out, u64::from(entry.roles.bits()));
            cbor::bytes(out, &entry.public);
            cbor::bytes(out, entry.seed.expose());
            Ok(())
        })?;
        map.array(5, &self.slots, |out, slot| {
            if slot.public.len() > MAX_KEM_BYTES {
                return Err(EncodeError::too_large("public key"));
            }
            cbor::array(out, 6);
            cbor::bytes(out, slot.id.as_bytes());
            cbor::uint(out, slot.kind);
            cbor::text(out, &slot.label);
            slot.added.write(out)?;
            cbor::bytes(out, &slot.public);
            cbor::uint(out, u64::from(slot.role));
            Ok(())
        })?;
        map.finish(&self.unknown.0)?;
        debug_assert_eq!(
            out.capacity(),
            room,
            "a buffer that moves leaves keys behind"
        );
        Ok(out)
    }

    /// At least the bytes of the encoding, so that the buffer never moves.
    fn room(&self) -> usize {
        let slots = self.slots.iter();
        let texts: usize = slots.map(|slot| slot.label.len() + slot.public.len()).sum();
        256 + 64 * self.epochs.len()
            + 96 * self.signing.len()
            + 128 * self.slots.len()
            + texts
            + self.unknown.0.encoded().len()
    }

    fn decode(plain: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(plain);
        let (mut id_key, mut structure_key, mut epochs) = (None, None, None);
        let (mut genesis, mut signing, mut slots) = (None, None, None);
        let unknown = r.map("bundle", |r, key| {
            match key {
                0 => id_key = Some(read_secret(r)?),
                1 => structure_key = Some(read_secret(r)?),
                2 => epochs = Some(r.array("epochs", read_epoch)?),
                3 => genesis = Some(ObjectHash::read(r)?),
                4 => signing = Some(r.array("signing keys", read_signing)?),
                5 => slots = Some(r.array("slots", read_slot)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let unknown = UnknownSecrets(unknown);
        r.finish("bundle")?;
        Ok(Self {
            id_key: id_key.ok_or(missing("id key"))?,
            structure_key: structure_key.ok_or(missing("structure key"))?,
            epochs: epochs.ok_or(missing("epochs"))?,
            genesis: genesis.ok_or(missing("genesis"))?,
            signing: signing.ok_or(missing("signing keys"))?,
            slots: slots.ok_or(missing("slots"))?,
            unknown,
        })
    }
}

fn bundle_aad(repository: &RepositoryId, generation: u64, role: u8) -> Vec<u8> {
    [
        b"keyring".as_slice(),
        repository.as_bytes(),
        &generation.to_le_bytes(),
        &[role],
    ]
    .concat()
}

pub(crate) fn read_secret(r: &mut Reader<'_>) -> Result<Secret, DecodeError> {
    let at = r.position();
    let bytes = r
        .bytes("key")?
        .try_into()
        .map_err(|_| DecodeError::invalid("key", at))?;
    Ok(Secret::from_bytes(bytes))
}

fn read_epoch(r: &mut Reader<'_>) -> Result<Epoch, DecodeError> {
    r.tuple("epoch", 4, |r| {
        let (number, at) = (r.u32("epoch")?, r.position());
        if r.uint("kind of an epoch")? != u64::from(Epoch::SYMMETRIC) {
            return Err(DecodeError::unsupported("kind of an epoch", at));
        }
        let state = EpochState::read(r)?;
        Ok(Epoch {
            number,
            kind: Epoch::SYMMETRIC,
            state,
            key: read_secret(r)?,
        })
    })
}

fn read_signing(r: &mut Reader<'_>) -> Result<SigningEntry, DecodeError> {
    r.tuple("signing key", 3, |r| {
        Ok(SigningEntry {
            roles: Roles::from_bits(r.u8("roles")?),
            public: r.fixed("public key")?,
            seed: read_secret(r)?,
        })
    })
}

fn read_slot(r: &mut Reader<'_>) -> Result<SlotEntry, DecodeError> {
    r.tuple("slot", 6, |r| {
        Ok(SlotEntry {
            id: SlotId::from_bytes(r.fixed("slot")?),
            kind: r.uint("kind of a slot")?,
            label: r.string("label")?,
            added: Time::read(r, "added")?,
            public: read_public(r)?,
            role: r.u8("role")?,
        })
    })
}
