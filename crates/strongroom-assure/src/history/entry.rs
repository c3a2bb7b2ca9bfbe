//! Which journal entry shows something.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use strongroom_crypt::Roles;
use strongroom_format::record::RecordHead;

/// A journal entry, as evidence: every number that is measured carries those that it rests on.
///
/// Its text is the entry's number, after the journal's index and a colon if it is not of the first journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an entry is named by exactly these two"
)]
pub struct EntryRef {
    /// Index of the journal in [`History::journals`](crate::History::journals).
    pub journal: u16,
    /// Number of the entry in it.
    pub n: u64,
}

impl EntryRef {
    /// Joins the two.
    #[must_use]
    pub const fn new(journal: u16, n: u64) -> Self {
        Self { journal, n }
    }
}

impl fmt::Display for EntryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.journal {
            0 => write!(f, "{}", self.n),
            journal => write!(f, "{journal}:{}", self.n),
        }
    }
}

impl Serialize for EntryRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A journal that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Journal {
    /// Name of its repository in the policy; empty while no record has told.
    pub repository: String,
    /// How many entries were read.
    pub entries: u64,
    /// The least number that was read.
    pub first: u64,
    /// The greatest.
    pub last: u64,
    /// Records that were in it twice, or in another journal too.
    pub repeated: u64,
}

impl Journal {
    /// Returns how many entries between the first and the last were not read.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        match self.entries {
            0 => 0,
            entries => (self.last - self.first)
                .saturating_add(1)
                .saturating_sub(entries),
        }
    }
}

/// That an entry is there: who wrote it, when, and of which type it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntrySeen {
    /// The entry.
    pub entry: EntryRef,
    /// When it was written, by its author's clock: Unix seconds.
    pub said_at: i64,
    /// Who wrote it: a public key.
    pub author: [u8; 32],
    /// What that key may do.
    pub roles: Roles,
    /// Number of its type.
    pub kind: u64,
    /// Kind of the record in it, if it is evidence: `run`, or one that nobody here knows.
    pub record: Option<Arc<str>>,
    /// The resource that it is about, if it is about one.
    pub resource: Option<Arc<str>>,
}

/// What an entry says, with who said it, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Noted<T> {
    /// The entry.
    pub entry: EntryRef,
    /// When it was written: Unix seconds, set right if the author's clock was wrong ([`Skew`](crate::Skew)).
    pub at: i64,
    /// Who wrote it: a public key.
    pub author: [u8; 32],
    /// What that key may do.
    pub roles: Roles,
    /// Who recorded it, about what; that of an entry that is no record has neither id nor actor.
    pub head: RecordHead,
    /// What it says.
    pub fact: T,
}
