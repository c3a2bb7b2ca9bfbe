//! How deep a check looked.

use std::fmt;
use std::str::FromStr;

/// How deep a check looks, or looked. Each level includes those before it.
///
/// ```
/// use strongroom_verify::Level;
///
/// assert_eq!("L3".parse(), Ok(Level::Decoded));
/// assert_eq!(Level::Decoded.to_string(), "L3 decoded");
/// assert!(Level::Hashed < Level::Decoded);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Level {
    /// L0: it exists, with the right length.
    Listed,
    /// L1: its bytes have the hash that its name or its seal of wholeness says.
    Hashed,
    /// L2: boxes open, signatures verify, index and reference lists agree; frames have their tags.
    Authenticated,
    /// L3: every blob was decompressed, and its id computed again.
    #[default]
    Decoded,
    /// L4: every file of a snapshot was put together, its length and metadata consistent.
    Rebuilt,
    /// L5: restored in a sandbox and validated there.
    Restored,
    /// L6: compared with the source.
    Compared,
}

impl Level {
    /// All levels, in order.
    pub const ALL: [Self; 7] = [
        Self::Listed,
        Self::Hashed,
        Self::Authenticated,
        Self::Decoded,
        Self::Rebuilt,
        Self::Restored,
        Self::Compared,
    ];

    /// The highest that a check of this crate reaches.
    pub const HIGHEST: Self = Self::Rebuilt;

    /// Returns the number, 0 to 6.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Hashed => "hashed",
            Self::Authenticated => "authenticated",
            Self::Decoded => "decoded",
            Self::Rebuilt => "rebuilt",
            Self::Restored => "restored",
            Self::Compared => "compared",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("L{} {}", self.number(), self.word()))
    }
}

impl FromStr for Level {
    type Err = ParseLevelError;

    /// Reads `L3`, `3`, `decoded` or `L3 decoded`, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, ParseLevelError> {
        let text = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|level| {
                let number = level.number();
                text == level.word()
                    || text == number.to_string()
                    || text == format!("l{number}")
                    || text == format!("l{number} {}", level.word())
            })
            .ok_or(ParseLevelError)
    }
}

/// A text that names no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no level: L0 to L6 are listed, hashed, authenticated, decoded, rebuilt, restored, compared"
)]
#[non_exhaustive]
pub struct ParseLevelError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back() {
        for level in Level::ALL {
            let number = level.number();
            for text in [
                level.to_string(),
                level.word().to_uppercase(),
                format!("L{number}"),
                format!(" l{number} "),
                number.to_string(),
            ] {
                assert_eq!(text.parse(), Ok(level), "{text:?}");
            }
        }
        for text in ["", "L7", "L", "verified", "L3decoded"] {
            assert_eq!(text.parse::<Level>(), Err(ParseLevelError), "{text:?}");
        }
    }
}
