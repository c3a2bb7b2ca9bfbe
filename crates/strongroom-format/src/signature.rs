//! The signatures of journal entries, checkpoints and keyrings (`docs/format.md`, §3.6).

use strongroom_crypt::{SigningKey, VerifyingKey};

use crate::fields::Fields;
use crate::limits::{MAX_SIGNATURE_BYTES, MAX_SIGNATURES, MAX_SIGNING_KEY_BYTES};
use crate::{DecodeError, EncodeError};

/// An Ed25519 signature and the key that it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Signature {
    /// The claimed key.
    pub public: [u8; 32],
    /// The signature.
    pub signature: [u8; 64],
}

impl Signature {
    /// Whether the claimed key signed `message`.
    #[must_use]
    pub fn verify(&self, message: &[u8]) -> bool {
        VerifyingKey::from_bytes(self.public)
            .verify(message, &self.signature)
            .is_ok()
    }
}

/// Appends the signatures of `message` by 1 to 8 keys.
pub(crate) fn write_signatures(
    out: &mut Vec<u8>,
    message: &[u8],
    signers: &[&SigningKey],
) -> Result<(), EncodeError> {
    let count = u16::try_from(signers.len()).unwrap_or(u16::MAX);
    if count == 0 || usize::from(count) > MAX_SIGNATURES {
        return Err(EncodeError::invalid("number of signatures"));
    }
    out.extend_from_slice(&count.to_le_bytes());
    for signer in signers {
        out.extend_from_slice(&[SigningKey::ALGORITHM, 0]);
        out.extend_from_slice(&KEY_LEN.to_le_bytes());
        out.extend_from_slice(&SIGNATURE_LEN.to_le_bytes());
        out.extend_from_slice(signer.public().as_bytes());
        out.extend_from_slice(&signer.sign(message));
    }
    Ok(())
}

/// Reads signatures up to the end of the structure. Those of unknown algorithms are passed over, so that none may be left.
pub(crate) fn read_signatures(f: &mut Fields<'_>) -> Result<Vec<Signature>, DecodeError> {
    let at = f.position();
    let count = usize::from(f.u16()?);
    if count == 0 || count > MAX_SIGNATURES {
        return Err(DecodeError::invalid("number of signatures", at));
    }
    let mut signatures = Vec::with_capacity(count);
    for _ in 0..count {
        signatures.extend(read_row(f)?);
    }
    f.finish()?;
    Ok(signatures)
}

fn read_row(f: &mut Fields<'_>) -> Result<Option<Signature>, DecodeError> {
    let algorithm = f.u8()?;
    f.reserved(1)?;
    let at = f.position();
    let (key, signature) = (f.u16()?, f.u16()?);
    if algorithm == SigningKey::ALGORITHM {
        if (key, signature) != (KEY_LEN, SIGNATURE_LEN) {
            return Err(DecodeError::invalid("length of a signature", at));
        }
        return Ok(Some(Signature {
            public: f.array()?,
            signature: f.array()?,
        }));
    }
    let (key, signature) = (usize::from(key), usize::from(signature));
    if key > MAX_SIGNING_KEY_BYTES || signature > MAX_SIGNATURE_BYTES {
        return Err(DecodeError::too_large("signature", at));
    }
    f.take(key + signature)?;
    Ok(None)
}

const KEY_LEN: u16 = 32;
const SIGNATURE_LEN: u16 = 64;
