//! What can go wrong in a store, and what a caller can do about it.

use std::fmt;
use std::time::Duration;

use crate::key::Key;

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in a store: a kind to act on, and the operation, key and cause for a person.
///
/// ```
/// use strongroom_store::{Error, ErrorKind, Key};
///
/// let key = Key::parse("config")?;
/// let error = Error::new(ErrorKind::Unavailable, "get")
///     .with_key(&key)
///     .with_source(std::io::Error::from(std::io::ErrorKind::TimedOut));
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "get config: store unavailable");
/// # Ok::<(), Error>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    key: Option<Key>,
    cause: Option<Cause>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`Error`]. A kind exists if a caller would act differently on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The object does not exist, and the store is sure of it.
    NotFound,
    /// Create found an object of this key; nothing was changed.
    AlreadyExists,
    /// The range is not within the object.
    InvalidRange,
    /// An argument breaks a rule: a malformed key, or a key that is also a folder.
    Invalid,
    /// The store was reached and refuses: wrong credentials, a read-only mount.
    PermissionDenied,
    /// The store could not be reached or is overloaded: the operation may have had its effect, and
    /// may succeed later.
    Unavailable,
    /// The store is full.
    NoSpace,
    /// The object exceeds [`MAX_OBJECT_BYTES`](crate::MAX_OBJECT_BYTES) or a limit of the store.
    TooLarge,
    /// The store cannot do this at all; see [`Capabilities`](crate::Capabilities).
    Unsupported,
    /// The object is in a class of storage from which it must be warmed up before it can be read; see
    /// [`Warmer`](crate::Warmer).
    Archived,
    /// The place itself is not there: no such bucket, container or share. Never said of an object.
    NoStore,
    /// Anything else, such as a failing disk.
    Other,
}

/// What a person has to put right, where the store said so.
///
/// A program acts on the [`ErrorKind`]; the cause tells people of one kind apart. Its `Display` says what is wrong and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cause {
    /// No credentials were found where they were looked for.
    NoCredentials,
    /// The store does not know the credentials, or the signature made with them is wrong.
    WrongCredentials,
    /// The credentials were right once.
    ExpiredCredentials,
    /// This machine's clock and the store's differ by more than the store allows.
    ClockSkew,
    /// The credentials are known, and may not do this.
    Forbidden,
    /// The bucket, container or share does not exist.
    NoStore,
    /// A quota or the medium is used up.
    Full,
    /// The store's certificate cannot be verified.
    Certificate,
    /// The store asks for fewer requests.
    Throttled,
    /// Nothing was heard within the time allowed.
    Timeout,
    /// The object is in cold storage.
    Archived,
    /// The object is locked against being changed or deleted until a date.
    Retained,
}

impl Error {
    /// Returns an error of a kind. `operation` is the trait's verb where there is one: `"put"`.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            key: None,
            cause: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Names the object concerned; a wrapper that renames keys replaces it.
    #[must_use]
    pub fn with_key(mut self, key: &Key) -> Self {
        self.0.key = Some(key.clone());
        self
    }

    /// Says what a person has to put right.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// Says how long the store asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.0.retry_after = Some(retry_after);
        self
    }

    /// Attaches the error that this one comes from.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns what a caller should act on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what a person has to put right, where the store said so.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause
    }

    /// Returns how long the store asked to be left alone, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the object concerned, if it is one.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.0.key.as_ref()
    }

    /// Returns the verb that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Returns whether the same call may succeed later: true for [`ErrorKind::Unavailable`] alone.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.key {
            Some(key) => write!(f, "{} {key}: {}", self.0.operation, self.0.kind)?,
            None => write!(f, "{}: {}", self.0.operation, self.0.kind)?,
        }
        match self.0.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("key", &self.0.key)
            .field("cause", &self.0.cause)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::InvalidRange => "range outside the object",
            Self::Invalid => "invalid argument",
            Self::PermissionDenied => "permission denied",
            Self::Unavailable => "store unavailable",
            Self::NoSpace => "no space left in the store",
            Self::TooLarge => "object too large",
            Self::Unsupported => "not supported by the store",
            Self::Archived => "in cold storage",
            Self::NoStore => "no such store",
            Self::Other => "store failure",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredentials => "no credentials were found; set them in the environment or a profile",
            Self::WrongCredentials => "the credentials are not accepted; check the key and the secret",
            Self::ExpiredCredentials => "the credentials have expired; renew them",
            Self::ClockSkew => "the clock of this machine is not the store's; set it right",
            Self::Forbidden => "the credentials do not permit this; ask for the permission or use others",
            Self::NoStore => "the bucket, container or share does not exist; create it or correct its name",
            Self::Full => "a quota or the medium is used up; free or add space",
            Self::Certificate => "the certificate of the store cannot be verified; check the address and the trusted roots",
            Self::Throttled => "the store asks for fewer requests; lower the concurrency",
            Self::Timeout => "nothing was heard within the time allowed",
            Self::Archived => "the object must be warmed up before it can be read",
            Self::Retained => "the object is locked against change and deletion until its date",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide_and_travels() {
        fn travels<T: Send + Sync + 'static>() {}
        travels::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn only_unavailable_is_retryable() {
        use ErrorKind::*;
        for kind in [
            NotFound,
            AlreadyExists,
            InvalidRange,
            Invalid,
            PermissionDenied,
            NoSpace,
            TooLarge,
            Unsupported,
            Archived,
            NoStore,
            Other,
        ] {
            assert!(!Error::new(kind, "get").is_retryable(), "{kind:?}");
        }
        assert!(Error::new(Unavailable, "get").is_retryable());
    }

    #[test]
    fn display_says_what_to_do() {
        let error = Error::new(ErrorKind::PermissionDenied, "list").with_cause(Cause::Forbidden);
        assert_eq!(error.cause(), Some(Cause::Forbidden));
        assert_eq!(
            error.to_string(),
            "list: permission denied: the credentials do not permit this; ask for the permission or use others"
        );
    }

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::new(ErrorKind::Other, "list").with_source("the cable is out");
        assert_eq!(error.to_string(), "list: store failure");
        let source = std::error::Error::source(&error).expect("it was given a source");
        assert_eq!(source.to_string(), "the cable is out");
    }
}
