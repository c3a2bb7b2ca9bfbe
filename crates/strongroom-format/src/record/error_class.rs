//! Where the cause of an error is.

use super::field::value_number;

/// Where the cause of an error is, which says who can do something about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A device: bits that changed, a disk that does not answer.
    Hardware,
    /// A program, ours or another.
    #[default]
    Software,
    /// Not enough room, memory or time.
    Shortage,
    /// The way to a store, or the store itself for a while.
    Network,
    /// A credential, a permission, a lock.
    Access,
    /// What somebody has written down.
    Configuration,
    /// What was to be backed up: it cannot be read, or changed meanwhile.
    Source,
    /// Somebody did it.
    Human,
    /// A number of a later version.
    Other(u64),
}

value_number!(ErrorClass, "class of an error", {
    Hardware = 0 "hardware",
    Software = 1 "software",
    Shortage = 2 "shortage",
    Network = 3 "network",
    Access = 4 "access",
    Configuration = 5 "configuration",
    Source = 6 "source",
    Human = 7 "human",
});
