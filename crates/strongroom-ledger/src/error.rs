//! Why bytes are not what they claim to be.

use std::fmt;

/// Text or bytes that break a rule: of what, and where.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}: {kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    what: &'static str,
    at: usize,
}

/// What a caller can do about a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// It breaks a rule of its specification. Distrust where it comes from.
    Invalid,
    /// It is longer, or has more items, than is accepted.
    TooLarge,
    /// It is of a kind or version that this program does not know. A newer one may.
    Unsupported,
}

impl ParseError {
    pub(crate) const fn new(what: &'static str, at: usize) -> Self {
        Self {
            kind: ParseErrorKind::Invalid,
            what,
            at,
        }
    }

    pub(crate) const fn too_large(what: &'static str, at: usize) -> Self {
        Self {
            kind: ParseErrorKind::TooLarge,
            what,
            at,
        }
    }

    pub(crate) const fn unsupported(what: &'static str, at: usize) -> Self {
        Self {
            kind: ParseErrorKind::Unsupported,
            what,
            at,
        }
    }

    /// Moves the place, for a part that begins at byte `base` of the whole.
    pub(crate) const fn shifted(mut self, base: usize) -> Self {
        self.at = self.at.saturating_add(base);
        self
    }

    /// Returns what a caller decides by.
    #[must_use]
    pub const fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// Returns what it was taken for.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// Returns the byte at which it was noticed, from the start of what was parsed.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParseError({self})")
    }
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "not valid",
            Self::TooLarge => "above the limit",
            Self::Unsupported => "of a kind that is not known",
        })
    }
}
