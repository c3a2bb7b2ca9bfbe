//! What a bundle says of itself.

use std::fmt;

use strongroom_crypt::{RepositoryId, Suite};

use super::error::BundleError;
use crate::name::{MAX_NAME_BYTES, is_line};
use crate::number;

/// Of what it is, and who made it when. Log and repository are verified; the rest is what its maker says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct About {
    /// The log.
    pub origin: String,
    /// The repository whose journal it is of.
    pub repository: RepositoryId,
    /// Its algorithms.
    pub suite: Suite,
    /// When the bundle was made, in seconds since 1970, by the maker's clock.
    pub made: u64,
    /// With what: name and version of a program.
    pub tool: String,
}

impl About {
    /// Says whether every line of it is one.
    pub(super) fn is_valid(&self) -> bool {
        is_line(&self.origin) && is_line(&self.tool)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        read(bytes).ok_or(BundleError::Malformed {
            what: "about",
            at: 0,
        })
    }
}

fn read(bytes: &[u8]) -> Option<About> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let about = About {
        origin: field("origin")?.to_owned(),
        repository: RepositoryId::parse(field("repository")?).ok()?,
        suite: Suite::from_id(number::parse(field("suite")?)?.try_into().ok()?)?,
        made: number::parse(field("made")?)?,
        tool: field("tool")?.to_owned(),
    };
    let is_all = lines.next().is_none() && about.tool.len() <= MAX_NAME_BYTES;
    (is_all && about.is_valid()).then_some(about)
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "origin {}", self.origin)?;
        writeln!(f, "repository {}", self.repository)?;
        writeln!(f, "suite {}", self.suite.id())?;
        writeln!(f, "made {}", self.made)?;
        writeln!(f, "tool {}", self.tool)
    }
}
