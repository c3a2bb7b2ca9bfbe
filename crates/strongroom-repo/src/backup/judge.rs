//! What has not changed since the parent snapshot.

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_PAGE_HEIGHT;
use strongroom_format::{Node, NodeKind, Page, PageType, Ref, RefKind, Time};

use super::retired::Retired;
use crate::blobs::{Blobs, PAGE};
use crate::error::Result;
use crate::index::Index;
use crate::source::Entry;
use crate::tree::{DirectoryReader, Recorded};

/// Walks the parent snapshot's tree beside the source's and says of each entry whether it is the same.
///
/// Both are sorted, so this is a merge: the parent is read once, in order, and never held whole.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    parent: Option<Parent<'a>>,
    open: Vec<Beside>,
}

/// The parent snapshot.
#[derive(Debug)]
pub(super) struct Parent<'a> {
    pub(super) blobs: &'a Blobs,
    pub(super) root: Id,
    /// When its capture began, by the clock that stamps files.
    pub(super) began: Time,
    /// Set unless it is in force and nothing is damaged: then content must be looked up before it is taken for stored.
    pub(super) suspect: Option<&'a Index>,
    pub(super) retired: Option<Retired>,
}

/// A directory of the parent beside the one being walked.
#[derive(Debug, Default)]
struct Beside {
    reader: Option<DirectoryReader>,
    peeked: Option<Recorded>,
}

/// What the parent has of a directory's own metadata.
#[derive(Debug)]
pub(super) enum Entered {
    /// The same; this is its record.
    Known(OwnRecord),
    /// Something else, or nothing.
    Changed,
}

/// Where the parent has a directory's own metadata.
#[derive(Debug)]
pub(super) enum OwnRecord {
    /// In its first leaf: it is the root.
    Root(Box<Node>),
    /// Among the entries of the directory above it.
    Entry(Recorded),
}

/// What the parent has of anything else.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The same; this is its record.
    Known(Recorded),
    /// Something else, or nothing.
    Changed,
}

impl OwnRecord {
    /// Returns the metadata.
    pub(super) fn node(&self) -> &Node {
        match self {
            Self::Root(node) => node,
            Self::Entry(entry) => entry.node(),
        }
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(parent: Option<Parent<'a>>) -> Self {
        Self {
            parent,
            open: Vec::new(),
        }
    }

    /// Enters a directory of the source. Known means its own metadata; what is in it is judged by itself.
    pub(super) fn enter(&mut self, entry: &Entry) -> Entered {
        let Some(parent) = &self.parent else {
            return Entered::Changed;
        };
        let found = match self.open.last_mut() {
            None => Self::root(parent),
            Some(beside) => beside.find(parent, &entry.node.name),
        };
        let is_directory = |record: &OwnRecord| record.node().kind == NodeKind::Directory;
        let Some((record, reader)) = found.filter(|(record, _)| is_directory(record)) else {
            self.open.push(Beside::default());
            return Entered::Changed;
        };
        self.open.push(Beside {
            reader,
            peeked: None,
        });
        match same(&entry.node, record.node(), parent.began) {
            true => Entered::Known(record),
            false => Entered::Changed,
        }
    }

    /// Leaves the directory entered last.
    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// Judges anything but a directory.
    pub(super) fn item(&mut self, entry: &Entry) -> Result<Verdict> {
        let (Some(parent), Some(beside)) = (&self.parent, self.open.last_mut()) else {
            return Ok(Verdict::Changed);
        };
        let Some(old) = beside.take(&entry.node.name) else {
            return Ok(Verdict::Changed);
        };
        if !same(&entry.node, old.node(), parent.began) || !parent.has_content(&old)? {
            return Ok(Verdict::Changed);
        }
        Ok(Verdict::Known(old))
    }

    fn root(parent: &Parent<'_>) -> Option<(OwnRecord, Option<DirectoryReader>)> {
        let reader = DirectoryReader::open(parent.blobs, &parent.root).ok()?;
        let node = reader.root_node().cloned()?;
        Some((OwnRecord::Root(Box::new(node)), Some(reader)))
    }
}

impl Beside {
    /// Returns the parent's entry of that name. Entries are asked for in ascending order.
    fn take(&mut self, name: &[u8]) -> Option<Recorded> {
        loop {
            if self.peeked.is_none() {
                // A page of the parent that cannot be read costs reading the files again, not the backup.
                self.peeked = self.reader.as_mut()?.next_recorded().unwrap_or_default();
                if self.peeked.is_none() {
                    self.reader = None;
                    return None;
                }
            }
            match self.peeked.as_ref()?.node().name.as_slice().cmp(name) {
                std::cmp::Ordering::Less => self.peeked = None,
                std::cmp::Ordering::Equal => return self.peeked.take(),
                std::cmp::Ordering::Greater => return None,
            }
        }
    }

    fn find(
        &mut self,
        parent: &Parent<'_>,
        name: &[u8],
    ) -> Option<(OwnRecord, Option<DirectoryReader>)> {
        let entry = self.take(name)?;
        let page = entry
            .refs()
            .first()
            .filter(|page| page.kind == RefKind::Page)?;
        let reader = DirectoryReader::open(parent.blobs, &page.id).ok();
        Some((OwnRecord::Entry(entry), reader))
    }
}

impl Parent<'_> {
    /// Says whether everything that a file refers to has a good copy: pieces and the pages of its recipe.
    fn has_content(&self, entry: &Recorded) -> Result<bool> {
        let Some(index) = self.suspect else {
            return Ok(true);
        };
        let mut levels = vec![entry.refs().to_vec().into_iter()];
        while let Some(level) = levels.last_mut() {
            let Some(reference) = level.next() else {
                levels.pop();
                continue;
            };
            let is_stored = match reference.kind {
                RefKind::Zeros => true,
                RefKind::Data => self.is_stored(index, &reference.id)?,
                RefKind::Page if levels.len() <= usize::from(MAX_PAGE_HEIGHT) + 1 => {
                    let below = self.recipe_page(&reference.id);
                    let is_stored = below.is_some() && self.is_stored(index, &reference.id)?;
                    levels.extend(below.map(Vec::into_iter));
                    is_stored
                }
                RefKind::Page | RefKind::Names => false,
            };
            if !is_stored {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_stored(&self, index: &Index, id: &Id) -> Result<bool> {
        match &self.retired {
            Some(retired) => retired.has_other(index, id),
            None => Ok(!index.grounds(id)?.is_empty()),
        }
    }

    /// Reads a page of a recipe. One that cannot be read costs reading the file again, not the backup.
    fn recipe_page(&self, id: &Id) -> Option<Vec<Ref>> {
        let page = Page::decode(&self.blobs.read(PAGE, id).ok()?).ok()?;
        (page.page_type == PageType::Recipe).then_some(page.refs)
    }
}

/// Says whether what one `stat` tells is as the parent recorded it, and can be trusted.
fn same(now: &Node, old: &Node, began: Time) -> bool {
    now.kind == old.kind
        && now.size == old.size
        && now.mtime == old.mtime
        && now.ctime.is_some()
        && now.ctime == old.ctime
        && now.inode == old.inode
        && (now.mode, now.uid, now.gid) == (old.mode, old.uid, old.gid)
        && now.device == old.device
        && now.link == old.link
        && old.incomplete == 0
        && !is_racy(now, began)
}

/// A file that was touched just before the parent was captured, or later by its stamp, may have been changed
/// again within the same tick of the clock that stamps files: it is read again. The change time decides, since nobody can
/// set it; a modification time in the future is common and proves nothing.
fn is_racy(node: &Node, began: Time) -> bool {
    let latest = node.ctime.unwrap_or(node.mtime);
    let whole_seconds = node.mtime.nanos == 0 && latest.nanos == 0;
    let granule = if whole_seconds {
        COARSE_GRANULE_NANOS
    } else {
        GRANULE_NANOS
    };
    let nanos = |time: Time| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    nanos(latest) + granule >= nanos(began)
}

/// Linux stamps files with a clock that ticks every 1 to 10 ms (CONFIG_HZ from 1000 to 100); twice the slowest.
const GRANULE_NANOS: i128 = 20_000_000;
/// FAT keeps modification times in steps of two seconds.
const COARSE_GRANULE_NANOS: i128 = 2_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mtime: (i64, u32), ctime: (i64, u32)) -> Node {
        Node {
            name: b"f".to_vec(),
            mtime: Time {
                seconds: mtime.0,
                nanos: mtime.1,
            },
            ctime: Some(Time {
                seconds: ctime.0,
                nanos: ctime.1,
            }),
            inode: 7,
            size: 3,
            ..Node::default()
        }
    }

    #[test]
    fn a_file_touched_within_the_granule_of_the_capture_is_racy() {
        let began = Time::new(100, 500_000_000);
        assert!(!is_racy(&file((50, 1), (100, 479_999_999)), began));
        assert!(is_racy(&file((50, 1), (100, 480_000_000)), began));
        assert!(is_racy(&file((50, 1), (100, 500_000_001)), began));
        assert!(
            is_racy(&file((50, 1), (2000, 1)), began),
            "a clock that was wrong"
        );
        assert!(
            !is_racy(&file((2000, 1), (50, 1)), began),
            "anybody can set it"
        );
        let coarse = |seconds| is_racy(&file((7, 0), (seconds, 0)), began);
        assert!(
            coarse(99) && !coarse(98),
            "a clock of whole seconds is coarser"
        );
    }

    #[test]
    fn any_difference_that_stat_can_show_is_a_change() {
        let began = Time {
            seconds: 1000,
            nanos: 0,
        };
        let old = file((50, 1), (60, 1));
        assert!(same(&old, &old, began));
        let changes: [fn(&mut Node); 9] = [
            |node| node.kind = NodeKind::Symlink,
            |node| node.size += 1,
            |node| node.mtime.nanos += 1,
            |node| node.ctime = Some(Time::new(60, 2)),
            |node| node.ctime = None,
            |node| node.inode += 1,
            |node| node.mode ^= 0o100,
            |node| node.uid += 1,
            |node| node.link = Some(1),
        ];
        for change in changes {
            let mut now = old.clone();
            change(&mut now);
            assert!(!same(&now, &old, began), "{now:?}");
        }
        let incomplete = Node {
            incomplete: 1,
            ..old.clone()
        };
        assert!(
            !same(&old, &incomplete, began),
            "what could not be recorded is tried again"
        );
    }
}
