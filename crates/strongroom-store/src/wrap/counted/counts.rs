//! What was counted.

use std::fmt;

use crate::options::StorageClass;

/// The kinds of request that services tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RequestKind {
    /// An object was put.
    Put,
    /// An object was read whole.
    Get,
    /// A part of an object was read.
    RangeGet,
    /// An object was looked at.
    Head,
    /// An object was deleted.
    Delete,
    /// A page of a list was asked for.
    List,
    /// It was asked how an object is locked.
    Retention,
    /// An object was locked longer.
    Extend,
}

/// The requests of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Tally {
    /// All requests, whatever became of them.
    pub requests: u64,
    /// Of these, those that the store answered with an error: what is missing, taken, denied, not possible.
    pub refused: u64,
    /// Of these, those that had no answer worth the name: the store was unavailable or broken.
    pub failed: u64,
    /// Of these, those whose answer was not waited for. One that is under way is not among them yet.
    pub abandoned: u64,
    /// Bytes of objects that were sent or received, by requests that succeeded.
    pub bytes: u64,
    /// Bytes of objects given to puts that did not succeed. How many of them were sent is not known.
    pub bytes_in_vain: u64,
}

/// Requests and bytes by kind and by class of storage; the class of a get is what its caller said of it, else hot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    hot: [Tally; KINDS.len()],
    cold: [Tally; KINDS.len()],
    none: Tally,
}

impl RequestKind {
    /// Returns every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.into_iter()
    }

    /// Returns what it is called in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::RangeGet => "range get",
            Self::Head => "head",
            Self::Delete => "delete",
            Self::List => "list page",
            Self::Retention => "retention",
            Self::Extend => "extend",
        }
    }
}

impl Counts {
    /// Returns the requests of a kind.
    #[must_use]
    pub fn of(&self, kind: RequestKind) -> Tally {
        let mut sum = self.of_class(kind, StorageClass::Hot);
        sum.add(&self.of_class(kind, StorageClass::Cold));
        sum
    }

    /// Returns the requests of a kind for objects of one class.
    #[must_use]
    pub fn of_class(&self, kind: RequestKind, class: StorageClass) -> Tally {
        let tallies = match class {
            StorageClass::Hot => &self.hot,
            StorageClass::Cold => &self.cold,
        };
        tallies.get(kind as usize).copied().unwrap_or_default()
    }

    /// Returns all requests of all kinds; its bytes are those up and down.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut sum = Tally::default();
        for kind in KINDS {
            sum.add(&self.of(kind));
        }
        sum
    }

    /// Returns the bytes of objects that were sent and kept.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.of(RequestKind::Put).bytes
    }

    /// Returns the bytes of objects that were received.
    #[must_use]
    pub fn bytes_down(&self) -> u64 {
        self.of(RequestKind::Get).bytes + self.of(RequestKind::RangeGet).bytes
    }

    /// Returns what was added since an earlier moment of the same account.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut counts = self.clone();
        for (tally, before) in counts.tallies_mut().zip(earlier.tallies()) {
            tally.subtract(before);
        }
        counts
    }

    /// Adds what another account says.
    pub fn add(&mut self, other: &Self) {
        for (tally, more) in self.tallies_mut().zip(other.tallies()) {
            tally.add(more);
        }
    }

    pub(super) fn tally(&mut self, kind: RequestKind, class: StorageClass) -> &mut Tally {
        let tallies = match class {
            StorageClass::Hot => &mut self.hot,
            StorageClass::Cold => &mut self.cold,
        };
        // There is a place for each kind.
        tallies.get_mut(kind as usize).unwrap_or(&mut self.none)
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.hot.iter().chain(&self.cold)
    }

    fn tallies_mut(&mut self) -> impl Iterator<Item = &mut Tally> {
        self.hot.iter_mut().chain(&mut self.cold)
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.failed += other.failed;
        self.abandoned += other.abandoned;
        self.bytes += other.bytes;
        self.bytes_in_vain += other.bytes_in_vain;
    }

    fn subtract(&mut self, earlier: &Self) {
        self.requests = self.requests.saturating_sub(earlier.requests);
        self.refused = self.refused.saturating_sub(earlier.refused);
        self.failed = self.failed.saturating_sub(earlier.failed);
        self.abandoned = self.abandoned.saturating_sub(earlier.abandoned);
        self.bytes = self.bytes.saturating_sub(earlier.bytes);
        self.bytes_in_vain = self.bytes_in_vain.saturating_sub(earlier.bytes_in_vain);
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The requests, and what became of those that did not succeed, if any.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.requests)?;
        let ends = [
            (self.refused, "refused"),
            (self.failed, "failed"),
            (self.abandoned, "abandoned"),
        ];
        let mut opened = false;
        for (count, word) in ends.into_iter().filter(|(count, _)| *count > 0) {
            let before = if opened { ", " } else { " (" };
            write!(f, "{before}{count} {word}")?;
            opened = true;
        }
        if opened {
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// One line: the kinds that were asked for, then the bytes.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in KINDS {
            let tally = self.of(kind);
            if tally.requests > 0 {
                write!(f, "{kind}: {tally}; ")?;
            }
        }
        let (up, down) = (self.bytes_up(), self.bytes_down());
        write!(f, "{up} bytes up, {down} bytes down")
    }
}

/// In the order of their declaration, which the counts are kept in.
const KINDS: [RequestKind; 8] = [
    RequestKind::Put,
    RequestKind::Get,
    RequestKind::RangeGet,
    RequestKind::Head,
    RequestKind::Delete,
    RequestKind::List,
    RequestKind::Retention,
    RequestKind::Extend,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        let mut counts = Counts::default();
        for (at, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            counts.tally(kind, StorageClass::Hot).requests += 1;
            counts.tally(kind, StorageClass::Cold).requests += 10;
            assert_eq!(counts.of(kind).requests, 11);
        }
        assert_eq!(counts.total().requests, 11 * 8);
        assert_eq!(counts.none, Tally::default());
    }

    #[test]
    fn a_difference_and_what_was_before_add_up() {
        let mut before = Counts::default();
        before.tally(RequestKind::Put, StorageClass::Cold).bytes = 5;
        let mut after = before.clone();
        after.tally(RequestKind::Put, StorageClass::Cold).bytes += 7;
        after.tally(RequestKind::Head, StorageClass::Hot).failed += 1;
        let since = after.since(&before);
        assert_eq!(since.bytes_up(), 7);
        before.add(&since);
        assert_eq!(before, after);
    }

    #[test]
    fn the_line_names_what_happened_and_nothing_else() {
        let mut counts = Counts::default();
        *counts.tally(RequestKind::Put, StorageClass::Hot) = Tally {
            requests: 3,
            refused: 1,
            abandoned: 1,
            bytes: 12,
            ..Tally::default()
        };
        assert_eq!(
            counts.to_string(),
            "put: 3 (1 refused, 1 abandoned); 12 bytes up, 0 bytes down"
        );
    }
}
