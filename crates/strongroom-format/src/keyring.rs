//! The keyring as an object: sealed bundles, and grants to the slots.

use strongroom_crypt::{RepositoryId, SlotId, Suite};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::MAX_KEYRING_BYTES;
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectKind, Preamble};

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

/// A bundle's key, sealed to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Grant {
    /// The slot.
    pub slot: SlotId,
    /// Role of the bundle.
    pub role: u8,
    /// Encapsulated key.
    pub enc: [u8; 32],
    /// Ciphertext.
    pub ct: [u8; 48],
}

impl Keyring {
    /// Returns the object.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 4,194,304 bytes; `Invalid` when a role appears twice.
    pub fn encode(
        &self,
        suite: Suite,
        repository: RepositoryId,
        random: [u8; 16],
    ) -> Result<Vec<u8>, EncodeError> {
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
            cbor::array(out, 4);
            cbor::bytes(out, grant.slot.as_bytes());
            cbor::uint(out, u64::from(grant.role));
            cbor::bytes(out, &grant.enc);
            cbor::bytes(out, &grant.ct);
            Ok(())
        })?;
        map.finish(&self.unknown)?;
        let preamble = Preamble::new(ObjectKind::Keyring, suite, repository, random);
        let mut object = preamble.with_number(self.generation).encode().to_vec();
        write_prefixed(&mut object, &body, "keyring")?;
        finish_whole(object, MAX_KEYRING_BYTES, "keyring")
    }

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
        f.finish()?;
        let keyring = Self::read(body).map_err(|error| error.shifted(base))?;
        if keyring.generation != preamble.number {
            return Err(DecodeError::invalid("generation", base));
        }
        Ok(keyring)
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

fn read_bundle(r: &mut Reader<'_>) -> Result<(u8, Vec<u8>), DecodeError> {
    r.tuple("bundle", 2, |r| {
        Ok((r.u8("role of a bundle")?, r.bytes("bundle")?.to_vec()))
    })
}

fn read_grant(r: &mut Reader<'_>) -> Result<Grant, DecodeError> {
    r.tuple("grant", 4, |r| {
        Ok(Grant {
            slot: SlotId::from_bytes(r.fixed("slot of a grant")?),
            role: r.u8("role of a grant")?,
            enc: r.fixed("encapsulated key")?,
            ct: r.fixed("ciphertext of a grant")?,
        })
    })
}

fn has_twin(bundles: &[(u8, Vec<u8>)]) -> bool {
    let mut roles: Vec<u8> = bundles.iter().map(|(role, _)| *role).collect();
    roles.sort_unstable();
    !roles.is_sorted_by(|a, b| a < b)
}
