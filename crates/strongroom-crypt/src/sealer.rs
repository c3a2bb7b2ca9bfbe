//! What boxes and frames have in common, and how a suite makes them.

use std::fmt;
use std::sync::Arc;

use crate::boxes::BoxSealer;
use crate::error::{OpenError, SealError};
use crate::frame::FrameSealer;
use crate::random::Random;
use crate::secret::Secret;
use crate::suite::Suite;

/// Seals byte strings under one key, each in a context that must be named again to open it.
///
/// # Contract
///
/// 1. What was sealed opens, in the same context and under the same key, to what it was.
/// 2. Any other context, key or sealed bytes give [`OpenError`], which says nothing more.
/// 3. `seal` and `open` append to `out`; on error its contents are as before.
/// 4. A sealed string is exactly [`overhead`](Sealer::overhead) bytes longer.
/// 5. Sealing twice gives different bytes.
pub trait Sealer: fmt::Debug + Send + Sync {
    /// Returns by how many bytes a sealed string is longer.
    fn overhead(&self) -> usize;

    /// Appends `plaintext`, sealed in the context `aad`, to `out`.
    ///
    /// # Errors
    ///
    /// [`SealError`] if there are no random bytes or the cipher permits no plaintext of this length
    /// (none does below 64 GiB).
    fn seal(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), SealError>;

    /// Appends what `sealed` holds to `out`.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for whatever reason.
    fn open(&self, aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError>;

    /// Opens `sealed` where it lies and returns the part of it that is now the plaintext.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for whatever reason; the contents of `sealed` are then unspecified and good
    /// for nothing.
    fn open_in_place<'a>(
        &self,
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError>;
}

/// A fixed set of algorithms that makes sealers for keys.
///
/// Implemented by [`Suite`]; a trait so that code which only seals need not know which suites exist.
pub trait CipherSuite: fmt::Debug + Send + Sync {
    /// Returns its number in the format.
    fn id(&self) -> u16;

    /// Returns a sealer of boxes (format §3.3), which commit to their key.
    fn boxes(&self, key: &Secret, random: &Arc<dyn Random>) -> Box<dyn Sealer>;

    /// Returns a sealer of frames (format §3.4), which are 32 bytes shorter and commit to nothing.
    fn frames(&self, secret: &Secret, random: &Arc<dyn Random>) -> Box<dyn Sealer>;
}

impl CipherSuite for Suite {
    fn id(&self) -> u16 {
        (*self).id()
    }

    fn boxes(&self, key: &Secret, random: &Arc<dyn Random>) -> Box<dyn Sealer> {
        Box::new(BoxSealer::with_random(*self, key, random))
    }

    fn frames(&self, secret: &Secret, random: &Arc<dyn Random>) -> Box<dyn Sealer> {
        Box::new(FrameSealer::with_random(*self, secret, random))
    }
}

/// Returns the implementation of `suite`.
#[must_use]
pub fn suite(suite: Suite) -> &'static dyn CipherSuite {
    match suite {
        Suite::None => &Suite::None,
        Suite::Aes256Gcm => &Suite::Aes256Gcm,
        Suite::ChaCha20Poly1305 => &Suite::ChaCha20Poly1305,
    }
}
