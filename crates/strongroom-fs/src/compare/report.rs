//! How a snapshot and its source differ.

use std::collections::BTreeMap;
use std::fmt;

use strongroom_crypt::Id;
use strongroom_format::Time;
use strongroom_repo::{Error, Lost};

/// How a snapshot and its source differ.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "look at `is_same`"]
pub struct SourceReport {
    /// The snapshot.
    pub snapshot: Id,
    /// When its backup began.
    pub began: Time,
    /// Entries of the snapshot that were compared.
    pub entries: u64,
    /// Of these, files whose content was compared.
    pub files: u64,
    /// Bytes of content that were compared.
    pub bytes: u64,
    /// How many differences there are of each standing and kind.
    pub counts: BTreeMap<(Standing, Discrepancy), u64>,
    /// The differences, by path; of each standing no more than the options say.
    pub differences: Vec<SourceDifference>,
    /// What could not be read of the snapshot, at most 10,000 of it.
    pub lost: Vec<Lost>,
    /// How much that is.
    pub lost_total: u64,
    /// What ended the comparison early. What the report does not name then was not compared.
    pub stopped: Option<Error>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SourceDifference {
    /// Its path below the roots.
    pub path: Vec<u8>,
    /// What differs.
    pub what: Discrepancy,
    /// What is to be thought of it.
    pub standing: Standing,
    /// In the snapshot, then on disk, where it can be shown.
    pub detail: String,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Discrepancy {
    /// The entry is only in the snapshot.
    OnlyInSnapshot,
    /// The entry is only on disk. A directory counts once, with everything in it.
    OnlyOnDisk,
    /// It is there and cannot be read on disk.
    Unreadable,
    /// File, directory, link and so on.
    Kind,
    /// Length or bytes.
    Content,
    /// Permission bits.
    Mode,
    /// User or group, by number.
    Owner,
    /// Modification time, to the nanosecond.
    Mtime,
    /// Extended attributes, with ACLs and capabilities.
    Xattrs,
    /// Immutable, append only, no dump.
    Flags,
    /// What a symbolic link says.
    LinkTarget,
    /// Which names are one file.
    HardLinks,
    /// Number of a device.
    Device,
    /// Whether it takes less room than its content. File systems change that as they please.
    Holes,
}

/// What is to be thought of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Standing {
    /// Nothing says that it changed: something is damaged.
    Unexplained,
    /// The entry, or the directory it is or was in, changed since the backup.
    ChangedSince,
    /// The backup said that it could not read it, or that it changed meanwhile. A snapshot names no more than 1,000 such entries.
    Announced,
    /// It says nothing of what is stored.
    Advisory,
}

impl SourceReport {
    /// Says whether everything was compared, and all that differs is explained.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.lost_total == 0 && self.stopped.is_none() && self.total(Standing::Unexplained) == 0
    }

    /// Says whether everything was compared and nothing differs but what says nothing.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        let mut standings = self.counts.keys().map(|(standing, _)| *standing);
        self.is_same() && standings.all(|standing| standing == Standing::Advisory)
    }

    /// Returns how many differences of a standing there are.
    #[must_use]
    pub fn total(&self, standing: Standing) -> u64 {
        let counts = self.counts.iter();
        let counts = counts.filter(|((this, _), _)| *this == standing);
        counts.map(|(_, count)| count).sum()
    }

    /// Returns how many differences of a kind there are, whatever is to be thought of them.
    #[must_use]
    pub fn count(&self, what: Discrepancy) -> u64 {
        let counts = self.counts.iter().filter(|((_, this), _)| *this == what);
        counts.map(|(_, count)| count).sum()
    }
}

impl Discrepancy {
    /// Returns a word that stays the same from version to version, for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OnlyInSnapshot => "only-in-snapshot",
            Self::OnlyOnDisk => "only-on-disk",
            Self::Unreadable => "unreadable",
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Mtime => "mtime",
            Self::Xattrs => "xattrs",
            Self::Flags => "flags",
            Self::LinkTarget => "link-target",
            Self::HardLinks => "hard-links",
            Self::Device => "device",
            Self::Holes => "holes",
        }
    }
}

impl Standing {
    /// Returns a word that stays the same from version to version, for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unexplained => "unexplained",
            Self::ChangedSince => "changed-since",
            Self::Announced => "announced",
            Self::Advisory => "advisory",
        }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for SourceDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        write!(
            f,
            "{}: {} /{}",
            self.standing,
            self.what,
            path.escape_debug()
        )?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

/// What was compared, and what differs by kind.
impl fmt::Display for SourceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "L6 compared with the source: {} entries, content of {} files, {} bytes",
            self.entries, self.files, self.bytes
        )?;
        for ((standing, what), count) in &self.counts {
            write!(f, "\n{standing}: {what}: {count}")?;
        }
        if self.lost_total > 0 {
            write!(
                f,
                "\nnot compared, as the repository has lost them: {}",
                self.lost_total
            )?;
        }
        match &self.stopped {
            Some(error) => write!(f, "\nended early: {error}"),
            None => Ok(()),
        }
    }
}
