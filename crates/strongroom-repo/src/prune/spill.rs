//! Ids that are gathered in a file, so that each page of the index is read once, however many they are.
//!
//! They are divided by their first bits into parts that fit into memory. Parts are taken one after the other, each sorted: whoever looks them up
//! walks through the index once, from its beginning to its end.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_crypt::{Id, RepositoryId, Sealer as _};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{in_order, read_at, write_at};
use crate::keys::Keys;

/// Where ids can be gathered: the folder of a repository in the local cache.
#[derive(Debug, Clone)]
pub(crate) struct SpillPlace {
    folder: PathBuf,
    repository: RepositoryId,
    keys: Arc<Keys>,
    /// Ids that wait to be written.
    open_ids: usize,
}

impl SpillPlace {
    /// Returns the place of a repository; none without a local cache.
    pub(crate) fn of(context: &Context) -> Option<Self> {
        let folder = context.settings.cache.as_deref()?;
        Some(Self {
            folder: folder.join(context.repository.to_string()),
            repository: context.repository,
            keys: context.keys(),
            open_ids: if cfg!(test) { 8 } else { OPEN_IDS },
        })
    }
}

/// Ids in a file that nobody else sees: sealed, and without a name where the system permits it.
///
/// Memory: 8 MiB for what is not written yet, and while they are taken up to half a million ids; 16 bytes for each block of the file, which has 64 ids
/// at least. Disk: 32 bytes an id, and 3 % more.
#[derive(Debug)]
pub(super) struct Spill {
    file: Unnamed,
    place: SpillPlace,
    parts: Vec<Part>,
    /// Ids of a block.
    block: usize,
    end: u64,
}

/// Ids that begin with the same bits.
#[derive(Debug, Default)]
struct Part {
    open: Vec<Id>,
    blocks: Vec<Block>,
}

/// A sealed part of the file.
#[derive(Debug, Clone, Copy)]
struct Block {
    offset: u64,
    len: u32,
}

impl Spill {
    /// Makes room for the ids of an index of so many rows; none if no file can be made.
    pub(super) fn new(place: &SpillPlace, rows: u64) -> Option<Self> {
        let file = Unnamed::new(&place.folder)
            .inspect_err(|error| tracing::debug!(%error, "ids are not gathered in a file"))
            .ok()?;
        let parts = (rows / PART_ROWS).clamp(1, MOST_PARTS).next_power_of_two();
        let parts = usize::try_from(parts).ok()?;
        let mut spill = Self {
            file,
            place: place.clone(),
            parts: Vec::new(),
            block: (place.open_ids / parts).max(1),
            end: 0,
        };
        spill.parts.resize_with(parts, Part::default);
        Some(spill)
    }

    /// Takes ids. False when the file takes no more: all of them are here, and none should follow.
    pub(super) fn take(&mut self, ids: &[Id]) -> bool {
        let mut takes = true;
        for id in ids {
            let at = self.part_of(id);
            let Some(part) = self.parts.get_mut(at) else {
                continue;
            };
            part.open.push(*id);
            if part.open.len() >= self.block && takes {
                takes = self.write(at);
            }
        }
        takes
    }

    /// Calls `each` with all ids, sorted, some at a time, and forgets them. The same id may come again with the next.
    ///
    /// # Errors
    ///
    /// `Internal` when the file does not give back what was written; those of `each`.
    pub(super) fn drain(&mut self, mut each: impl FnMut(&[Id]) -> Result<()>) -> Result<()> {
        let mut ids = Vec::new();
        for at in 0..self.parts.len() {
            let Some(part) = self.parts.get_mut(at).map(std::mem::take) else {
                continue;
            };
            ids.clear();
            ids.extend_from_slice(&part.open);
            for block in part.blocks {
                self.read(at, block, &mut ids)?;
                if ids.len() >= TOGETHER {
                    sort(&mut ids);
                    // Many were the same: there is room again.
                    if ids.len() >= TOGETHER / 2 {
                        each(&ids)?;
                        ids.clear();
                    }
                }
            }
            sort(&mut ids);
            if !ids.is_empty() {
                each(&ids)?;
            }
        }
        self.end = 0;
        Ok(())
    }

    fn part_of(&self, id: &Id) -> usize {
        let [first, second, ..] = *id.as_bytes();
        let number = usize::from(u16::from_be_bytes([first, second]));
        (number * self.parts.len()) >> 16
    }

    /// Writes what a part has in memory. What cannot be written stays there.
    fn write(&mut self, at: usize) -> bool {
        let Some(part) = self.parts.get_mut(at) else {
            return true;
        };
        sort(&mut part.open);
        let plain: Vec<u8> = part.open.iter().flat_map(|id| *id.as_bytes()).collect();
        let aad = aad(&self.place.repository, at, self.end);
        let mut sealed = Vec::new();
        let sealer = self.place.keys.structure.checkpoint();
        let is_written = sealer.seal(&aad, &plain, &mut sealed).is_ok()
            && write_at(&self.file.file, &sealed, self.end).is_ok();
        let len = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        #[cfg(test)]
        written::note(is_written);
        if is_written {
            part.blocks.push(Block {
                offset: self.end,
                len,
            });
            part.open.clear();
            self.end += u64::from(len);
        }
        is_written
    }

    fn read(&self, at: usize, block: Block, ids: &mut Vec<Id>) -> Result<()> {
        let failed = || {
            let what = "the local cache does not give back what a prune has written there";
            Error::new(ErrorKind::Internal, what)
        };
        let mut sealed = vec![0; block.len as usize];
        read_at(&self.file.file, &mut sealed, block.offset)
            .map_err(|error| failed().caused_by(error))?;
        let aad = aad(&self.place.repository, at, block.offset);
        let sealer = self.place.keys.structure.checkpoint();
        let plain = sealer.open_in_place(&aad, &mut sealed);
        let plain = plain.map_err(|_| failed())?;
        let (all, _) = plain.as_chunks::<32>();
        ids.extend(all.iter().map(|bytes| Id::from_bytes(*bytes)));
        Ok(())
    }
}

fn sort(ids: &mut Vec<Id>) {
    ids.sort_unstable_by(in_order);
    ids.dedup();
}

fn aad(repository: &RepositoryId, part: usize, offset: u64) -> Vec<u8> {
    [
        b"gathered ids".as_slice(),
        repository.as_bytes(),
        &(part as u64).to_le_bytes(),
        &offset.to_le_bytes(),
    ]
    .concat()
}

/// A file that is removed when it is not needed any more, at the latest.
#[derive(Debug)]
struct Unnamed {
    file: File,
    /// Where the system does not remove open files.
    path: Option<PathBuf>,
}

impl Unnamed {
    fn new(folder: &Path) -> io::Result<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("gathered-{}-{serial}.part", std::process::id()));
        // What a process of the same number has left is of no use.
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        let path = std::fs::remove_file(&path).is_err().then_some(path);
        Ok(Self { file, path })
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            drop(std::fs::remove_file(path));
        }
    }
}

/// Counts the blocks that this thread has written.
#[cfg(test)]
pub(super) mod written {
    use std::cell::Cell;

    thread_local! {
        static BLOCKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note(is_written: bool) {
        BLOCKS.set(BLOCKS.get() + usize::from(is_written));
    }

    /// Returns how many blocks this thread has written.
    pub(crate) fn by_this_thread() -> usize {
        BLOCKS.get()
    }
}

/// Rows of the index for which a part is made: its ids fit into memory, unless many are there again and again.
const PART_ROWS: u64 = 1 << 17;
const MOST_PARTS: u64 = 4_096;
/// Ids that wait to be written.
const OPEN_IDS: usize = 1 << 18;
/// Ids that are in memory when they are taken.
const TOGETHER: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::repository;

    fn ids(count: u64) -> Vec<Id> {
        let id = |n: u64| Id::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes());
        (0..count).map(id).collect()
    }

    fn place(folder: &Path) -> SpillPlace {
        let (_, repository) = repository();
        let context = repository.context();
        SpillPlace {
            folder: folder.to_owned(),
            repository: context.repository,
            keys: context.keys(),
            open_ids: OPEN_IDS,
        }
    }

    #[test]
    fn all_ids_come_back_sorted_and_the_file_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(&place(folder.path()), 16 * PART_ROWS).unwrap();
        let ids = ids(300_000);
        for some in ids.chunks(70_000) {
            assert!(spill.take(some) && spill.take(&some[..1_000]));
        }
        assert!(spill.end > 0, "something was written");
        let mut back = Vec::new();
        let drained = spill.drain(|some| {
            back.extend_from_slice(some);
            Ok(())
        });
        drained.unwrap();
        assert!(back.is_sorted());
        assert!(back.iter().eq(ids.iter().collect::<BTreeSet<_>>()));
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        // It can be filled again.
        assert!(spill.take(&ids[..10]));
        let mut count = 0;
        let drained = spill.drain(|some| {
            count += some.len();
            Ok(())
        });
        drained.unwrap();
        assert_eq!(count, 10);
    }

    #[test]
    fn what_was_changed_on_disk_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(&place(folder.path()), 1).unwrap();
        assert!(spill.take(&ids(300_000)));
        write_at(&spill.file.file, b"else", 1_000).unwrap();
        assert_eq!(
            spill.drain(|_| Ok(())).unwrap_err().kind(),
            ErrorKind::Internal
        );
    }
}
