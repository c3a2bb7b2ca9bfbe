//! What a check found.

use std::fmt;

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;

use crate::{Level, Problem};

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What is wrong.
    pub problem: Problem,
    /// The level at which it was noticed: a lesser check would not have seen it.
    pub level: Level,
    /// For people: a lower-case phrase without a final period. May be empty; its wording may change.
    pub detail: String,
}

impl Finding {
    /// Describes something found.
    #[must_use]
    pub fn new(severity: Severity, subject: Subject, problem: Problem, level: Level) -> Self {
        Self {
            severity,
            subject,
            problem,
            level,
            detail: String::new(),
        }
    }

    /// Says more for people.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            subject,
            problem,
            level,
            detail,
        } = self;
        write!(f, "{severity}: {subject}: {problem}")?;
        if !detail.is_empty() {
            write!(f, " ({detail})")?;
        }
        write!(f, " [{}, L{}]", problem.code(), level.number())
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; nothing is wrong. An object of a newer version, a name that is not ours.
    Note,
    /// Costs space, or only a cache or a second copy that can be made again.
    Waste,
    /// Something is not as it was written. Nothing that a snapshot holds is known to be lost.
    Damage,
    /// Something that a snapshot or the journal holds has no good copy in this store.
    Loss,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Waste => "waste",
            Self::Damage => "damage",
            Self::Loss => "loss",
        })
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The repository as a whole.
    Repository,
    /// An object.
    Object(ObjectName),
    /// Something in the store whose name is none of ours.
    Foreign(String),
    /// A frame of a pack.
    Frame {
        /// The pack.
        pack: ObjectHash,
        /// The frame's position in the pack's header, from 0.
        frame: u32,
    },
    /// A blob.
    Blob(Id),
    /// A page of a tree.
    Page(Id),
    /// A snapshot.
    Snapshot(Id),
    /// A file or another entry of a snapshot.
    File {
        /// The snapshot.
        snapshot: Id,
        /// Path from the snapshot's root, `/` between its parts; bytes, as the source had it.
        path: Vec<u8>,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository => f.write_str("repository"),
            Self::Object(name) => write!(f, "{name}"),
            Self::Foreign(name) => write!(f, "{}", name.escape_debug()),
            Self::Frame { pack, frame } => {
                write!(f, "{} frame {frame}", ObjectName::Pack(*pack))
            }
            Self::Blob(id) => write!(f, "blob {id}"),
            Self::Page(id) => write!(f, "page {id}"),
            Self::Snapshot(id) => write!(f, "snapshot {id}"),
            Self::File { snapshot, path } => {
                write!(f, "snapshot {snapshot}: {}", path.escape_ascii())
            }
        }
    }
}
