//! What goes wrong when bytes become values, and the reverse.

use std::fmt;

/// Bytes that are not what they claim to be: which field, where, and what kind of problem.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}: {kind}")]
pub struct DecodeError {
    kind: DecodeErrorKind,
    what: &'static str,
    offset: usize,
}

impl DecodeError {
    pub(crate) const fn new(kind: DecodeErrorKind, what: &'static str, offset: usize) -> Self {
        Self { kind, what, offset }
    }

    pub(crate) const fn invalid(what: &'static str, offset: usize) -> Self {
        Self::new(DecodeErrorKind::Invalid, what, offset)
    }

    pub(crate) const fn truncated(what: &'static str, offset: usize) -> Self {
        Self::new(DecodeErrorKind::Truncated, what, offset)
    }

    pub(crate) const fn too_large(what: &'static str, offset: usize) -> Self {
        Self::new(DecodeErrorKind::TooLarge, what, offset)
    }

    pub(crate) const fn unsupported(what: &'static str, offset: usize) -> Self {
        Self::new(DecodeErrorKind::Unsupported, what, offset)
    }

    pub(crate) const fn damaged(what: &'static str) -> Self {
        Self::new(DecodeErrorKind::Damaged, what, 0)
    }

    /// Moves the offset, for a structure that begins at byte `base` of a larger one.
    pub(crate) const fn shifted(mut self, base: usize) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }

    /// Returns what a caller decides by.
    #[must_use]
    pub const fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// Returns the object or field in which the problem lies.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// Returns the byte, counted from the start of the decoded structure, at which it was noticed.
    ///
    /// Within a sealed structure this counts plaintext.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

/// What a caller can do about a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end too early. A fresh read may help.
    Truncated,
    /// The bytes break a rule of the format.
    Invalid,
    /// A length or count is above a limit of the format.
    TooLarge,
    /// A later version of the format wrote this; a newer program can read it.
    Unsupported,
    /// A hash, a seal or an authentication tag does not match. Another copy may help.
    Damaged,
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "ends too early",
            Self::Invalid => "not valid",
            Self::TooLarge => "above the limit",
            Self::Unsupported => "of a later version",
            Self::Damaged => "does not match its seal",
        })
    }
}

/// A value that has no representation in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {kind}")]
pub struct EncodeError {
    kind: EncodeErrorKind,
    what: &'static str,
}

impl EncodeError {
    pub(crate) const fn invalid(what: &'static str) -> Self {
        Self {
            kind: EncodeErrorKind::Invalid,
            what,
        }
    }

    pub(crate) const fn too_large(what: &'static str) -> Self {
        Self {
            kind: EncodeErrorKind::TooLarge,
            what,
        }
    }

    pub(crate) const fn seal(what: &'static str) -> Self {
        Self {
            kind: EncodeErrorKind::Seal,
            what,
        }
    }

    /// Returns what a caller decides by.
    #[must_use]
    pub const fn kind(&self) -> EncodeErrorKind {
        self.kind
    }

    /// Returns the object or field that could not be encoded.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

/// What a caller can do about an [`EncodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The value breaks a rule of the format.
    Invalid,
    /// The value is above a limit of the format; less of it may fit.
    TooLarge,
    /// The sealer failed, for example for want of random bytes.
    Seal,
}

impl fmt::Display for EncodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "not valid",
            Self::TooLarge => "above the limit",
            Self::Seal => "could not be sealed",
        })
    }
}
