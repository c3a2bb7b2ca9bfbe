//! Why a check could not look.

use std::fmt;

use strongroom_format::object_name::ObjectName;

/// Why a check could not look. One word wide; [`kind`](Self::kind) says what a caller can do about it.
///
/// What a check saw, however bad, is no error: it is in the [`Report`](crate::Report).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    what: String,
    object: Option<ObjectName>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no repository here: nothing in the store is an object of one.
    NotFound,
    /// The keys are those of another repository.
    WrongKey,
    /// Written by a newer version as a whole; use that.
    Incompatible,
    /// The request makes no sense as given.
    Invalid,
    /// The store does not allow it.
    PermissionDenied,
    /// The store cannot be reached; try again.
    Unavailable,
    /// A worker panicked or the system refused a thread: a bug, or a machine in trouble.
    Internal,
}

/// The result of a check that may not have been able to look.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error; `what` is a lower-case phrase without a final period. Checks of your own return them too.
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            object: None,
            source: None,
        }))
    }

    /// Names the object concerned.
    #[must_use]
    pub fn with_object(mut self, object: ObjectName) -> Self {
        self.0.object = Some(object);
        self
    }

    /// Attaches the cause.
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

    /// Returns the object concerned, if it is one.
    #[must_use]
    pub fn object(&self) -> Option<ObjectName> {
        self.0.object
    }

    /// Returns whether the same check may succeed later: true for [`ErrorKind::Unavailable`] alone.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }
}

impl From<strongroom_store::Error> for Error {
    fn from(error: strongroom_store::Error) -> Self {
        let kind = match error.kind() {
            strongroom_store::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, "the store failed").with_source(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        match &self.0.object {
            Some(object) => write!(f, ": {object}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("what", &self.0.what)
            .field("object", &self.0.object)
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
