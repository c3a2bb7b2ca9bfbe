//! The fixed set of algorithms of a repository, by number.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// The fixed set of algorithms of a repository. It is recorded by number and never negotiated.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// No encryption: keyed hashes that detect accidents. Every key can be read by anyone.
    None,
    /// AES-256-GCM; the fastest where the processor has instructions for it.
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439); the fastest where it has not.
    ChaCha20Poly1305,
}

impl Suite {
    /// Returns its number in the format.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    /// Returns the suite with this number, or `None` if this version knows none.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }
}

impl TryFrom<u16> for Suite {
    type Error = Error;

    fn try_from(id: u16) -> Result<Self, Error> {
        Self::from_id(id).ok_or_else(|| {
            Error::new(
                ErrorKind::Incompatible,
                "a suite that this version does not know",
            )
        })
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_format() {
        let known = [Suite::None, Suite::Aes256Gcm, Suite::ChaCha20Poly1305];
        assert_eq!(known.map(Suite::id), [0, 1, 2]);
        for suite in known {
            assert_eq!(Suite::from_id(suite.id()), Some(suite));
        }
        for id in [3, 256, u16::MAX] {
            assert_eq!(
                Suite::try_from(id).unwrap_err().kind(),
                ErrorKind::Incompatible
            );
        }
    }
}
