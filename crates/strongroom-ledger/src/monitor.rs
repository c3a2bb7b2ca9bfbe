//! Who remembers, and raises the alarm: a log that went back, forked, or is not the one that it was.

use std::fmt;

use crate::consistency::verify_consistency;
use crate::error::ParseError;
use crate::head::{SignedHead, TreeHead};
use crate::policy::{Endorsement, EndorsementError, WitnessPolicy};
use crate::rotation::{KeyChain, Rotation};
use crate::{TreeHash, VerifierKey};

/// Heads that are remembered. With more, every second of the older half is dropped; the first and the last ones stay.
const MAX_HEADS: usize = 1024;

/// What a client remembers of one log: every head that it has accepted, so that it knows an old one from a forged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    origin: String,
    /// Sizes and roots, from the smallest to the largest.
    heads: Vec<(u64, TreeHash)>,
}

/// What a head is to who remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observed {
    /// The first head of this log that was seen. Nothing is known of what was before it.
    First(Endorsement),
    /// The one that was seen last.
    Same(Endorsement),
    /// A continuation.
    Grown {
        /// Size that was seen last.
        from: u64,
        /// Who signed.
        by: Endorsement,
    },
}

/// Why a head is not accepted. What is remembered stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Alarm {
    /// It is of another log.
    #[error("the head is of the log {found}, not of {expected}")]
    WrongOrigin {
        /// The log that is watched.
        expected: String,
        /// What was shown.
        found: String,
    },
    /// It is not signed as it must be.
    #[error(transparent)]
    NotEndorsed(EndorsementError),
    /// It is one that was accepted before, and a later one was since.
    #[error("an old head of {shown} entries is shown again, {remembered} were seen")]
    Replayed {
        /// Size that was seen last.
        remembered: u64,
        /// Size that is shown.
        shown: u64,
    },
    /// It has fewer entries than were seen.
    #[error("the log went back from {remembered} entries to {shown}")]
    Shrunk {
        /// Size that was seen last.
        remembered: u64,
        /// Size that is shown.
        shown: u64,
    },
    /// It has as many entries as a head that was seen, and others.
    #[error("there are two histories of {size} entries")]
    Forked {
        /// The size.
        size: u64,
    },
    /// It does not continue what was seen, as far as the proof says.
    #[error("{shown} entries are not proven to continue {remembered}")]
    Unproven {
        /// Size that was seen last.
        remembered: u64,
        /// Size that is shown.
        shown: u64,
    },
}

impl Monitor {
    /// Begins to watch a log of which nothing is known.
    #[must_use]
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            heads: Vec::new(),
        }
    }

    /// Parses what `Display` writes.
    ///
    /// # Errors
    ///
    /// `Invalid` and `TooLarge`. Who has lost what it remembered must begin anew, and knows less.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let wrong = ParseError::new("memory of a monitor", 0);
        let (origin, rest) = text.split_once('\n').ok_or(wrong)?;
        let mut monitor = Self::new(origin);
        for line in rest.split_inclusive('\n') {
            if monitor.heads.len() == MAX_HEADS {
                return Err(ParseError::too_large("memory of a monitor", 0));
            }
            let (size, root) = line
                .strip_suffix('\n')
                .and_then(|line| line.split_once(' '))
                .ok_or(wrong)?;
            let head = format!("{origin}\n{size}\n{root}\n");
            let head = TreeHead::parse(&head)?;
            if monitor.last().is_some_and(|(last, _)| last >= head.size()) {
                return Err(wrong);
            }
            monitor.heads.push((head.size(), *head.root()));
        }
        Ok(monitor)
    }

    /// Returns the log that is watched.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns size and root that were seen last.
    #[must_use]
    pub fn last(&self) -> Option<(u64, TreeHash)> {
        self.heads.last().copied()
    }

    /// Looks at a head with the proof that it continues the last one, and remembers it if it does. The host keeps what is remembered before it acts on it.
    ///
    /// # Errors
    ///
    /// [`Alarm`]. Every one of them but `Unproven` with a proof that was merely not to be had means that somebody lies; keep the bytes.
    pub fn observe(
        &mut self,
        signed: &SignedHead,
        proof: &[TreeHash],
        policy: &WitnessPolicy,
        rotations: &[Rotation],
    ) -> Result<Observed, Alarm> {
        let head = signed.head();
        if head.origin() != self.origin {
            return Err(Alarm::WrongOrigin {
                expected: self.origin.clone(),
                found: head.origin().to_owned(),
            });
        }
        let keys = KeyChain::new(policy, rotations);
        let by = keys.verify(signed).map_err(Alarm::NotEndorsed)?;
        self.compare(head, proof)?;
        Ok(match self.last() {
            None => {
                self.remember(head);
                Observed::First(by)
            }
            Some((last, _)) if last == head.size() => Observed::Same(by),
            Some((from, _)) => {
                self.remember(head);
                Observed::Grown { from, by }
            }
        })
    }

    fn compare(&self, head: &TreeHead, proof: &[TreeHash]) -> Result<(), Alarm> {
        let Some((remembered, root)) = self.compare_sizes(head)? else {
            return Ok(());
        };
        let shown = head.size();
        verify_consistency((remembered, &root), (shown, head.root()), proof)
            .map_err(|_| Alarm::Unproven { remembered, shown })
    }

    /// Remembers a head if, by the roots that its log is proven to have had, it continues what is remembered.
    pub(crate) fn take_up(
        &mut self,
        head: &TreeHead,
        root_at: impl Fn(u64) -> Option<TreeHash>,
    ) -> Result<(), Alarm> {
        if let Some((remembered, root)) = self.compare_sizes(head)? {
            let shown = head.size();
            match root_at(remembered) {
                Some(found) if found == root => {}
                Some(_) => return Err(Alarm::Forked { size: remembered }),
                None => return Err(Alarm::Unproven { remembered, shown }),
            }
        }
        if self.last().is_none_or(|(last, _)| last < head.size()) {
            self.remember(head);
        }
        Ok(())
    }

    /// Returns what the head is still to be proven to continue, if anything.
    fn compare_sizes(&self, head: &TreeHead) -> Result<Option<(u64, TreeHash)>, Alarm> {
        let shown = head.size();
        let known = self.heads.iter().find(|(size, _)| *size == shown);
        if known.is_some_and(|(_, root)| root != head.root()) {
            return Err(Alarm::Forked { size: shown });
        }
        let Some((remembered, root)) = self.last() else {
            return Ok(None);
        };
        if shown < remembered {
            return Err(match known {
                Some(_) => Alarm::Replayed { remembered, shown },
                None => Alarm::Shrunk { remembered, shown },
            });
        }
        Ok((shown > remembered).then_some((remembered, root)))
    }

    fn remember(&mut self, head: &TreeHead) {
        if self.heads.len() >= MAX_HEADS {
            let older = self.heads.len() / 2;
            let mut place = 0;
            self.heads.retain(|_| {
                place += 1;
                place > older || place % 2 == 1
            });
        }
        self.heads.push((head.size(), *head.root()));
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.origin)?;
        self.heads
            .iter()
            .try_for_each(|(size, root)| writeln!(f, "{size} {root}"))
    }
}

/// The keys of a policy, for a caller that has no rotations.
pub(crate) fn keys_of<'a>(policy: &'a WitnessPolicy, origin: &str) -> Vec<&'a VerifierKey> {
    let keys = policy.logs().into_iter();
    keys.filter(|key| key.name() == origin).collect()
}

#[cfg(test)]
mod tests;
