//! Passphrases and what it costs to guess one.

use std::fmt;
use std::num::NonZero;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use zeroize::{Zeroize, Zeroizing};

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
    /// What new slots get: 64 MiB, three passes, four lanes, which RFC 9106 §4 recommends where 2 GiB are too much: a quarter of a second of one
    /// core, and less by the clock where there are more.
    pub const DEFAULT: Self = Self {
        m_kib: 65_536,
        t: 3,
        p: 4,
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

    /// Stretches the passphrase: Argon2id, version 0x13, 32 bytes. Lanes are computed at once, on as many threads as the machine has cores for.
    pub(crate) fn stretch(&self, params: Argon2Params, salt: &[u8]) -> Result<Secret, Error> {
        let threads = threads_for(params)?;
        let params = Params::new(params.m_kib, params.t, params.p, Some(Secret::LEN))
            .map_err(|_| Error::new(ErrorKind::Params, "Argon2 refused the parameters"))?;
        let mut secret = Secret::zero();
        threads.install(|| {
            let mut memory = Memory::new(params.block_count())?;
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into_with_memory(
                    self.0.as_bytes(),
                    salt,
                    secret.as_mut(),
                    &mut memory.0[..],
                )
                .map_err(|_| Error::new(ErrorKind::Params, "Argon2 refused the passphrase or salt"))
        })?;
        Ok(secret)
    }
}

/// The memory that a passphrase is stretched in. It is ours, not the library's, because the library would not wipe it. Pages are touched and wiped by
/// the threads of the pool that it is used in, at once.
struct Memory(Vec<Block>);

impl Memory {
    fn new(blocks: usize) -> Result<Self, Error> {
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(blocks)
            .map_err(|_| Error::new(ErrorKind::Memory, "not enough memory for Argon2"))?;
        rayon::iter::repeat_n(Block::new(), blocks).collect_into_vec(&mut memory);
        Ok(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let blocks = self.0.par_iter_mut().with_min_len(WIPED_BLOCKS);
        blocks.for_each(Zeroize::zeroize);
    }
}

/// At least a mebibyte is wiped at a time.
const WIPED_BLOCKS: usize = 1 << 10;

/// Starts the threads that compute the lanes; they end when this is dropped. The library would otherwise take those of the process as a whole,
/// which belong to the program and not to us.
fn threads_for(params: Argon2Params) -> Result<ThreadPool, Error> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let lanes = usize::try_from(params.p).unwrap_or(1);
    ThreadPoolBuilder::new()
        .num_threads(lanes.min(cores))
        .thread_name(|_| "strongroom-key".to_owned())
        .build()
        .map_err(|_| Error::new(ErrorKind::Memory, "the system gave no thread for Argon2"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8; 32]) -> String {
        crate::Id::from_bytes(*bytes).to_string()
    }

    /// RFC 9106, section 5.3. It has a secret and associated data, which the format does not use.
    #[test]
    fn the_library_agrees_with_rfc_9106() {
        let data = argon2::AssociatedData::new(&[4; 12]).unwrap();
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(data)
            .output_len(32)
            .build()
            .unwrap();
        let mut out = [0; 32];
        Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
            .unwrap()
            .hash_password_into(&[1; 32], &[2; 16], &mut out)
            .unwrap();
        let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
        assert_eq!(hex(&out), expected);
    }

    /// The tests of the reference implementation, version 0x13, Argon2id.
    #[test]
    fn passphrases_are_stretched_as_the_reference_implementation_does() {
        let check = |m_kib, t, p, expected| {
            let params = Argon2Params::new(m_kib, t, p).unwrap();
            let stretched = Passphrase::from("password").stretch(params, b"somesalt");
            assert_eq!(hex(stretched.unwrap().expose()), expected);
        };
        check(
            256,
            2,
            1,
            "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe",
        );
        check(
            256,
            2,
            2,
            "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037",
        );
        check(
            65536,
            2,
            1,
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7",
        );
    }

    #[test]
    fn parameters_are_bounded_before_anything_is_allocated() {
        for (m_kib, t, p) in [(8, 1, 1), (128, 1, 16), (1_048_576, 16, 16), (65_536, 3, 4)] {
            assert!(Argon2Params::new(m_kib, t, p).is_ok());
        }
        let most = u32::MAX;
        for (m_kib, t, p) in [
            (7, 1, 1),
            (1_048_577, 1, 1),
            (most, most, most),
            (8, 0, 1),
            (8, 17, 1),
            (8, 1, 0),
            (127, 1, 16),
            (1_048_576, 1, 17),
            (1_048_576, 1, most),
        ] {
            let error = Argon2Params::new(m_kib, t, p).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Params);
        }
        for params in [Argon2Params::DEFAULT, Argon2Params::FASTEST] {
            assert_eq!(
                Argon2Params::new(params.m_kib, params.t, params.p).unwrap(),
                params
            );
        }
    }
}
