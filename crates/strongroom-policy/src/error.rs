//! The crate's one error.

use std::fmt;

/// Why a text is no value, or something asked for cannot be had. One word wide;
/// [`kind`](Self::kind) says what a caller can do about it.
///
/// What is wrong with a whole document is a [`ParseError`](crate::ParseError).
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    what: String,
    hint: Option<String>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A text or value is not what it should be: write it differently.
    Invalid,
    /// A scheduler cannot express this schedule: choose another one, or another scheduler.
    Inexpressible,
    /// The answer would be larger than a limit of this crate: ask for less.
    TooMuch,
    /// There is no such resource, repository or escalation.
    NotFound,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self(Box::new(Inner {
            kind,
            what,
            hint: None,
        }))
    }

    /// Makes an error of text that does not parse, quoted.
    pub(crate) fn invalid(text: &str, why: &str) -> Self {
        Self::new(ErrorKind::Invalid, format!("{:?} {why}", clip(text)))
    }

    /// Adds what to write instead.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Returns what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what to write instead, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// Returns at most [`QUOTED_CHARS_MAX`] characters of a text that somebody else wrote.
pub(crate) fn clip(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// Longer input is not a slip of the pen, and an error is one line.
const QUOTED_CHARS_MAX: usize = 60;
