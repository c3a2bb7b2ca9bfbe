//! Passphrases and what it costs to guess one.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// The cost of Argon2id, within the bounds of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Argon2Params {
    m_kib: u32,
    t: u32,
    p: u32,
}

impl Argon2Params {
    /// What new slots get: 256 MiB, three passes, one lane; about a second.
    pub const DEFAULT: Self = Self {
        m_kib: 262_144,
        t: 3,
        p: 1,
    };

    /// The least memory a writer should choose, 64 MiB.
    pub const RECOMMENDED_MIN_KIB: u32 = 65_536;

    /// **For tests only**: the least that the format permits, 8 KiB and one pass.
    pub const FASTEST: Self = Self {
        m_kib: 8,
        t: 1,
        p: 1,
    };

    const MAX_KIB: u32 = 1_048_576;
    const MAX_PASSES: u32 = 16;
    const MAX_LANES: u32 = 16;

    /// Checks the bounds of format §6: 8 ≤ m ≤ 1,048,576, m ≥ 8·p, 1 ≤ t ≤ 16, 1 ≤ p ≤ 16.
    ///
    /// Slots come from storage, and storage may be hostile: because a value of this type is within
    /// bounds, it can make the reader spend no more than 1 GiB.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Params`] if one is out of bounds.
    pub fn new(m_kib: u32, t: u32, p: u32) -> Result<Self, Error> {
        let in_bounds = (8..=Self::MAX_KIB).contains(&m_kib)
            && (1..=Self::MAX_PASSES).contains(&t)
            && (1..=Self::MAX_LANES).contains(&p)
            && m_kib >= 8 * p;
        if !in_bounds {
            return Err(Error::new(
                ErrorKind::Params,
                "Argon2 parameters are out of bounds",
            ));
        }
        Ok(Self { m_kib, t, p })
    }

    /// Returns the memory in KiB.
    #[must_use]
    pub fn m_kib(&self) -> u32 {
        self.m_kib
    }

    /// Returns the number of passes.
    #[must_use]
    pub fn t(&self) -> u32 {
        self.t
    }

    /// Returns the number of lanes.
    #[must_use]
    pub fn p(&self) -> u32 {
        self.p
    }
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A passphrase: wiped when dropped, never printed.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase as the user typed it. Its UTF-8 bytes are used as they are, without
    /// Unicode normalisation.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns whether nothing was typed. A caller should refuse that for a new slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stretches the passphrase: Argon2id, version 0x13, 32 bytes.
    pub(crate) fn stretch(&self, params: Argon2Params, salt: &[u8]) -> Result<Secret, Error> {
        let params = Params::new(params.m_kib, params.t, params.p, Some(Secret::LEN))
            .map_err(|_| Error::new(ErrorKind::Params, "Argon2 refused the parameters"))?;
        // The memory is ours, not the library's, because the library would not wipe it.
        let blocks = params.block_count();
        let mut memory = Zeroizing::new(Vec::new());
        memory
            .try_reserve_exact(blocks)
            .map_err(|_| Error::new(ErrorKind::Memory, "not enough memory for Argon2"))?;
        memory.resize(blocks, Block::new());
        let mut secret = Secret::zero();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                self.0.as_bytes(),
                salt,
                secret.as_mut(),
                memory.as_mut_slice(),
            )
            .map_err(|_| Error::new(ErrorKind::Params, "Argon2 refused the passphrase or salt"))?;
        Ok(secret)
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
