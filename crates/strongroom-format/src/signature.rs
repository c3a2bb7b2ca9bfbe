//! The signatures of journal entries and checkpoints.

use strongroom_crypt::{SigningKey, VerifyingKey};

use crate::fields::Fields;
use crate::limits::MAX_SIGNATURES;
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
        out.extend_from_slice(&[SigningKey::ALGORITHM, 0, 0, 0]);
        out.extend_from_slice(signer.public().as_bytes());
        out.extend_from_slice(&signer.sign(message));
    }
    Ok(())
}

/// Reads signatures up to the end of the structure.
pub(crate) fn read_signatures(f: &mut Fields<'_>) -> Result<Vec<Signature>, DecodeError> {
    let at = f.position();
    let count = usize::from(f.u16()?);
    if count == 0 || count > MAX_SIGNATURES {
        return Err(DecodeError::invalid("number of signatures", at));
    }
    let mut signatures = Vec::with_capacity(count);
    for _ in 0..count {
        let at = f.position();
        if f.u8()? != SigningKey::ALGORITHM {
            return Err(DecodeError::unsupported("algorithm of a signature", at));
        }
        f.reserved(3)?;
        signatures.push(Signature {
            public: f.array()?,
            signature: f.array()?,
        });
    }
    f.finish()?;
    Ok(signatures)
}
