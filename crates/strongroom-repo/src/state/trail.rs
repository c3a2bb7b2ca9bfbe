//! The hashes of the entries folded last, to compare with what authors of later entries say they had seen.

use std::collections::VecDeque;

use strongroom_format::ObjectHash;

use crate::error::{Head, Heads};

/// Hashes of the last entries, and the first sign that somebody was shown another history.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    hashes: VecDeque<ObjectHash>,
    /// How many entries there are; the last hash is that of the one before.
    end: u64,
    contradiction: Option<Heads>,
}

impl Trail {
    /// The trail of somebody who knows of `n` entries only the hash of the last.
    pub(super) fn after(n: u64, last: ObjectHash) -> Self {
        let mut trail = Self::default();
        if let Some(before) = n.checked_sub(1) {
            trail.push(before, last);
        }
        trail
    }

    /// Takes note of the hash of entry `n`.
    pub(super) fn push(&mut self, n: u64, hash: ObjectHash) {
        if n != self.end {
            self.hashes.clear();
        }
        if self.hashes.len() >= REMEMBERED {
            self.hashes.pop_front();
        }
        self.hashes.push_back(hash);
        self.end = n + 1;
    }

    /// Compares what the author of the next entry says to have seen: so many entries, the last of them with this hash.
    pub(super) fn compare(&mut self, seen: (u64, ObjectHash)) {
        let Some(n) = seen.0.checked_sub(1) else {
            return;
        };
        if self.hashes.is_empty() {
            // Who knows of no entry cannot tell which there are.
            return;
        }
        let first = self.end - self.hashes.len() as u64;
        let found = n
            .checked_sub(first)
            .and_then(|at| self.hashes.get(usize::try_from(at).ok()?))
            .map(|hash| Head::new(n, *hash));
        // Entries before the trail are not known; those after its end cannot have been seen.
        let contradicts = match found {
            Some(found) => found.hash != seen.1,
            None => n >= self.end,
        };
        if contradicts {
            let remembered = Head::new(n, seen.1);
            self.contradiction
                .get_or_insert(Heads { remembered, found });
        }
    }

    /// Returns what an author had seen, and what is there, when these differ.
    pub(crate) fn contradiction(&self) -> Option<Heads> {
        self.contradiction
    }
}

/// How far back is looked: a bundle.
const REMEMBERED: usize = 64;
