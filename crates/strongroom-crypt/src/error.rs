//! What can go wrong, and the three failures that say nothing.

use std::fmt;

/// An error of this crate: a [kind](Error::kind) to act on, a line to read, sometimes a source.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The system gave no random bytes. Nothing can be written until it does.
    Random,
    /// A parameter is outside the bounds of the format: choose another, or distrust its origin.
    Params,
    /// Text or bytes are not what they should be: ask for them again.
    Malformed,
    /// A number belongs to a later version of this program.
    Incompatible,
    /// The key, passphrase or code does not open this.
    WrongKey,
    /// Not enough memory, or no thread, for the key derivation that was asked for.
    Memory,
    /// An external key service failed; see the source.
    External,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            source: None,
        }))
    }

    /// Returns the error of an external key service, for implementors of
    /// [`KeyWrapper`](crate::KeyWrapper) and [`KeyUnwrapper`](crate::KeyUnwrapper).
    ///
    /// The source MUST NOT contain key material.
    pub fn external(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::External,
            message: "the key service failed",
            source: Some(source.into()),
        }))
    }

    /// Returns the error of a source of randomness, for implementors of
    /// [`Random`](crate::Random).
    pub fn no_random(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Random,
            message: "there are no random bytes",
            source: Some(source.into()),
        }))
    }

    /// Returns what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// Opening failed. Whether the key, the context or the bytes were wrong is not known to anybody.
#[expect(
    clippy::exhaustive_structs,
    reason = "it says nothing, and implementors must make it"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("could not be opened")]
pub struct OpenError;

/// Sealing failed: no random bytes, or a plaintext beyond what the cipher permits.
#[expect(
    clippy::exhaustive_structs,
    reason = "it says nothing, and implementors must make it"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("could not be sealed")]
pub struct SealError;

/// A signature does not hold for this message and key.
#[expect(
    clippy::exhaustive_structs,
    reason = "it says nothing, and implementors must make it"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct SignatureError;

impl From<OpenError> for Error {
    fn from(_: OpenError) -> Self {
        Self::new(ErrorKind::WrongKey, "could not be opened")
    }
}

impl From<SealError> for Error {
    fn from(_: SealError) -> Self {
        Self::new(ErrorKind::Random, "could not be sealed")
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn an_error_is_one_word_with_a_kind_and_a_source() {
        fn travels<T: Send + Sync + 'static>(_: &T) {}
        let error = Error::external("the service is away");
        travels(&error);
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(error.kind(), ErrorKind::External);
        assert_eq!(error.to_string(), "the key service failed");
        assert_eq!(error.source().unwrap().to_string(), "the service is away");
        assert_eq!(Error::from(OpenError).kind(), ErrorKind::WrongKey);
        assert_eq!(Error::from(SealError).kind(), ErrorKind::Random);
    }
}
