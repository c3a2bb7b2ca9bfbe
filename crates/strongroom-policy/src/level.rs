//! How deep a verification looks, and how much depends on a resource.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::text::{nearest, serde_as_text};

/// How deep a verification looked. A green light says which level, and never more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// The objects are listed, with their sizes.
    L0,
    /// The server says that their hashes are right.
    L1,
    /// They were read and authenticated.
    L2,
    /// Their content was decoded, and its ids are right.
    L3,
    /// Every file of a snapshot was reconstructed.
    L4,
    /// A snapshot was restored in a sandbox and validated.
    L5,
    /// It was compared with its source.
    L6,
}

impl Level {
    /// All, the shallowest first.
    pub const ALL: [Self; 7] = [
        Self::L0,
        Self::L1,
        Self::L2,
        Self::L3,
        Self::L4,
        Self::L5,
        Self::L6,
    ];

    /// Returns its text: `L2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
            Self::L5 => "L5",
            Self::L6 => "L6",
        }
    }

    /// Returns what it means, as in "the data are …".
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::L0 => "listed",
            Self::L1 => "hashed by the server",
            Self::L2 => "read and authenticated",
            Self::L3 => "decoded and compared with their ids",
            Self::L4 => "reconstructed file by file",
            Self::L5 => "restored in a sandbox and validated",
            Self::L6 => "compared with the source",
        }
    }
}

/// How much depends on a resource. The order is that of importance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a fifth level would change what every policy means"
)]
pub enum Criticality {
    /// It can be missed for long.
    Low,
    /// Work goes on without it for a while.
    #[default]
    Normal,
    /// Work suffers at once.
    High,
    /// The organisation stands still.
    Critical,
}

impl Criticality {
    /// All, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

macro_rules! by_name {
    ($($type:ty, $what:literal;)*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = Error;

            /// # Errors
            ///
            /// `Invalid`.
            fn from_str(text: &str) -> Result<Self, Error> {
                let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
                found.ok_or_else(|| {
                    let names = Self::ALL.map(Self::as_str);
                    not_among(text, concat!("no ", $what), &names)
                })
            }
        }

        serde_as_text!($type);
    )*};
}
pub(crate) use by_name;

by_name! {
    Level, "level of verification";
    Criticality, "criticality";
}

/// Says that a word is none of some, with the nearest.
pub(crate) fn not_among(text: &str, what: &str, names: &[&str]) -> Error {
    let hint = match nearest(text, names.iter().copied()) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("one of {}", names.join(", ")),
    };
    Error::invalid(text, &format!("is {what}")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse::<Level>().unwrap(), level);
        }
        for criticality in Criticality::ALL {
            assert_eq!(
                criticality.as_str().parse::<Criticality>().unwrap(),
                criticality
            );
        }
        let error = "critcal".parse::<Criticality>().unwrap_err();
        assert_eq!(error.hint(), Some("did you mean critical?"));
        assert!(Level::L5 > Level::L2 && Criticality::Critical > Criticality::High);
    }
}
