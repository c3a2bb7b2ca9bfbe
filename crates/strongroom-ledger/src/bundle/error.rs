//! Why a bundle is not to be believed.

use strongroom_format::ObjectHash;

use crate::monitor::Alarm;
use crate::note::NoteError;
use crate::policy::EndorsementError;

/// What is wrong with a bundle. There is no such thing as a bundle that is partly believed: the first thing found is the result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is no bundle, or not a whole one.
    #[error("{what} is not valid, near byte {at}")]
    Malformed {
        /// What breaks a rule.
        what: &'static str,
        /// About where in the bundle, or in the part that is named.
        at: usize,
    },
    /// It is of a later version.
    #[error("a bundle of a later version")]
    Unsupported,
    /// A part is larger than is accepted.
    #[error("{section} is above the limit")]
    TooLarge {
        /// The part.
        section: String,
    },
    /// The bytes are not those that were sealed: damage, or somebody who did not have the maker's key.
    #[error("{section} was altered")]
    Altered {
        /// The part; `seal` when it is not known which.
        section: String,
    },
    /// A part that every bundle has is missing.
    #[error("{section} is missing")]
    Missing {
        /// The part.
        section: &'static str,
    },
    /// Nobody who is trusted sealed it.
    #[error("the seal: {0}")]
    Seal(NoteError),
    /// It is of another repository.
    #[error("it is of the repository {found}")]
    WrongRepository {
        /// What it says.
        found: String,
    },
    /// Its head is of another log, is not signed as it must be, or does not continue what is remembered: truncated, forked, replayed.
    #[error(transparent)]
    Head(Alarm),
    /// The head of the last audit, which it contains, is not signed as it must be.
    #[error("the head of the last audit: {0}")]
    Audited(EndorsementError),
    /// The head does not continue that of the last audit.
    #[error("{shown} entries are not proven to continue the {audited} of the last audit")]
    Inconsistent {
        /// Size of the last audit.
        audited: u64,
        /// Size of the head.
        shown: u64,
    },
    /// A change of the log's key is not signed by both keys, or names a head that is not the log's.
    #[error("rotation {index} of the log's key does not hold")]
    Rotation {
        /// Which.
        index: u64,
    },
    /// An entry is none, or is not the one that it is said to be.
    #[error("entry {n}: {what}")]
    Entry {
        /// Its number.
        n: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// An entry does not follow the one before it.
    #[error("entry {n} does not follow entry {} of this bundle", .n - 1)]
    BrokenChain {
        /// Its number.
        n: u64,
    },
    /// The entries are not those of the tree that was signed: one was changed, left out, added, or put elsewhere.
    #[error("the entries do not lead to the root that was signed")]
    NotInTree,
    /// Entries are left out, and all are asked for.
    #[error("{missing} of {size} entries are left out")]
    Incomplete {
        /// How many.
        missing: u64,
        /// How many there are.
        size: u64,
    },
    /// Entry 0 is not the one that is known.
    #[error("entry 0 is not the known Genesis")]
    WrongGenesis,
    /// The key that is to open entries does not open them.
    #[error("the key does not open entry {n}")]
    WrongKey {
        /// The first entry that does not open.
        n: u64,
    },
    /// A policy document is not the one that its name says, or no entry of the journal names it.
    #[error("the policy document {hash} is in no entry")]
    UnknownPolicy {
        /// Its hash, as the bundle says.
        hash: ObjectHash,
    },
}
