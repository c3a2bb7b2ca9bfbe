//! A set of small numbers.

use std::fmt;

/// A set of numbers below 32: packs, segments, snapshots, sessions or blobs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Set(u32);

impl Set {
    /// The set without members.
    pub const EMPTY: Self = Self(0);

    /// The set of one number, which is below 32.
    pub const fn one(member: u8) -> Self {
        Self(1 << (member & 31))
    }

    /// The set of several numbers, all below 32.
    pub const fn of(members: &[u8]) -> Self {
        let mut bits = 0;
        let mut rest = members;
        while let [first, tail @ ..] = rest {
            bits |= 1 << (*first & 31);
            rest = tail;
        }
        Self(bits)
    }

    /// Every number below `end`.
    pub const fn below(end: u8) -> Self {
        Self((1 << (end & 31)) - 1)
    }

    /// The set whose members are the bits that are 1.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// A number whose bits are 1 for the members.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether `member` is in the set.
    pub const fn has(self, member: u8) -> bool {
        self.0 & Self::one(member).0 != 0
    }

    /// What is in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are no members.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every member is in the other set too.
    pub const fn within(self, other: Self) -> bool {
        self.minus(other).is_empty()
    }

    /// How many members there are.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The members, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let next = u8::try_from(bits.trailing_zeros())
                .ok()
                .filter(|_| bits != 0)?;
            bits &= bits - 1;
            Some(next)
        })
    }

    /// The greatest member.
    pub fn last(self) -> Option<u8> {
        self.iter().last()
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, member) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{member}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
