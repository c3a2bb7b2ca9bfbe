//! What cannot be repaired, named down to files and snapshots.

use std::fmt;

use strongroom_crypt::Id;
use strongroom_format::Time;
use strongroom_format::object_name::ObjectName;

/// What cannot be brought back by any source that a plan has. What snapshots lack may come back with the next backup: the ids of what it
/// still has are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// Objects that no source has.
    pub objects: Vec<ObjectName>,
    /// Blobs that snapshots need and that have no good copy.
    pub blobs: u64,
    /// Of these, tree pages and the names of tree pages: what was below a page is not known.
    pub pages: u64,
    /// The snapshots that lack something, oldest first.
    pub snapshots: Vec<SnapshotLosses>,
}

/// What one snapshot lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotLosses {
    /// Its id.
    pub id: Id,
    /// Its series.
    pub series: String,
    /// When its capture began.
    pub began: Time,
    /// It is the newest of its series: what it lacks, the next backup may still have.
    pub is_newest: bool,
    /// Files of which content is lost.
    pub files: u64,
    /// Entries whose names are lost, as far as their number is known.
    pub entries: u64,
    /// Pages of directories whose number of entries is not known either.
    pub pages: u64,
    /// What lacks something, the first thousand. None without the keys to names.
    pub paths: Vec<LossAt>,
}

/// Something that lacks something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LossAt {
    /// Its path, relative to the root, whose own is empty.
    pub path: Vec<u8>,
    /// What it lacks.
    pub what: LossKind,
}

/// What a file or directory lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossKind {
    /// Content of a file.
    Content,
    /// So many entries of a directory, and everything below them; `None` if it is not known how many.
    Entries(Option<u64>),
}

impl Losses {
    /// Says whether nothing is lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.blobs == 0 && self.snapshots.is_empty()
    }
}

impl SnapshotLosses {
    /// Notes something that is lost. The numbers are exact, the paths are the first thousand.
    pub(crate) fn note(&mut self, path: &[u8], what: LossKind) {
        match what {
            LossKind::Content => self.files += 1,
            LossKind::Entries(Some(count)) => self.entries += count,
            LossKind::Entries(None) => self.pages += 1,
        }
        // Pages of one directory come one after another.
        if let (Some(last), LossKind::Entries(more)) = (self.paths.last_mut(), what)
            && let LossKind::Entries(known) = last.what
            && last.path == path
        {
            let sum = known.zip(more).map(|(known, more)| known + more);
            last.what = LossKind::Entries(sum);
        } else if self.paths.len() < NAMED {
            self.paths.push(LossAt {
                path: path.to_vec(),
                what,
            });
        }
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing is lost");
        }
        write!(
            f,
            "lost: {} blobs, {} of them of trees",
            self.blobs, self.pages
        )?;
        for object in &self.objects {
            write!(f, "\n  {object}")?;
        }
        for snapshot in &self.snapshots {
            write!(f, "\n  {snapshot}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SnapshotLosses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            series,
            files,
            entries,
            pages,
            ..
        } = self;
        write!(
            f,
            "snapshot {id} of {series}: {files} files lack content, {entries} entries and {pages} pages of entries have lost their names"
        )?;
        if self.is_newest {
            f.write_str("; the next backup may have them")?;
        }
        for LossAt { path, what } in &self.paths {
            write!(f, "\n    /{}", String::from_utf8_lossy(path))?;
            match what {
                LossKind::Content => {}
                LossKind::Entries(Some(count)) => write!(f, ": {count} entries")?,
                LossKind::Entries(None) => f.write_str(": some entries")?,
            }
        }
        Ok(())
    }
}

/// Paths that are named of each snapshot.
const NAMED: usize = 1_000;
