//! What a backup may be told, and what it tells.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use strongroom_chunk::ChunkSizes;
use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, Outcome, Skipped, Snapshot, Summary, Time};

use crate::copy::Original;
use crate::error::{Error, ErrorKind, Result};
use crate::parity::ParityCount;
use crate::state::State;

/// Options of one backup. [`BackupOptions::new`] takes the series; the rest has defaults.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackupOptions {
    /// What successive backups of the same thing share; the default parent is the latest snapshot of the series.
    pub series: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Labels; `host` is the machine's name.
    pub labels: BTreeMap<String, String>,
    /// Words for people.
    pub description: Option<String>,
    /// The paths that are backed up, for people; not interpreted.
    pub paths: Vec<Vec<u8>>,
    /// The exclude rules, for people; not interpreted.
    pub excludes: Vec<String>,
    /// The command whose output this is, for people; not run.
    pub command: Option<Vec<String>>,
    /// Which earlier snapshot tells what has not changed.
    pub parent: ParentChoice,
    /// Where chunks end.
    pub chunking: Chunking,
    /// Offset of local time from UTC, in seconds, for retention by local days.
    pub utc_offset_seconds: Option<i32>,
    /// Program and version.
    pub program: String,
    /// The snapshot of another repository that this is a copy of.
    pub(crate) original: Option<Arc<Original>>,
}

/// Which earlier snapshot tells what has not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ParentChoice {
    /// The latest of the same series and the same `host`.
    #[default]
    Latest,
    /// This one.
    Snapshot(Id),
    /// None: everything is read.
    None,
}

/// Where chunks end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Chunking {
    /// `gear64` with the repository's settings.
    #[default]
    Default,
    /// `gear64` with these sizes.
    Gear64(ChunkSizes),
    /// Blocks of that many bytes, for images of disks.
    Fixed(usize),
}

impl BackupOptions {
    /// Returns the defaults for a series.
    pub fn new(series: impl Into<String>) -> Self {
        Self {
            series: series.into(),
            tags: Vec::new(),
            labels: BTreeMap::new(),
            description: None,
            paths: Vec::new(),
            excludes: Vec::new(),
            command: None,
            parent: ParentChoice::Latest,
            chunking: Chunking::Default,
            utc_offset_seconds: None,
            program: concat!("strongroom ", env!("CARGO_PKG_VERSION")).to_owned(),
            original: None,
        }
    }

    /// Sets the machine's name.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.labels.insert("host".to_owned(), host.into());
        self
    }

    /// Sets the tags.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = String>) -> Self {
        self.tags = tags.into_iter().collect();
        self.tags.sort();
        self.tags.dedup();
        self
    }

    /// Sets words for people.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the paths that are recorded.
    #[must_use]
    pub fn with_paths(mut self, paths: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.paths = paths.into_iter().collect();
        self
    }

    /// Sets the exclude rules that are recorded.
    #[must_use]
    pub fn with_excludes(mut self, excludes: impl IntoIterator<Item = String>) -> Self {
        self.excludes = excludes.into_iter().collect();
        self
    }

    /// Sets the command that is recorded.
    #[must_use]
    pub fn with_command(mut self, command: impl IntoIterator<Item = String>) -> Self {
        self.command = Some(command.into_iter().collect());
        self
    }

    /// Chooses the parent.
    #[must_use]
    pub fn with_parent(mut self, parent: ParentChoice) -> Self {
        self.parent = parent;
        self
    }

    /// Chooses where chunks end.
    #[must_use]
    pub fn with_chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = chunking;
        self
    }

    /// Sets the offset of local time.
    #[must_use]
    pub fn with_utc_offset_seconds(mut self, seconds: i32) -> Self {
        self.utc_offset_seconds = Some(seconds);
        self
    }

    /// Returns the parent that is chosen, in that state.
    pub(super) fn parent_in(&self, state: &State) -> Result<Option<(Id, Snapshot)>> {
        match self.parent {
            ParentChoice::None => Ok(None),
            ParentChoice::Latest => Ok(self.latest_in(state).map(|(id, one)| (id, one.clone()))),
            ParentChoice::Snapshot(id) => {
                match state.snapshots.values().find(|(other, _)| *other == id) {
                    Some((id, one)) => Ok(Some((*id, Snapshot::clone(one)))),
                    None => Err(Error::new(
                        ErrorKind::NotFound,
                        "the parent snapshot is not there",
                    )),
                }
            }
        }
    }
}

impl BackupOptions {
    /// Returns the latest snapshot in force of the same series and host.
    pub(super) fn latest_in<'a>(&self, state: &'a State) -> Option<(Id, &'a Snapshot)> {
        let host = self.labels.get("host").map(String::as_str);
        let is_ours = |one: &Snapshot| one.series == self.series && one.labels.get("host") == host;
        let mut newest_first = state.snapshots.values().rev();
        let found = newest_first.find(|(_, one)| is_ours(one));
        found.map(|(id, one)| (*id, one.as_ref()))
    }
}

/// What a backup did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackupReport {
    /// The snapshot.
    pub snapshot: Id,
    /// The journal entry that committed it, and its hash.
    pub entry: (u64, ObjectHash),
    /// When reading began: the snapshot shows everything as it was then, or later.
    pub began: Time,
    /// Whether everything was recorded as it was.
    pub outcome: Outcome,
    /// Counts.
    pub summary: Summary,
    /// What was skipped or changed while it was read: the first thousand of `summary.skipped`.
    pub problems: Vec<Skipped>,
    /// The snapshot that told what had not changed.
    pub parent: Option<Id>,
    /// Packs written.
    pub packs: u64,
    /// `Packs` entries written on the way.
    pub announcements: u64,
    /// Parity that packs got, if [`Settings::parity`](crate::Settings::parity) asked for any.
    pub parity: ParityCount,
    /// Bytes of packs and index segments written.
    pub transferred_bytes: u64,
    /// Passes over the source: 1, unless others removed meanwhile what the backup relied on.
    pub passes: u32,
    /// The part of `transferred_bytes` that was written in passes after the first.
    pub repeated_bytes: u64,
    /// The repository takes one writer at a time; see [`Event::SingleWriter`](crate::Event::SingleWriter).
    pub single_writer: bool,
    /// How long each part took, in all passes together.
    pub phases: Phases,
}

/// How long the parts of a backup took.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Phases {
    /// Journal and index.
    pub prepare: Duration,
    /// Walking, reading, storing.
    pub store: Duration,
    /// The journal entry.
    pub commit: Duration,
}

impl BackupReport {
    /// Says whether everything was recorded as it was.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outcome == Outcome::Complete
    }
}
