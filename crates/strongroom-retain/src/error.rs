//! The crate's one error.

use std::fmt;

use crate::group::GroupKey;

/// Why there is no rule, no group or no plan. One word wide; [`kind`](Self::kind) says what a
/// caller can do about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    what: String,
    groups: Vec<GroupKey>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A text or number is no count, span, rule, group or moment: write it differently.
    Invalid,
    /// The plan would leave groups without a snapshot. [`Error::groups`] names them; allow them by
    /// name, or mend the rules.
    EmptiesGroup,
    /// The same id was given twice: one snapshot must not get two verdicts.
    Duplicate,
    /// The policy did not return one verdict for each snapshot: a bug of that policy.
    Policy,
}

impl Error {
    /// Makes an error of text that does not parse, quoted.
    pub(crate) fn invalid(text: &str, why: &str) -> Self {
        Self::new(ErrorKind::Invalid, format!("{:?}: {why}", Quoted(text)))
    }

    pub(crate) fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            groups: Vec::new(),
        }))
    }

    pub(crate) fn empties(groups: Vec<GroupKey>) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::EmptiesGroup,
            what: "the plan leaves no complete snapshot of".into(),
            groups,
        }))
    }

    /// Returns what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the groups that it is about, in order; empty unless the kind is
    /// [`EmptiesGroup`](ErrorKind::EmptiesGroup).
    #[must_use]
    pub fn groups(&self) -> &[GroupKey] {
        &self.0.groups
    }
}

/// At most [`QUOTED_CHARS_MAX`] characters of a text that somebody else wrote.
struct Quoted<'a>(&'a str);

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        for (nth, group) in self.0.groups.iter().enumerate() {
            write!(f, "{} {group}", if nth == 0 { "" } else { "," })?;
        }
        Ok(())
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
