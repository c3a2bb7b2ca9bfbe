//! Asking a database.

use std::fmt;
use std::fmt::Debug;

use crate::stop::{Stop, Stopped};

/// A database that was restored, and can be asked.
///
/// # Contract
///
/// 1. [`query`](Self::query) returns the rows as lines, fields apart by tabs, without a header and without a final line end; the same
///    data gives the same text.
/// 2. Neither changes data.
/// 3. Both end within a fraction of a second after `stop` says so.
pub trait Sql: Debug + Send + Sync {
    /// Asks.
    ///
    /// # Errors
    ///
    /// By kind: what the database said, or why it was not asked.
    fn query(&self, sql: &str, stop: &Stop) -> Result<String, SqlError>;

    /// Lets the database check all that it has, as deep as it can. Returns its complaints: none when all is well.
    ///
    /// # Errors
    ///
    /// By kind: `Missing` when it has nothing to check itself with.
    fn check(&self, stop: &Stop) -> Result<Vec<String>, SqlError>;
}

/// Why a database gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlError {
    /// It refused the question, in its words.
    Refused(String),
    /// Something is missing on this machine to ask it.
    Missing(String),
    /// It was time to stop.
    Stopped(Stopped),
}

impl From<Stopped> for SqlError {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(what) | Self::Missing(what) => f.write_str(what),
            Self::Stopped(stopped) => fmt::Display::fmt(stopped, f),
        }
    }
}

impl std::error::Error for SqlError {}
