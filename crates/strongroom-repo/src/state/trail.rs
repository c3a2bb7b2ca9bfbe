//! The hashes of the entries folded last, to compare with what authors of later entries say they had seen.

use std::collections::{BTreeMap, VecDeque};

use strongroom_format::{BridgeRef, ObjectHash};

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
    pub(super) fn after(n: u64, last: ObjectHash, bridges: &BTreeMap<u64, BridgeRef>) -> Self {
        let mut trail = Self::default();
        if let Some(before) = n.checked_sub(1) {
            match bridges.get(&before) {
                Some(bridge) => trail.push_lost(before, bridge),
                None => trail.push(before, last),
            }
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

    /// Takes note of a lost entry `n`, whose hash is what the next one states, or not known.
    pub(super) fn push_lost(&mut self, n: u64, bridge: &BridgeRef) {
        let is_known = bridge.next != bridge.hash;
        self.push(n, if is_known { bridge.next } else { UNKNOWN });
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
            Some(found) => found.hash != seen.1 && found.hash != UNKNOWN,
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

/// In the place of the hash of a lost entry. No entry has it.
const UNKNOWN: ObjectHash = ObjectHash::from_bytes([0; 32]);

/// How far back is looked: a bundle.
const REMEMBERED: usize = 64;
