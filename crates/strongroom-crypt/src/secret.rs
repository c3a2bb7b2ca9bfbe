//! Thirty-two secret bytes, and how one makes others.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::error::Error;
use crate::id::RepositoryId;
use crate::random::Random;

/// Thirty-two secret bytes: wiped when dropped, never printed, copied only on request.
///
/// The bytes live on the heap, so that moving a `Secret` leaves no copy behind.
pub struct Secret(Box<Zeroizing<[u8; 32]>>);

impl Secret {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Makes a secret of random bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if there are none.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        let mut secret = Self::zero();
        random.fill(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    /// Makes a secret of these bytes. The caller's copy remains; wipe it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// Returns the bytes. Whoever copies them must wipe the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns a second copy, wiped on its own.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::from_bytes(self.expose())
    }

    /// Compares in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        ct_eq(self.expose(), other.expose())
    }

    pub(crate) fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; 32])))
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }

    /// The first bytes of `hasher`'s output, which is wiped.
    pub(crate) fn of_hasher(mut hasher: blake3::Hasher) -> Self {
        let mut secret = Self::zero();
        fill_of_hasher(&mut hasher, secret.as_mut());
        secret
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Returns the key that `label` derives from `key`: `BLAKE3.keyed(key, "strongroom v1 " ‖ label)`.
#[must_use]
pub fn derive(key: &Secret, label: &str) -> Secret {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher.update(b"strongroom v1 ");
    hasher.update(label.as_bytes());
    Secret::of_hasher(hasher)
}

/// Returns the key of the keyring's bundle in [suite 0](crate::Suite::None). It is no secret.
#[must_use]
pub fn public_bundle_key(repository: &RepositoryId) -> Secret {
    let mut hasher = blake3::Hasher::new_derive_key("strongroom v1 suite 0");
    hasher.update(repository.as_bytes());
    Secret::of_hasher(hasher)
}

/// Fills `out` with the extended output of `hasher` and wipes every state that was used.
pub(crate) fn fill_of_hasher(hasher: &mut blake3::Hasher, out: &mut [u8]) {
    let mut reader = hasher.finalize_xof();
    reader.fill(out);
    reader.zeroize();
    hasher.zeroize();
}

/// Compares in constant time.
pub(crate) fn ct_eq(left: &[u8; 32], right: &[u8; 32]) -> bool {
    // BLAKE3 promises that hashes are compared in constant time.
    blake3::Hash::from_bytes(*left) == blake3::Hash::from_bytes(*right)
}
