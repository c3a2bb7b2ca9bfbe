//! The end of data, in all places.

use super::Person;
use super::field::{value_map, value_number};
use crate::Time;
use crate::cbor::Unknown;

/// Data was disposed of, in every copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Disposal {
    /// What it was about: key of the duty or request.
    pub subject: String,
    /// How many snapshots.
    pub snapshots: u64,
    /// How many blobs.
    pub blobs: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Fingerprints of keys that were destroyed.
    pub keys: Vec<[u8; 16]>,
    /// Each copy.
    pub copies: Vec<DisposedCopy>,
    /// Who did it.
    pub operators: Vec<Person>,
    /// What remains, and until when, in words.
    pub residual: String,
    /// What a later version added.
    pub unknown: Unknown,
}

/// A copy of what a [`Disposal`] is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct DisposedCopy {
    /// Name of the repository in the policy.
    pub repository: String,
    /// Where it is, in the words of the policy; never an address.
    pub location: String,
    /// How it was disposed of.
    pub method: DisposalMethod,
    /// Whether somebody saw that it is gone.
    pub verified: bool,
    /// Until when it remains, if something locks it.
    pub remains_until: Option<Time>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// How data was disposed of; the first two as in NIST SP 800-88.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisposalMethod {
    /// Overwritten or deleted by ordinary means.
    #[default]
    Clear,
    /// Overwritten so that no laboratory recovers it.
    Purge,
    /// Every copy of its key was destroyed.
    CryptoErase,
    /// All versions and delete markers of its objects were deleted.
    DeleteAllVersions,
    /// A number of a later version.
    Other(u64),
}

value_map!(Disposal, "disposal", {
    0 => subject,
    1 => snapshots,
    2 => blobs,
    3 => bytes,
    4 => keys,
    5 => copies,
    6 => operators,
    7 => residual,
});

value_map!(DisposedCopy, "disposed copy", {
    0 => repository,
    1 => location,
    2 => method,
    3 => verified,
    4 => remains_until,
});

value_number!(DisposalMethod, "method of a disposal", {
    Clear = 0 "clear",
    Purge = 1 "purge",
    CryptoErase = 2 "crypto-erase",
    DeleteAllVersions = 3 "delete-all-versions",
});
