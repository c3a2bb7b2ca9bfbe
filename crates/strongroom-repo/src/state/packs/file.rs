//! Packs in force in a file of the local cache.
//!
//! It has pages of rows in the order of their names, and behind them what stays in memory: of each page the beginning of its first name, and a hash of its
//! bytes. The file is named by the hash of that, and whoever opens it was told the name by a sealed state: so each page is what was written, or
//! not used. A file never changes.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use strongroom_format::{ObjectHash, PackClass, PackRef};

use crate::error::{Error, ErrorKind, Result};
use crate::index::{read_at, temporary_beside};
use crate::journal::lock;

/// A table of packs in a file.
#[derive(Debug)]
pub(crate) struct PackFile {
    path: PathBuf,
    /// Open for as long as the table is used, so that it can be read though another process removes it.
    file: File,
    name: ObjectHash,
    rows: usize,
    /// The beginnings of the first names of pages.
    fences: Vec<u64>,
    checks: Vec<[u8; CHECK]>,
    /// The page that was asked for last: whoever asks in the order of names reads each once.
    last: Mutex<Option<(usize, Box<Page>)>>,
    is_unreadable: AtomicBool,
}

type Page = [u8; PAGE];

impl PackFile {
    /// Writes packs, which come in the order of their names, to a file in `folder`, and opens it.
    ///
    /// # Errors
    ///
    /// What the packs say; `Internal` when the folder takes no file.
    pub(crate) fn write(
        folder: &Path,
        packs: impl Iterator<Item = Result<PackRef>>,
    ) -> Result<Self> {
        let temporary = temporary_beside(&folder.join("packs"));
        let written = fs::create_dir_all(folder)
            .and_then(|()| File::create(&temporary))
            .map_err(|error| not_written(&error))
            .and_then(|file| Writer::new(file).all(packs))
            .and_then(|(name, rows)| {
                let path = folder.join(name.to_string());
                fs::rename(&temporary, &path).map_err(|error| not_written(&error))?;
                Self::open(folder, name, rows).ok_or_else(|| {
                    let what = "the local cache does not have what was written there";
                    Error::new(ErrorKind::Internal, what)
                })
            });
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
        written
    }

    /// Opens the file with this name and so many rows; `None` if it is not there as it was written, and then it is not there any more.
    pub(crate) fn open(folder: &Path, name: ObjectHash, rows: usize) -> Option<Self> {
        let path = folder.join(name.to_string());
        let file = File::open(&path).ok()?;
        let opened = Self::open_file(&path, file, name, rows);
        if opened.is_none() {
            tracing::debug!(path = %path.display(), "a table of packs is damaged");
            drop(fs::remove_file(&path));
        }
        opened
    }

    fn open_file(path: &Path, file: File, name: ObjectHash, rows: usize) -> Option<Self> {
        let pages = rows.div_ceil(PAGE_ROWS);
        let body = (pages as u64).checked_mul(PAGE as u64)?;
        let tail_len = pages.checked_mul(TAIL_ROW)?.checked_add(MAGIC.len() + 8)?;
        // Before anything is allocated: the file is as long as it says.
        if file.metadata().ok()?.len() != body.checked_add(tail_len as u64)? {
            return None;
        }
        let mut tail = vec![0; tail_len];
        read_at(&file, &mut tail, body).ok()?;
        if ObjectHash::of(&tail) != name {
            return None;
        }
        let tail = tail.strip_prefix(MAGIC.as_slice())?;
        let tail = tail.strip_prefix((rows as u64).to_le_bytes().as_slice())?;
        let (of_pages, _) = tail.as_chunks::<TAIL_ROW>();
        let fence = |row: &[u8; TAIL_ROW]| row.first_chunk().map(|at| u64::from_be_bytes(*at));
        Some(Self {
            path: path.to_owned(),
            file,
            name,
            rows,
            fences: of_pages.iter().map(fence).collect::<Option<_>>()?,
            checks: of_pages
                .iter()
                .map(|row| row.last_chunk().copied())
                .collect::<Option<_>>()?,
            last: Mutex::default(),
            is_unreadable: AtomicBool::new(false),
        })
    }

    /// Removes from `folder` what is not the file to be kept and was written more than an hour ago: tables that nobody opens any more, or that were
    /// never finished.
    pub(crate) fn sweep(folder: &Path, kept: Option<&Self>) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|about| about.modified());
            let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            let is_kept = kept.is_some_and(|kept| entry.path() == kept.path);
            if !is_kept && age.is_ok_and(|age| age > KEPT) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> ObjectHash {
        self.name
    }

    /// Returns how many packs it has.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Says whether it is still where others find it.
    pub(crate) fn is_there(&self) -> bool {
        !self.is_unreadable() && self.path.is_file()
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.is_unreadable.load(Ordering::Relaxed)
    }

    pub(super) fn pages(&self) -> usize {
        self.fences.len()
    }

    /// Returns what it says of a pack.
    ///
    /// # Errors
    ///
    /// `Unavailable` when it is not what was written.
    pub(super) fn get(&self, name: &ObjectHash) -> Result<Option<PackRef>> {
        let fence = fence_of(name);
        // A name that begins like a fence may be on the page before.
        let from = self.fences.partition_point(|first| *first < fence);
        let to = self.fences.partition_point(|first| *first <= fence);
        for number in from.saturating_sub(1)..to {
            let found = self.with_page(number, |rows| {
                let at = rows.binary_search_by(|row| row.split_at(NAME).0.cmp(name.as_bytes()));
                at.ok().and_then(|at| rows.get(at)).map(row_of)
            })?;
            if let Some(pack) = found {
                return Ok(Some(pack.ok_or_else(|| self.unreadable())?));
            }
        }
        Ok(None)
    }

    /// Returns the packs of a page.
    ///
    /// # Errors
    ///
    /// `Unavailable` when it is not what was written.
    pub(super) fn rows_of(&self, number: usize) -> Result<Vec<PackRef>> {
        let packs: Option<Vec<PackRef>> =
            self.with_page(number, |rows| rows.iter().map(row_of).collect())?;
        packs.ok_or_else(|| self.unreadable())
    }

    fn with_page<T>(&self, number: usize, look: impl FnOnce(&[[u8; ROW]]) -> T) -> Result<T> {
        if self.is_unreadable() {
            return Err(self.unreadable());
        }
        let mut last = lock(&self.last);
        let is_other = last.as_ref().is_none_or(|(at, _)| *at != number);
        if is_other {
            let mut page = match last.take() {
                Some((_, page)) => page,
                None => Box::new([0; PAGE]),
            };
            let is_read = read_at(&self.file, page.as_mut_slice(), (number * PAGE) as u64).is_ok();
            if !is_read || self.checks.get(number) != Some(&check_of(&page)) {
                return Err(self.unreadable());
            }
            *last = Some((number, page));
        }
        let page: &[u8] = last.as_ref().map_or(&[], |(_, page)| page.as_slice());
        let (rows, _) = page.as_chunks::<ROW>();
        let here = (self.rows - number * PAGE_ROWS).min(PAGE_ROWS);
        Ok(look(rows.get(..here).unwrap_or_default()))
    }

    /// Takes note that it says nothing any more. The file goes, so that nobody else begins with it.
    fn unreadable(&self) -> Error {
        if !self.is_unreadable.swap(true, Ordering::Relaxed) {
            tracing::debug!(path = %self.path.display(), "a table of packs is damaged");
            drop(fs::remove_file(&self.path));
        }
        let what = "the local cache cannot be read where it has the names of packs; try again: \
            what it knew is then read from the journal";
        Error::new(ErrorKind::Unavailable, what)
    }
}

/// A file that is being written.
struct Writer {
    file: BufWriter<File>,
    page: Box<Page>,
    /// Rows of the page that is being filled.
    filled: usize,
    rows: usize,
    of_pages: Vec<u8>,
}

impl Writer {
    fn new(file: File) -> Self {
        Self {
            file: BufWriter::new(file),
            page: Box::new([0; PAGE]),
            filled: 0,
            rows: 0,
            of_pages: Vec::new(),
        }
    }

    /// Returns the name that the file is to have, and the number of its rows.
    fn all(mut self, packs: impl Iterator<Item = Result<PackRef>>) -> Result<(ObjectHash, usize)> {
        for pack in packs {
            self.push(&pack?).map_err(|error| not_written(&error))?;
        }
        self.finish().map_err(|error| not_written(&error))
    }

    fn push(&mut self, pack: &PackRef) -> std::io::Result<()> {
        if self.filled == PAGE_ROWS {
            self.end_page()?;
        }
        let (rows, _) = self.page.as_chunks_mut::<ROW>();
        if let Some(row) = rows.get_mut(self.filled) {
            let (name, rest) = row.split_at_mut(NAME);
            name.copy_from_slice(pack.name.as_bytes());
            let (len, class) = rest.split_at_mut(LEN);
            len.copy_from_slice(&pack.len.to_le_bytes());
            class.fill(pack.class as u8);
        }
        if self.filled == 0 {
            let fence = fence_of(&pack.name).to_be_bytes();
            self.of_pages.extend_from_slice(&fence);
        }
        self.filled += 1;
        self.rows += 1;
        Ok(())
    }

    fn end_page(&mut self) -> std::io::Result<()> {
        self.file.write_all(self.page.as_slice())?;
        self.of_pages.extend_from_slice(&check_of(&self.page));
        self.page.fill(0);
        self.filled = 0;
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<(ObjectHash, usize)> {
        if self.filled > 0 {
            self.end_page()?;
        }
        let rows = (self.rows as u64).to_le_bytes();
        let tail = [MAGIC.as_slice(), &rows, &self.of_pages].concat();
        self.file.write_all(&tail)?;
        self.file.flush()?;
        // Whoever opens it looks at the end only: after a loss of power that must not be there without the rest.
        self.file.get_ref().sync_data()?;
        Ok((ObjectHash::of(&tail), self.rows))
    }
}

fn not_written(error: &std::io::Error) -> Error {
    let what = format!("the local cache takes no table of packs: {error}");
    Error::new(ErrorKind::Internal, what)
}

fn row_of(row: &[u8; ROW]) -> Option<PackRef> {
    let (name, rest) = row.split_first_chunk::<NAME>()?;
    let (len, class) = rest.split_first_chunk::<LEN>()?;
    Some(PackRef {
        name: ObjectHash::from_bytes(*name),
        len: u32::from_le_bytes(*len),
        class: PackClass::from_number(u64::from(*class.first()?)).ok()?,
    })
}

fn fence_of(name: &ObjectHash) -> u64 {
    let first = name.as_bytes().first_chunk().copied();
    u64::from_be_bytes(first.unwrap_or_default())
}

fn check_of(page: &Page) -> [u8; CHECK] {
    let hash = ObjectHash::of(page);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

const MAGIC: &[u8; 8] = b"SRPACKS1";
const PAGE: usize = 4_096;
const NAME: usize = 32;
const LEN: usize = 4;
/// A name, a length, and one byte for the class.
const ROW: usize = NAME + LEN + 1;
pub(super) const PAGE_ROWS: usize = PAGE / ROW;
/// What a local file of this kind is trusted by has no other preimage that anybody finds.
const CHECK: usize = 16;
const TAIL_ROW: usize = 8 + CHECK;
/// Whoever has read the name of a file opens it within this time.
const KEPT: Duration = Duration::from_secs(3_600);
