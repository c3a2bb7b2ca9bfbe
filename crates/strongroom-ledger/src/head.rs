//! Checkpoints of a log (C2SP tlog-checkpoint): its name, its size, its root, signed.
//!
//! They are called *tree heads* here, because a checkpoint is something else in a repository.

use std::fmt;

use crate::TreeHash;
use crate::error::ParseError;
use crate::key::{NoteSigner, VerifierKey};
use crate::name::is_line;
use crate::note::{Note, NoteError};
use crate::number;

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeHead {
    origin: String,
    size: u64,
    root: TreeHash,
    extensions: Vec<String>,
}

/// Extension lines of a head; nobody should write any.
const MAX_EXTENSIONS: usize = 16;

impl TreeHead {
    /// Makes the head of a log.
    ///
    /// # Errors
    ///
    /// `Invalid` when `origin` is empty, above 1,024 bytes, or has a control character.
    pub fn new(origin: &str, size: u64, root: TreeHash) -> Result<Self, ParseError> {
        match is_line(origin) {
            true => Ok(Self::trusted(origin.to_owned(), size, root)),
            false => Err(ParseError::new("origin of a log", 0)),
        }
    }

    pub(crate) const fn trusted(origin: String, size: u64, root: TreeHash) -> Self {
        Self {
            origin,
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// Parses the text of a note.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is no head; `TooLarge` above 16 extension lines.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let wrong = ParseError::new("checkpoint", 0);
        let mut lines = text.strip_suffix('\n').ok_or(wrong)?.split('\n');
        let mut next = || lines.next().ok_or(wrong);
        let (origin, size, root) = (next()?, next()?, next()?);
        let size = number::parse(size).ok_or(ParseError::new("size of a log", origin.len() + 1))?;
        let root =
            TreeHash::parse(root).ok_or(ParseError::new("root of a log", origin.len() + 2))?;
        let mut head = Self::new(origin, size, root)?;
        for line in lines {
            if head.extensions.len() == MAX_EXTENSIONS {
                return Err(ParseError::too_large("extensions of a checkpoint", 0));
            }
            if !is_line(line) {
                return Err(ParseError::new("extension of a checkpoint", 0));
            }
            head.extensions.push(line.to_owned());
        }
        Ok(head)
    }

    /// Returns the name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns how many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root.
    #[must_use]
    pub const fn root(&self) -> &TreeHash {
        &self.root
    }

    /// Returns lines that somebody added; they mean nothing here.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Signs it.
    ///
    /// # Security
    ///
    /// A log signs no two heads of which one is not the beginning of the other: the host signs what [`Log`](crate::Log) gives it, after the files are written.
    ///
    /// # Panics
    ///
    /// Never: a head has the form of a note's text.
    #[must_use]
    pub fn sign(self, signer: &NoteSigner) -> SignedHead {
        // A head's text is a note's: its parts are lines.
        let mut note = Note::new(self.to_string()).expect("a head has the form of a note's text");
        note.sign(signer, 0);
        SignedHead { head: self, note }
    }
}

impl fmt::Display for TreeHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A head and signatures of it, which prove nothing before [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    head: TreeHead,
    note: Note,
}

impl SignedHead {
    /// Parses a signed note with a head.
    ///
    /// # Errors
    ///
    /// As [`Note::parse`] and [`TreeHead::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let note = Note::parse(bytes)?;
        let head = TreeHead::parse(note.text())?;
        Ok(Self { head, note })
    }

    /// Returns what it says.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Returns the note.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Returns the note, to add signatures. Its text cannot be changed.
    pub const fn note_mut(&mut self) -> &mut Note {
        &mut self.note
    }

    /// Makes sure that the log signed: a key whose name is the origin.
    ///
    /// # Errors
    ///
    /// `UnknownSigner` when none of `keys` did under the name that the origin is; `BadSignature`.
    pub fn verify(&self, keys: &[&VerifierKey]) -> Result<(), NoteError> {
        let own = keys
            .iter()
            .copied()
            .filter(|key| key.name() == self.head.origin);
        let own: Vec<_> = own.collect();
        self.note.verify(&own).map(drop)
    }
}

impl fmt::Display for SignedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests;
