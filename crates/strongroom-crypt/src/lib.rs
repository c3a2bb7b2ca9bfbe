//! Keys, key slots, cipher suites, keyed ids, signatures: everything in a repository that is secret
//! or proves something.
//!
//! ```
//! use strongroom_crypt::{FrameSealer, IdHasher, Sealer, Secret, Suite, SystemRandom};
//!
//! let id_key = Secret::generate(&SystemRandom)?;
//! let session = Secret::generate(&SystemRandom)?;
//! let plaintext = b"some bytes of a file";
//!
//! let id = IdHasher::new(&id_key).id(0, plaintext);
//! let frames = FrameSealer::new(Suite::Aes256Gcm, &session);
//! let mut pack = Vec::new();
//! frames.seal(id.as_bytes(), plaintext, &mut pack)?;
//! assert_eq!(pack.len(), plaintext.len() + frames.overhead());
//!
//! let mut restored = Vec::new();
//! frames.open(id.as_bytes(), &pack, &mut restored)?;
//! assert_eq!(restored, plaintext);
//! # Ok::<(), strongroom_crypt::Error>(())
//! ```
//!
//! It is **not** a general cryptographic toolbox. It implements sections 3, 6 and 7 of
//! `docs/format.md` and nothing else; it encodes no structures (that is `strongroom-format`) and does
//! no input or output except asking the system for random bytes, which a test can replace.
//!
//! * A [`Secret`] is 32 bytes that are wiped when dropped and never print. [`derive()`] makes others
//!   of it.
//! * A [`Suite`] is chosen whole, by number, per repository. It makes [`Sealer`]s: boxes for
//!   structure, frames for content. There is no nonce anywhere: every message has its own key.
//! * An [`IdHasher`] names plaintext; [`StructureKeys`] and [`Session`] hold the sealers of a
//!   repository by purpose.
//! * A [`SlotKey`] is what a [`Passphrase`], a [`RecoveryCode`] or an external [`KeyWrapper`]
//!   protects; grants ([`seal_grant`], [`open_grant`]) are sealed to its [`PublicKey`].
//! * [`SigningKey`] and [`VerifyingKey`] sign the journal.
//!
//! # Security
//!
//! A failure to open says that it failed and nothing else. What is secret is compared in constant
//! time and wiped where this crate holds it; copies that a compiler or a library leaves on the stack
//! are beyond its reach.

mod aead;
mod argon;
mod boxes;
mod error;
mod frame;
mod grant;
mod id;
mod ids;
mod random;
mod recovery;
mod sealer;
mod secret;
mod session;
mod sign;
mod slot;
mod structure;
mod suite;
mod wrapper;

pub use argon::{Argon2Params, Passphrase};
pub use boxes::BoxSealer;
pub use error::{Error, ErrorKind, OpenError, SealError, SignatureError};
pub use frame::FrameSealer;
pub use grant::{GRANT_LEN, open_grant, seal_grant};
pub use id::{GenesisPin, Id, RepositoryId, SessionId, SlotId};
pub use ids::{IdHasher, chunker_key};
pub use random::{Random, SeededRandom, SystemRandom, fill_random, random};
pub use recovery::{RecoveryCode, RecoveryCodeError};
pub use sealer::{CipherSuite, Sealer, suite};
pub use secret::{Secret, derive, public_bundle_key};
pub use session::{EpochKey, Session, WRAPPED_SESSION_LEN};
pub use sign::{Roles, SigningKey, VerifyingKey};
pub use slot::{OpenedSlot, PassphraseLock, PublicKey, SLOT_BOX_LEN, SlotContext, SlotKey};
pub use structure::StructureKeys;
pub use suite::Suite;
pub use wrapper::{KeyUnwrapper, KeyWrapper, WrappedKey};
