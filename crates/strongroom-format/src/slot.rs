//! Slots: ways to open a repository.

use strongroom_crypt::{Argon2Params, PublicKey, RepositoryId, SLOT_BOX_LEN, SlotId, Suite};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::{MAX_CONFIG_BYTES, MAX_KEM_BYTES};
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectKind, Preamble};

/// A key pair whose private half something protects (`docs/format.md`, §6).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Slot {
    /// Names the slot.
    pub id: SlotId,
    /// Public key, to which grants are sealed: 32 bytes for X25519, at most 4,096 for what a later version knows.
    pub public: Vec<u8>,
    /// What protects the private key.
    pub method: SlotMethod,
    /// What a later version added; of an unknown method everything that it needs.
    pub unknown: Unknown,
}

/// What protects a slot's private key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotMethod {
    /// A passphrase.
    Passphrase {
        /// Cost of a guess.
        params: Argon2Params,
        /// Salt of the passphrase.
        salt: [u8; 16],
        /// Box of the private key and the admin's public key.
        boxed: [u8; SLOT_BOX_LEN],
    },
    /// A recovery code.
    RecoveryCode {
        /// Box of the private key and the admin's public key.
        boxed: [u8; SLOT_BOX_LEN],
    },
    /// Nothing: somebody holds the private key.
    Recipient,
    /// A key service.
    External {
        /// Name of the key, for the embedder's wrapper.
        name: String,
        /// The private key as the service wrapped it.
        wrapped: Vec<u8>,
    },
    /// A method of a later version.
    Unknown(u64),
}

impl SlotMethod {
    /// Returns the number of the method.
    #[must_use]
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Passphrase { .. } => 1,
            Self::RecoveryCode { .. } => 2,
            Self::Recipient => 3,
            Self::External { .. } => 4,
            Self::Unknown(kind) => *kind,
        }
    }
}

impl Slot {
    /// Describes a slot of this version.
    #[must_use]
    pub fn new(id: SlotId, public: PublicKey, method: SlotMethod) -> Self {
        Self {
            id,
            public: public.as_bytes().to_vec(),
            method,
            unknown: Unknown::default(),
        }
    }

    /// Returns the object.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 65,536 bytes, and for a public key above 4,096; `Invalid` when an unknown method has a known number.
    pub fn encode(&self, suite: Suite, repository: RepositoryId) -> Result<Vec<u8>, EncodeError> {
        if self.public.len() > MAX_KEM_BYTES {
            return Err(EncodeError::too_large("public key"));
        }
        let mut body = Vec::new();
        let mut map = MapWriter::new(&mut body);
        map.uint(0, self.method.kind());
        map.bytes(1, &self.public);
        match &self.method {
            SlotMethod::Passphrase {
                params,
                salt,
                boxed,
            } => {
                let out = map.key(2);
                cbor::array(out, 4);
                cbor::uint(out, u64::from(params.m_kib()));
                cbor::uint(out, u64::from(params.t()));
                cbor::uint(out, u64::from(params.p()));
                cbor::bytes(out, salt);
                map.bytes(3, boxed);
            }
            SlotMethod::RecoveryCode { boxed } => map.bytes(3, boxed),
            SlotMethod::Recipient => {}
            SlotMethod::External { name, wrapped } => {
                map.text(4, name);
                map.bytes(5, wrapped);
            }
            SlotMethod::Unknown(1..=4) => return Err(EncodeError::invalid("kind of a slot")),
            SlotMethod::Unknown(_) => {}
        }
        map.finish(&self.unknown)?;
        let preamble = Preamble::new(ObjectKind::Slot, suite, repository, *self.id.as_bytes());
        let mut object = preamble.encode().to_vec();
        write_prefixed(&mut object, &body, "slot")?;
        finish_whole(object, MAX_CONFIG_BYTES, "slot")
    }

    /// Decodes a whole object.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` as for preambles; `Invalid` also for a cost outside the bounds of the
    /// format, or a key of another method; `TooLarge`; `Truncated`.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let (preamble, mut f) = open_whole(object, ObjectKind::Slot, MAX_CONFIG_BYTES, "slot")?;
        let base = f.position() + 4;
        let body = read_prefixed(&mut f, MAX_CONFIG_BYTES)?;
        f.finish()?;
        let id = SlotId::from_bytes(preamble.random);
        Self::read(id, body).map_err(|error| error.shifted(base))
    }

    fn read(id: SlotId, body: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let (mut kind, mut public) = (None, None);
        let (mut argon, mut boxed, mut name, mut wrapped) = (None, None, None, None);
        let unknown = r.map("slot", |r, key| {
            match (key, kind) {
                (0, _) => kind = Some(r.uint("kind of a slot")?),
                (1, _) => public = Some(read_public(r)?),
                (2, Some(1)) => argon = Some(read_argon(r)?),
                (3, Some(1 | 2)) => boxed = Some(r.fixed("box of a slot")?),
                (4, Some(4)) => name = Some(r.string("name of a key")?),
                (5, Some(4)) => wrapped = Some(r.bytes("wrapped key")?.to_vec()),
                (2..=5, Some(1..=4) | None) => {
                    return Err(DecodeError::invalid(
                        "key of another kind of slot",
                        r.position(),
                    ));
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("slot")?;
        let method = match kind.ok_or(missing("kind of a slot"))? {
            1 => {
                let (params, salt) = argon.ok_or(missing("cost"))?;
                let boxed = boxed.ok_or(missing("box of a slot"))?;
                SlotMethod::Passphrase {
                    params,
                    salt,
                    boxed,
                }
            }
            2 => SlotMethod::RecoveryCode {
                boxed: boxed.ok_or(missing("box of a slot"))?,
            },
            3 => SlotMethod::Recipient,
            4 => SlotMethod::External {
                name: name.ok_or(missing("name of a key"))?,
                wrapped: wrapped.ok_or(missing("wrapped key"))?,
            },
            kind => SlotMethod::Unknown(kind),
        };
        Ok(Self {
            id,
            public: public.ok_or(missing("public key"))?,
            method,
            unknown,
        })
    }
}

/// Returns the context in which a slot's private key and the admin's public key are sealed.
#[must_use]
pub fn slot_aad(repository: &RepositoryId, id: &SlotId, kind: u8) -> Vec<u8> {
    [
        b"slot".as_slice(),
        repository.as_bytes(),
        id.as_bytes(),
        &[kind],
    ]
    .concat()
}

/// Reads the public key of a slot.
pub(crate) fn read_public(r: &mut Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    let at = r.position();
    let public = r.bytes("public key")?;
    if public.len() > MAX_KEM_BYTES {
        return Err(DecodeError::too_large("public key", at));
    }
    Ok(public.to_vec())
}

fn read_argon(r: &mut Reader<'_>) -> Result<(Argon2Params, [u8; 16]), DecodeError> {
    let at = r.position();
    r.tuple("cost", 4, |r| {
        let params = Argon2Params::new(r.u32("memory")?, r.u32("passes")?, r.u32("lanes")?)
            .map_err(|_| DecodeError::invalid("cost", at))?;
        Ok((params, r.fixed("salt")?))
    })
}
