//! Where random bytes come from. The only thing in this crate that asks the outside world.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ring::rand::SecureRandom;

use crate::error::{Error, ErrorKind};

/// A source of random bytes.
///
/// # Contract
///
/// 1. Bytes are unpredictable to an attacker ([`SeededRandom`] is for tests and is not).
/// 2. On success every byte of `out` was drawn; on failure nobody may use any of them.
/// 3. It may be called from any thread.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if there are no random bytes.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}

impl<R: Random + ?Sized> Random for Arc<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.as_ref().fill(out)
    }
}

/// The system's random generator.
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit struct is its own constructor"
)]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SystemRandom {
    /// Returns it as the shared handle that sealers keep.
    #[must_use]
    pub fn shared() -> Arc<dyn Random> {
        Arc::new(Self)
    }
}

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        ring::rand::SystemRandom::new()
            .fill(out)
            .map_err(|_| Error::new(ErrorKind::Random, "the system gave no random bytes"))
    }
}

/// **For tests only**: a predictable stream, the same for the same seed and order of calls.
///
/// # Security
///
/// Anything made with it can be read and forged by whoever knows the seed.
pub struct SeededRandom(Mutex<blake3::OutputReader>);

impl SeededRandom {
    /// Starts the stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("strongroom seeded random for tests");
        hasher.update(&seed.to_le_bytes());
        Self(Mutex::new(hasher.finalize_xof()))
    }

    /// Starts the stream of `seed` as the shared handle that sealers keep.
    #[must_use]
    pub fn shared(seed: u64) -> Arc<dyn Random> {
        Arc::new(Self::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        // A panic cannot leave the stream half-read, so a poisoned lock is as good as any.
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.fill(out);
        Ok(())
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededRandom")
    }
}

/// Returns `N` bytes of the system's random generator.
///
/// # Errors
///
/// [`ErrorKind::Random`](crate::ErrorKind::Random) if there are none.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Fills `out` from the system's random generator.
///
/// # Errors
///
/// [`ErrorKind::Random`](crate::ErrorKind::Random) if there are no random bytes.
pub fn fill_random(out: &mut [u8]) -> Result<(), Error> {
    SystemRandom.fill(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_does_not_repeat_itself() {
        assert_ne!(random::<32>().unwrap(), random::<32>().unwrap());
        let mut filled = [0; 100];
        fill_random(&mut filled).unwrap();
        assert_ne!(filled, [0; 100]);
    }

    #[test]
    fn a_seed_repeats_itself_whatever_the_pieces() {
        let draw = |random: &dyn Random, lengths: &[usize]| {
            let pieces = lengths.iter().map(|len| {
                let mut piece = vec![0; *len];
                random.fill(&mut piece).unwrap();
                piece
            });
            pieces.collect::<Vec<_>>().concat()
        };
        let whole = draw(&SeededRandom::new(1), &[100]);
        assert_eq!(whole, draw(&SeededRandom::shared(1), &[1, 0, 64, 35]));
        assert_ne!(whole, draw(&SeededRandom::new(2), &[100]));
        assert_ne!(whole[..50], whole[50..]);
    }
}
