//! The keyring as an object: sealed bundles, and grants to the slots.

use strongroom_crypt::{GRANT_LEN, RepositoryId, SigningKey, SlotId, Suite, VerifyingKey};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::{MAX_KEM_BYTES, MAX_KEYRING_BYTES};
use crate::signature::{read_signatures, write_signatures};
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectKind, Preamble, Signature};

/// A generation of the keyring (`docs/format.md`, §7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Keyring {
    /// The generation.
    pub generation: u64,
    /// Role and sealed [`KeyBundle`](crate::KeyBundle); a role appears once.
    pub bundles: Vec<(u8, Vec<u8>)>,
    /// Who may open them.
    pub grants: Vec<Grant>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// A keyring whose wholeness was checked, and who claims to have signed it.
///
/// # Security
///
/// Anybody can make one that decodes. It counts when the repository's admin [signed it](SignedKeyring::is_signed_by).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedKeyring {
    /// The first 64 bytes.
    pub preamble: Preamble,
    /// What it says.
    pub keyring: Keyring,
    /// Who claims to have signed it.
    pub signatures: Vec<Signature>,
    /// What the signatures are over.
    message: Vec<u8>,
}

/// A bundle's key, sealed to a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Grant {
    /// The slot.
    pub slot: SlotId,
    /// Role of the bundle.
    pub role: u8,
    /// How it is sealed: [`HPKE`](Grant::HPKE), or what a later version knows.
    pub kem: u64,
    /// Encapsulated key, at most 4,096 bytes.
    pub enc: Vec<u8>,
    /// Ciphertext, at most 4,096 bytes.
    pub ct: Vec<u8>,
}

impl Grant {
    /// The number of HPKE with X25519, as [`seal_grant`](strongroom_crypt::seal_grant) does it.
    pub const HPKE: u64 = 1;

    /// Returns the encapsulated key and the ciphertext of a grant of kind [`HPKE`](Grant::HPKE).
    #[must_use]
    pub fn hpke(&self) -> Option<(&[u8; 32], &[u8; GRANT_LEN])> {
        if self.kem != Self::HPKE {
            return None;
        }
        Some((
            self.enc.as_slice().try_into().ok()?,
            self.ct.as_slice().try_into().ok()?,
        ))
    }

    fn is_valid(&self) -> bool {
        let known = self.kem != Self::HPKE || self.hpke().is_some();
        known && self.enc.len() <= MAX_KEM_BYTES && self.ct.len() <= MAX_KEM_BYTES
    }
}

impl Keyring {
    /// Returns the object, signed by keys of which one is the admin's.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 4,194,304 bytes; `Invalid` when a role appears twice, a part of a grant has another length than its
    /// kind, and for no signer or more than eight.
    pub fn encode(
        &self,
        suite: Suite,
        repository: RepositoryId,
        random: [u8; 16],
        signers: &[&SigningKey],
    ) -> Result<Vec<u8>, EncodeError> {
        if !self.grants.iter().all(Grant::is_valid) {
            return Err(EncodeError::invalid("grant"));
        }
        if has_twin(&self.bundles) {
            return Err(EncodeError::invalid("roles of bundles"));
        }
        let mut body = Vec::new();
        let mut map = MapWriter::new(&mut body);
        map.uint(0, self.generation);
        map.array(1, &self.bundles, |out, (role, sealed)| {
            cbor::array(out, 2);
            cbor::uint(out, u64::from(*role));
            cbor::bytes(out, sealed);
            Ok(())
        })?;
        map.array(2, &self.grants, |out, grant| {
            cbor::array(out, 5);
            cbor::bytes(out, grant.slot.as_bytes());
            cbor::uint(out, u64::from(grant.role));
            cbor::uint(out, grant.kem);
            cbor::bytes(out, &grant.enc);
            cbor::bytes(out, &grant.ct);
            Ok(())
        })?;
        map.finish(&self.unknown)?;
        let preamble = Preamble::new(ObjectKind::Keyring, suite, repository, random);
        let mut object = preamble.with_number(self.generation).encode().to_vec();
        write_prefixed(&mut object, &body, "keyring")?;
        let message = signed_message(&object);
        write_signatures(&mut object, &message, signers)?;
        finish_whole(object, MAX_KEYRING_BYTES, "keyring")
    }

    fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let (mut generation, mut bundles, mut grants) = (None, None, None);
        let unknown = r.map("keyring", |r, key| {
            match key {
                0 => generation = Some(r.uint("generation")?),
                1 => bundles = Some(r.array("bundles", read_bundle)?),
                2 => grants = Some(r.array("grants", read_grant)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("keyring")?;
        let bundles = bundles.ok_or(missing("bundles"))?;
        if has_twin(&bundles) {
            return Err(DecodeError::invalid("roles of bundles", 0));
        }
        Ok(Self {
            generation: generation.ok_or(missing("generation"))?,
            bundles,
            grants: grants.ok_or(missing("grants"))?,
            unknown,
        })
    }
}

impl SignedKeyring {
    /// Decodes a whole object.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` as for preambles; `TooLarge`; `Truncated`; `Invalid`.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let (preamble, mut f) =
            open_whole(object, ObjectKind::Keyring, MAX_KEYRING_BYTES, "keyring")?;
        let base = f.position() + 4;
        let body = read_prefixed(&mut f, MAX_KEYRING_BYTES)?;
        let signed = object.get(..f.position()).unwrap_or_default();
        let signatures = read_signatures(&mut f)?;
        let keyring = Keyring::read(body).map_err(|error| error.shifted(base))?;
        if keyring.generation != preamble.number {
            return Err(DecodeError::invalid("generation", base));
        }
        Ok(Self {
            preamble,
            keyring,
            signatures,
            message: signed_message(signed),
        })
    }

    /// Whether a signature is by `admin`. What else signed it does not matter.
    #[must_use]
    pub fn is_signed_by(&self, admin: &VerifyingKey) -> bool {
        self.signatures
            .iter()
            .any(|one| one.public == *admin.as_bytes() && one.verify(&self.message))
    }
}

fn signed_message(object: &[u8]) -> Vec<u8> {
    [b"strongroom v1 keyring".as_slice(), object].concat()
}

fn read_bundle(r: &mut Reader<'_>) -> Result<(u8, Vec<u8>), DecodeError> {
    r.tuple("bundle", 2, |r| {
        Ok((r.u8("role of a bundle")?, r.bytes("bundle")?.to_vec()))
    })
}

fn read_grant(r: &mut Reader<'_>) -> Result<Grant, DecodeError> {
    r.tuple("grant", 5, |r| {
        let grant = Grant {
            slot: SlotId::from_bytes(r.fixed("slot of a grant")?),
            role: r.u8("role of a grant")?,
            kem: r.uint("kind of a grant")?,
            enc: r.bytes("encapsulated key")?.to_vec(),
            ct: r.bytes("ciphertext of a grant")?.to_vec(),
        };
        if grant.is_valid() {
            Ok(grant)
        } else {
            Err(DecodeError::invalid("grant", r.position()))
        }
    })
}

fn has_twin(bundles: &[(u8, Vec<u8>)]) -> bool {
    let mut roles: Vec<u8> = bundles.iter().map(|(role, _)| *role).collect();
    roles.sort_unstable();
    !roles.is_sorted_by(|a, b| a < b)
}
