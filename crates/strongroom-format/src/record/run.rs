//! A run of a job, whether it came to an end or not.

use std::collections::BTreeMap;

use strongroom_crypt::Id;

use super::ErrorClass;
use super::field::{Value, value_map, value_number};
use crate::cbor::{Reader, Unknown};
use crate::{DecodeError, EncodeError, Time};

/// A run of a job: a backup, a copy, a check, a prune, a restore. One that never began is recorded too, by whoever missed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Run {
    /// What was to be done.
    pub job: Job,
    /// Name of the repository in the policy.
    pub repository: String,
    /// Name of the repository that was copied from, of a copy only.
    pub from: Option<String>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// 1 for the first attempt, 2 after one retry of the whole run.
    pub attempt: u32,
    /// When the schedule wanted it; `None` of a run that nobody had scheduled.
    pub due: Option<Time>,
    /// When it began.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// The moment of which its snapshot shows the data: not later than when reading began.
    pub capture: Option<Time>,
    /// When its snapshot was in the repository.
    pub durable: Option<Time>,
    /// The snapshot that it made, copied, checked or restored.
    pub snapshot: Option<Id>,
    /// Milliseconds that each phase took, in the order of their beginning.
    pub phases: Vec<(String, u64)>,
    /// What was counted, by the names of [`counter`](super::counter). What is absent was not measured.
    pub counters: BTreeMap<String, u64>,
    /// What went wrong, also on the way to a good end.
    pub errors: Vec<ErrorCount>,
    /// How the store was reached.
    pub transport: Option<Transport>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What a [`Run`] does.
///
/// It is a word in records; other words are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Job {
    /// Makes a snapshot of a source: `backup`.
    #[default]
    Backup,
    /// Copies snapshots from another repository: `copy`.
    Copy,
    /// Reads what is there: `check`.
    Check,
    /// Forgets and deletes: `prune`.
    Prune,
    /// Writes a snapshot to a target: `restore`.
    Restore,
    /// Another word; none of those above.
    Other(String),
}

impl Job {
    /// Returns the word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Backup => "backup",
            Self::Copy => "copy",
            Self::Check => "check",
            Self::Prune => "prune",
            Self::Restore => "restore",
            Self::Other(word) => word,
        }
    }

    /// Returns what the word stands for.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "backup" => Self::Backup,
            "copy" => Self::Copy,
            "check" => Self::Check,
            "prune" => Self::Prune,
            "restore" => Self::Restore,
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl std::fmt::Display for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Value for Job {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if matches!(self, Self::Other(word) if Self::of(word) != *self) {
            return Err(EncodeError::invalid("job"));
        }
        self.as_str().to_owned().write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        String::read(r, what).map(|word| Self::of(&word))
    }
}

/// How a [`Run`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunOutcome {
    /// All of it was done.
    Ok,
    /// All of it was done, with something that somebody should look at.
    OkWithNotices,
    /// A part was done, and what was done is good: a snapshot without the files that could not be read.
    Partial,
    /// Nothing came of it.
    #[default]
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It could not begin, or end, in the time that the policy gives it.
    Expired,
    /// It never began; somebody else found out.
    Missed,
    /// A number of a later version.
    Other(u64),
}

/// Errors of one kind in a [`Run`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct ErrorCount {
    /// Where the cause is.
    pub class: ErrorClass,
    /// Stable code, for programs: `out-of-space`, `network`.
    pub code: String,
    /// Phase of the run.
    pub phase: String,
    /// How often.
    pub count: u64,
    /// What a later version added.
    pub unknown: Unknown,
}

/// How a store was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Transport {
    /// `TLSv1.3`, `SSH-2.0`, `file`; as far as the connection goes, without addresses.
    pub protocol: String,
    /// Whether the certificate or host key of the other side was checked.
    pub peer_checked: bool,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Run, "run", {
    0 => job,
    1 => repository,
    2 => from,
    3 => outcome,
    4 => attempt,
    5 => due,
    6 => started,
    7 => ended,
    8 => capture,
    9 => durable,
    10 => snapshot,
    11 => phases,
    12 => counters,
    13 => errors,
    14 => transport,
});

value_number!(RunOutcome, "outcome of a run", {
    Ok = 0 "ok",
    OkWithNotices = 1 "ok-with-notices",
    Partial = 2 "partial",
    Failed = 3 "failed",
    Cancelled = 4 "cancelled",
    Expired = 5 "expired",
    Missed = 6 "missed",
});

value_map!(ErrorCount, "errors of a run", {
    0 => class,
    1 => code,
    2 => phase,
    3 => count,
});

value_map!(Transport, "transport", {
    0 => protocol,
    1 => peer_checked,
});
