//! Sessions, which seal content, and the epoch keys that wrap their secrets.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::boxes::BoxSealer;
use crate::error::{Error, OpenError, SealError};
use crate::frame::FrameSealer;
use crate::id::{RepositoryId, SessionId};
use crate::random::{Random, SystemRandom};
use crate::sealer::Sealer;
use crate::secret::{Secret, ct_eq, derive, fill_of_hasher};
use crate::suite::Suite;

/// Length of a wrapped session secret in bytes.
pub const WRAPPED_SESSION_LEN: usize = Secret::LEN + BoxSealer::OVERHEAD;

/// The secret of one writing session. Frames that hold content are sealed under it.
pub struct Session {
    id: SessionId,
    sealer: FrameSealer,
}

impl Session {
    /// Starts a session with a fresh secret; all its randomness comes from `random`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if there is none.
    pub fn start(suite: Suite, random: &Arc<dyn Random>) -> Result<Self, Error> {
        let secret = Secret::generate(random)?;
        Ok(Self {
            id: session_id(&secret),
            sealer: FrameSealer::with_random(suite, &secret, random),
        })
    }

    /// Takes up the session of `secret`, if `expected` is its id. What it still seals or wraps gets
    /// its salts from the system's random generator.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is not.
    pub fn from_secret(
        suite: Suite,
        secret: Secret,
        expected: SessionId,
    ) -> Result<Self, OpenError> {
        let id = session_id(&secret);
        if !ct_eq(id.as_bytes(), expected.as_bytes()) {
            return Err(OpenError);
        }
        Ok(Self {
            id,
            sealer: FrameSealer::with_random(suite, &secret, &SystemRandom::shared()),
        })
    }

    /// Opens a session secret that was wrapped for `epoch`, and checks that it is that of `id`.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for whatever reason.
    pub fn unwrap(
        suite: Suite,
        repository: &RepositoryId,
        id: SessionId,
        epoch: u32,
        epoch_key: &EpochKey,
        wrapped: &[u8],
    ) -> Result<Self, OpenError> {
        if wrapped.len() != WRAPPED_SESSION_LEN {
            return Err(OpenError);
        }
        let context = wrap_context(repository, &id, epoch);
        let mut opened = Zeroizing::new([0; WRAPPED_SESSION_LEN]);
        opened.copy_from_slice(wrapped);
        let wraps = epoch_key.wraps(suite, &SystemRandom::shared());
        let secret = wraps.open_in_place(&context, opened.as_mut_slice())?;
        let secret = secret.first_chunk().ok_or(OpenError)?;
        Self::from_secret(suite, Secret::from_bytes(secret), id)
    }

    /// Wraps the secret to `epoch`, for the header of a pack. The result has
    /// [`WRAPPED_SESSION_LEN`] bytes.
    ///
    /// # Errors
    ///
    /// [`SealError`] if there are no random bytes.
    pub fn wrap(
        &self,
        repository: &RepositoryId,
        epoch: u32,
        epoch_key: &EpochKey,
    ) -> Result<Vec<u8>, SealError> {
        let context = wrap_context(repository, &self.id, epoch);
        let wraps = epoch_key.wraps(self.sealer.suite(), self.sealer.random());
        let mut wrapped = Vec::with_capacity(WRAPPED_SESSION_LEN);
        wraps.seal(&context, self.sealer.secret().expose(), &mut wrapped)?;
        Ok(wrapped)
    }

    /// Returns its name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Returns the sealer of its frames.
    #[must_use]
    pub fn sealer(&self) -> &FrameSealer {
        &self.sealer
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, ..)", self.id)
    }
}

/// The symmetric key of one epoch: it wraps session secrets, and seals details of snapshots
/// and sensitive parts of evidence.
pub struct EpochKey(Secret);

impl EpochKey {
    /// Makes a random one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if there are no random bytes.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Secret::generate(random).map(Self)
    }

    /// Makes one of the secret that a keyring holds.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Returns the secret, for a keyring.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Returns the sealer of sensitive parts of evidence.
    #[must_use]
    pub fn evidence(&self, suite: Suite, random: &Arc<dyn Random>) -> BoxSealer {
        BoxSealer::with_random(suite, &derive(&self.0, "evidence"), random)
    }

    /// Returns the sealer of details of snapshots.
    #[must_use]
    pub fn details(&self, suite: Suite, random: &Arc<dyn Random>) -> BoxSealer {
        BoxSealer::with_random(suite, &derive(&self.0, "details"), random)
    }

    fn wraps(&self, suite: Suite, random: &Arc<dyn Random>) -> BoxSealer {
        BoxSealer::with_random(suite, &derive(&self.0, "session wrap"), random)
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(..)")
    }
}

fn session_id(secret: &Secret) -> SessionId {
    let mut hasher = blake3::Hasher::new_derive_key("strongroom v1 session id");
    hasher.update(secret.expose());
    let mut id = [0; SessionId::LEN];
    fill_of_hasher(&mut hasher, &mut id);
    SessionId::from_bytes(id)
}

fn wrap_context(repository: &RepositoryId, id: &SessionId, epoch: u32) -> Vec<u8> {
    [
        b"session".as_slice(),
        repository.as_bytes(),
        id.as_bytes(),
        &epoch.to_le_bytes(),
    ]
    .concat()
}
