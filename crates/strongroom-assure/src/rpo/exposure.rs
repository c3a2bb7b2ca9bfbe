//! How much would be lost.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Exposure {
    /// What changed in so many seconds.
    Seconds(u64),
    /// Everything: there is no recovery point that counts.
    Everything,
}

impl Exposure {
    /// Returns the seconds; `None` for everything.
    #[must_use]
    pub const fn seconds(self) -> Option<u64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Everything => None,
        }
    }

    pub(super) fn between(capture: i64, at: i64) -> Self {
        Self::Seconds(u64::try_from(at.saturating_sub(capture)).unwrap_or_default())
    }
}

/// `29h`, `1d 5h 30min`, or `everything`.
impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => {
                let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
                match (hours, minutes) {
                    (0, _) => write!(f, "{minutes}min"),
                    (_, 0) => write!(f, "{hours}h"),
                    _ => write!(f, "{hours}h {minutes}min"),
                }
            }
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// A number of seconds; `null` for everything.
impl Serialize for Exposure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.seconds().serialize(serializer)
    }
}
