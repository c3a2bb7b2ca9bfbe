//! Deciding whether what was restored works.

#[cfg(unix)]
mod checksums;
#[cfg(unix)]
mod command;
#[cfg(unix)]
mod files;
mod http;
mod port;
mod sql;
#[cfg(test)]
mod tests;
mod word;

use std::fmt::Debug;

use serde::Serialize;
use strongroom::{Repository, SnapshotInfo};

#[cfg(unix)]
pub use self::checksums::Checksums;
#[cfg(unix)]
pub use self::command::CommandValidator;
#[cfg(unix)]
pub use self::files::FileSet;
pub use self::http::HttpProbe;
pub use self::port::PortProbe;
pub use self::sql::{SqlIntegrity, SqlValues};
pub use self::word::{Missing, validator_of};
use crate::captured::Captured;
use crate::sandbox::Connection;
use crate::stop::{Stop, Stopped};

/// Looks at what was restored, from outside or inside: files, a database, a service, a picture of a screen.
///
/// # Contract
///
/// 1. What could not be looked at is [`Outcome::Skipped`], never passed: nothing that was not compared is equal.
/// 2. It changes nothing that a validator after it looks at.
/// 3. It ends within a fraction of a second after `stop` says so.
pub trait Validator: Debug + Send + Sync {
    /// Returns its name in records, such as `files`.
    fn name(&self) -> &str;

    /// Looks.
    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome;
}

/// What a validator looks at.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Scene<'a> {
    /// What was restored, by its listing.
    pub snapshot: &'a SnapshotInfo,
    /// Where it is from.
    pub repository: &'a Repository,
    /// Where it is.
    pub connection: &'a Connection,
    /// What was known of it when it was backed up.
    pub captured: &'a Captured,
}

/// What a validator saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// All is as it should be.
    Passed {
        /// What was looked at, in words.
        what: String,
    },
    /// Something is not.
    Failed {
        /// Of what sort, for machines.
        code: String,
        /// What, in words.
        what: String,
    },
    /// It could not look: nothing is proven.
    Skipped {
        /// Of what sort, for machines.
        code: String,
        /// Why, in words.
        what: String,
    },
}

impl Outcome {
    /// Returns that all is as it should be.
    pub fn passed(what: impl Into<String>) -> Self {
        Self::Passed { what: what.into() }
    }

    /// Returns that something is not.
    pub fn failed(code: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Failed {
            code: code.into(),
            what: what.into(),
        }
    }

    /// Returns that it could not look.
    pub fn skipped(code: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Skipped {
            code: code.into(),
            what: what.into(),
        }
    }

    /// Returns the code; `ok` if all is as it should be.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Passed { .. } => "ok",
            Self::Failed { code, .. } | Self::Skipped { code, .. } => code,
        }
    }

    /// Returns the words.
    #[must_use]
    pub fn what(&self) -> &str {
        match self {
            Self::Passed { what } | Self::Failed { what, .. } | Self::Skipped { what, .. } => what,
        }
    }
}

/// A drill that was stopped looked at nothing; a validator that took longer than it may is no better than one that failed, which is for
/// its caller to say.
impl From<Stopped> for Outcome {
    fn from(stopped: Stopped) -> Self {
        Self::skipped(stopped.code(), stopped.to_string())
    }
}

/// What differs, in the end as words: the first few in full, all by number.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    first: Vec<String>,
    count: u64,
    code: Option<&'static str>,
}

impl Differences {
    pub(crate) fn add(&mut self, code: &'static str, what: impl Into<String>) {
        self.count += 1;
        self.code.get_or_insert(code);
        if self.first.len() < NAMED {
            self.first.push(what.into());
        }
    }

    /// Returns what came of it; `passed` says what was compared.
    pub(crate) fn outcome(self, passed: impl Into<String>) -> Outcome {
        let Some(code) = self.code else {
            return Outcome::passed(passed);
        };
        let more = self.count.saturating_sub(self.first.len() as u64);
        let mut what = self.first.join("; ");
        if more > 0 {
            what.push_str(&format!("; and {more} more"));
        }
        Outcome::failed(code, what)
    }
}

/// How many differences are named.
const NAMED: usize = 10;
