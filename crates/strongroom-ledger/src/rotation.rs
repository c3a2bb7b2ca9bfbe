//! The key of a log is replaced: a note that the old key and the new one sign.

use std::fmt;

use crate::error::ParseError;
use crate::head::{SignedHead, TreeHead};
use crate::key::{KeyKind, NoteSigner, VerifierKey};
use crate::monitor::keys_of;
use crate::note::{Note, NoteError};
use crate::policy::{Endorsement, EndorsementError, WitnessPolicy};

/// That from a head on a log signs with another key.
///
/// The old key signs heads up to this size and the new one from this size on; both sign the head itself, and the note. Who has the old key
/// alone cannot name a successor and keep it secret: it shows in every bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    head: TreeHead,
    old: VerifierKey,
    new: VerifierKey,
    note: Note,
}

/// Rotations that one log has at most in a bundle.
pub const MAX_ROTATIONS: usize = 64;

impl Rotation {
    /// Replaces the key of the log whose head this is.
    ///
    /// # Errors
    ///
    /// `Invalid` unless both keys sign notes under the name that the log has, and are two keys.
    pub fn new(head: TreeHead, old: &NoteSigner, new: &NoteSigner) -> Result<Self, ParseError> {
        let head = TreeHead::new(head.origin(), head.size(), *head.root())?;
        let (old_key, new_key) = (old.public().clone(), new.public().clone());
        check_keys(&head, &old_key, &new_key)?;
        let mut note = Note::new(text(&head, &old_key, &new_key))?;
        note.sign(old, 0);
        note.sign(new, 0);
        Ok(Self {
            head,
            old: old_key,
            new: new_key,
            note,
        })
    }

    /// Parses a rotation. Its signatures prove nothing before [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// As [`Note::parse`]; `Unsupported` for another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let note = Note::parse(bytes)?;
        let rest = note.text().strip_prefix(LABEL);
        let rest = rest.ok_or(ParseError::unsupported("rotation of a key", 0))?;
        let wrong = ParseError::new("rotation of a key", LABEL.len());
        let mut keys = rest.rsplitn(4, '\n');
        let (Some(""), Some(new), Some(old), Some(head)) =
            (keys.next(), keys.next(), keys.next(), keys.next())
        else {
            return Err(wrong);
        };
        let head = TreeHead::parse(&format!("{head}\n"))?;
        let (old, new) = (VerifierKey::parse(old)?, VerifierKey::parse(new)?);
        check_keys(&head, &old, &new)?;
        match head.extensions().is_empty() {
            true => Ok(Self {
                head,
                old,
                new,
                note,
            }),
            false => Err(wrong),
        }
    }

    /// Makes sure that both keys signed. Whether the old one is to be believed is the caller's to know.
    ///
    /// # Errors
    ///
    /// `UnknownSigner` when one of them did not; `BadSignature`.
    pub fn verify(&self) -> Result<(), NoteError> {
        let signed = self.note.verify(&[&self.old, &self.new])?;
        match signed.len() {
            2 => Ok(()),
            _ => Err(NoteError::UnknownSigner),
        }
    }

    /// Returns the head at which the key is replaced.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Returns the key that ends.
    #[must_use]
    pub const fn old(&self) -> &VerifierKey {
        &self.old
    }

    /// Returns the key that begins.
    #[must_use]
    pub const fn new_key(&self) -> &VerifierKey {
        &self.new
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

fn text(head: &TreeHead, old: &VerifierKey, new: &VerifierKey) -> String {
    format!("{LABEL}{head}{old}\n{new}\n")
}

fn check_keys(head: &TreeHead, old: &VerifierKey, new: &VerifierKey) -> Result<(), ParseError> {
    let is_own = |key: &VerifierKey| key.kind() == KeyKind::Note && key.name() == head.origin();
    match is_own(old) && is_own(new) && old.public() != new.public() {
        true => Ok(()),
        false => Err(ParseError::new("keys of a rotation", 0)),
    }
}

/// Which key of a log signs which heads: those of a policy, and what rotations make of them.
pub(crate) struct KeyChain<'a> {
    policy: &'a WitnessPolicy,
    rotations: &'a [Rotation],
}

impl<'a> KeyChain<'a> {
    /// Rotations whose signatures do not hold, or that begin at a key that is not known, count for nothing.
    pub(crate) const fn new(policy: &'a WitnessPolicy, rotations: &'a [Rotation]) -> Self {
        Self { policy, rotations }
    }

    /// Returns the keys that sign a head of this size.
    pub(crate) fn at(&self, origin: &str, size: u64) -> Vec<&'a VerifierKey> {
        // Each key with the sizes from which and up to which it signs.
        let known = keys_of(self.policy, origin).into_iter();
        let mut keys: Vec<(&VerifierKey, u64, u64)> = known.map(|key| (key, 0, u64::MAX)).collect();
        for rotation in self
            .rotations
            .iter()
            .filter(|one| one.head.origin() == origin)
        {
            let at = rotation.head.size();
            let old = keys
                .iter_mut()
                .find(|(key, from, to)| **key == rotation.old && *from <= at && at <= *to);
            let Some((_, _, to)) = old.filter(|_| rotation.verify().is_ok()) else {
                continue;
            };
            *to = at;
            keys.retain(|(key, ..)| **key != rotation.new);
            keys.push((&rotation.new, at, u64::MAX));
        }
        let in_force = keys
            .into_iter()
            .filter(|(_, from, to)| (*from..=*to).contains(&size));
        in_force.map(|(key, ..)| key).collect()
    }

    /// Makes sure that a head is endorsed.
    pub(crate) fn verify(&self, signed: &SignedHead) -> Result<Endorsement, EndorsementError> {
        let head = signed.head();
        self.policy
            .verify_with(signed, &self.at(head.origin(), head.size()))
    }
}

const LABEL: &str = "strongroom rotation of a log's key v1\n";

#[cfg(test)]
mod tests;
