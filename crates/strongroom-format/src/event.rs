//! A journal entry, opened.

use strongroom_crypt::{Id, Roles};

use crate::record::Record;
use crate::{Body, ObjectHash, Time};

/// A journal entry that has effect, with what its author said and what its author may say.
///
/// It is what `Repository::history` of the engine yields, and what judges of the process read. The entry's signature has been verified; who trusts
/// an author is the reader's business, by [`author`](Self::author) and [`roles`](Self::roles).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an entry is all there is; what later versions add is in its body"
)]
pub struct Event {
    /// Number of the entry.
    pub n: u64,
    /// Hash of the entry.
    pub hash: ObjectHash,
    /// When its author wrote it, by the author's clock.
    pub at: Time,
    /// Public key of the author: the first signer.
    pub author: [u8; 32],
    /// Label of the author's certificate; empty if there is none.
    pub label: String,
    /// Roles that the author had.
    pub roles: Roles,
    /// What the entry says.
    pub body: Body,
    /// Id of the snapshot that a commit adds; only who has the repository's keys can compute it.
    pub snapshot: Option<Id>,
    /// The record, if the body is evidence of a kind that this version knows.
    pub record: Option<Record>,
    /// The sensitive part of evidence, if the reader's keys open it.
    pub sealed: Option<Vec<u8>>,
}
