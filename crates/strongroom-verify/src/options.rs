//! What a check is asked for.

use std::time::Duration;

use strongroom_crypt::Id;
use strongroom_format::Time;

use crate::{Head, Level, PackSelection};

/// What a check is asked for.
///
/// ```
/// use strongroom_format::Time;
/// use strongroom_verify::{CheckOptions, Level};
///
/// let now = Time::new(1_800_000_000, 0);
/// let options = CheckOptions::new(now).with_level(Level::Rebuilt);
/// assert_eq!(options.level, Level::Rebuilt);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CheckOptions {
    /// How deep to look; at most [`Level::HIGHEST`]. Without the keys that a level needs, the check goes as deep as it can and says so.
    pub level: Level,
    /// Which packs are read. Journal, index and keys always are.
    pub packs: PackSelection,
    /// Which snapshots are walked, and rebuilt at L4.
    pub snapshots: SnapshotSelection,
    /// The time, for the age of evidence and of beacons. No clock is read.
    pub now: Time,
    /// A head of the journal that was seen before. The store must show it again, and what came after.
    pub known_head: Option<Head>,
    /// Bytes of memory for objects in flight and what is remembered about blobs; one object of 268,435,456 bytes is always possible.
    ///
    /// Three quarters are for a table of what packs hold, 36 bytes a copy of a blob; a quarter is for packs in flight (at least two a thread, or two pieces
    /// of one where requests cost next to nothing) and for frames that are needed again. It is taken as it is needed. What does not fit the table is left to further passes over the headers, the index and the reference
    /// lists; [`Level::Rebuilt`](crate::Level::Rebuilt) needs all of it, and is not reached where it does not fit. Beside that there are about
    /// 150 bytes a pack, 12 a frame, 120 a distinct tree page and 4 a reference to one, and twice the largest index segment.
    pub memory_bytes: u64,
    /// Findings that are kept; beyond it they are counted.
    pub findings_max: usize,
}

impl CheckOptions {
    /// Asks for all packs and snapshots, at the level L3.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
            level: Level::Decoded,
            packs: PackSelection::all(),
            snapshots: SnapshotSelection::All,
            now,
            known_head: None,
            memory_bytes: 192 << 20,
            findings_max: 10_000,
        }
    }

    /// Asks for what is looked at right after a backup has made a snapshot.
    ///
    /// [`Level::Listed`] lists everything. From [`Level::Hashed`] to [`Level::Decoded`] the packs are read that no earlier check has read at that level, as
    /// far as the journal has evidence of it: what the backup has just written is among them, and whatever else was never read, which the first
    /// time is everything. Names and pages are read always, and the new snapshot is walked. At [`Level::Rebuilt`] every file of the new snapshot is put
    /// together, whatever pack its content is in, and nothing else is read. What was read once gets old: that is for checks of another
    /// [`PackSelection`].
    #[must_use]
    pub fn after_backup(now: Time, level: Level, snapshot: Id) -> Self {
        let since_ever = Duration::from_secs(now.seconds.unsigned_abs());
        let packs = match level {
            Level::Listed => PackSelection::all(),
            Level::Hashed | Level::Authenticated | Level::Decoded => {
                PackSelection::max_age(since_ever)
            }
            _ => PackSelection::none(),
        };
        Self::new(now)
            .with_level(level)
            .with_packs(packs)
            .with_snapshots(SnapshotSelection::Ids(vec![snapshot]))
    }

    /// Sets how deep to look.
    #[must_use]
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets which packs are read.
    #[must_use]
    pub fn with_packs(mut self, packs: PackSelection) -> Self {
        self.packs = packs;
        self
    }

    /// Sets which snapshots are walked.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: SnapshotSelection) -> Self {
        self.snapshots = snapshots;
        self
    }

    /// Gives a head that was seen before: a store that went back, or shows another history, is a finding.
    #[must_use]
    pub fn with_known_head(mut self, head: Head) -> Self {
        self.known_head = Some(head);
        self
    }

    /// Sets the bytes of memory.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets how many findings are kept.
    #[must_use]
    pub fn with_findings_max(mut self, count: usize) -> Self {
        self.findings_max = count;
        self
    }
}

/// Which snapshots are walked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SnapshotSelection {
    /// All in force.
    #[default]
    All,
    /// The newest so many of each series.
    Newest(usize),
    /// These.
    Ids(Vec<Id>),
}
