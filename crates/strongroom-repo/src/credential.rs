//! What opens a repository.

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::{KeyUnwrapper, Passphrase, RecoveryCode, SlotKey};

/// What opens a repository. A clone is another handle on the same secret, which is wiped with the last one.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing: for repositories that are not encrypted.
    #[default]
    None,
    /// A passphrase.
    Passphrase(Arc<Passphrase>),
    /// A recovery code.
    RecoveryCode(Arc<RecoveryCode>),
    /// A key service that can unwrap the key of a slot. Needs a pin of the repository
    /// ([`RepositoryBuilder::pin`](crate::RepositoryBuilder::pin)), since anybody can wrap a key for a service.
    Unwrapper(Arc<dyn KeyUnwrapper>),
    /// The private key of a slot that is a recipient. Needs a pin likewise.
    Key(Arc<SlotKey>),
}

impl Credential {
    /// Takes a passphrase as the user typed it.
    #[must_use]
    pub fn passphrase(text: impl Into<String>) -> Self {
        Self::Passphrase(Arc::new(Passphrase::new(text.into())))
    }

    /// Says whether nothing was given.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl From<Passphrase> for Credential {
    fn from(passphrase: Passphrase) -> Self {
        Self::Passphrase(Arc::new(passphrase))
    }
}

impl From<RecoveryCode> for Credential {
    fn from(code: RecoveryCode) -> Self {
        Self::RecoveryCode(Arc::new(code))
    }
}

impl From<Arc<dyn KeyUnwrapper>> for Credential {
    fn from(unwrapper: Arc<dyn KeyUnwrapper>) -> Self {
        Self::Unwrapper(unwrapper)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Passphrase(_) => "Passphrase(..)",
            Self::RecoveryCode(_) => "RecoveryCode(..)",
            Self::Unwrapper(_) => "Unwrapper(..)",
            Self::Key(_) => "Key(..)",
        })
    }
}
