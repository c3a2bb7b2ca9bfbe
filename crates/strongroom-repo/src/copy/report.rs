//! What a copy did.

use std::fmt;

use strongroom_crypt::Id;
use strongroom_format::{Outcome, Skipped, Snapshot};

use crate::backup::BackupReport;
use crate::error::Error;
use crate::parity::ParityCount;

/// What a copy did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CopyReport {
    /// Snapshots that were copied, in that order.
    pub copied: Vec<Copied>,
    /// Snapshots that were selected and not copied.
    pub not_copied: Vec<NotCopied>,
    /// Bytes read from the source's store, but for its journal and index.
    pub fetched_bytes: u64,
    /// Bytes of packs and index segments put into the target's store.
    pub transferred_bytes: u64,
    /// Parity that packs of the target got, if its [`Settings::parity`](crate::Settings::parity) asked for any.
    pub parity: ParityCount,
}

/// A snapshot that was copied.
#[derive(Debug)]
#[non_exhaustive]
pub struct Copied {
    /// Its id in the source.
    pub source: Id,
    /// Its id in the target.
    pub target: Id,
    /// What the copy says of itself: `Partial` if the original was, or something could not be copied.
    pub outcome: Outcome,
    /// What could not be read in the source and is not in the copy: the first thousand.
    pub lost: Vec<Skipped>,
    /// How many entries that are.
    pub lost_count: u64,
    /// Bytes of file content.
    pub bytes: u64,
    /// Of these the bytes that the target did not have, before compression.
    pub new_bytes: u64,
}

/// A snapshot that was selected and not copied.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotCopied {
    /// Its id in the source.
    pub source: Id,
    /// Why not.
    pub why: Uncopied,
}

/// Why a snapshot was not copied.
#[derive(Debug)]
#[non_exhaustive]
pub enum Uncopied {
    /// The target has it as this snapshot.
    AlreadyThere(Id),
    /// It was forgotten in the source while it was being copied.
    Forgotten,
    /// Nothing of it can be read.
    Unreadable(Error),
}

impl CopyReport {
    /// Says whether the target has now everything that was selected, whole.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_there = |one: &NotCopied| matches!(one.why, Uncopied::AlreadyThere(_));
        self.copied.iter().all(|one| one.lost_count == 0) && self.not_copied.iter().all(is_there)
    }

    pub(super) fn note(&mut self, source: Id, why: Uncopied) {
        self.not_copied.push(NotCopied { source, why });
    }

    /// Adds a snapshot that was copied, and returns how many of its entries were not.
    pub(super) fn add(&mut self, source: Id, original: &Snapshot, report: &BackupReport) -> u64 {
        let lost_count = report
            .summary
            .skipped
            .saturating_sub(original.summary.skipped);
        self.transferred_bytes += report.transferred_bytes;
        self.parity.add(report.parity.clone());
        self.copied.push(Copied {
            source,
            target: report.snapshot,
            outcome: report.outcome,
            lost: report.problems.clone(),
            lost_count,
            bytes: report.summary.bytes,
            new_bytes: report.summary.new_bytes,
        });
        lost_count
    }
}

impl fmt::Display for CopyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.copied {
            writeln!(
                f,
                "copied {} as {}, {} bytes of which {} are new",
                one.source, one.target, one.bytes, one.new_bytes
            )?;
            for lost in &one.lost {
                let path = String::from_utf8_lossy(&lost.path);
                writeln!(f, "  lost {path}: {}", lost.message)?;
            }
        }
        for one in &self.not_copied {
            match &one.why {
                Uncopied::AlreadyThere(copy) => writeln!(f, "{} is there as {copy}", one.source)?,
                Uncopied::Forgotten => writeln!(f, "{} was forgotten meanwhile", one.source)?,
                Uncopied::Unreadable(error) => {
                    writeln!(f, "{} cannot be read: {error}", one.source)?;
                }
            }
        }
        write!(
            f,
            "{} bytes read, {} bytes put",
            self.fetched_bytes, self.transferred_bytes
        )
    }
}
