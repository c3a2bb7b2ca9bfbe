//! The files of a cache.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use super::blocks_of;
use super::entry::{BLOCK, Header, Name, TEMPORARY, file_name, head, is_ours, temporary_name};
use super::settings::{CacheCounts, CacheSettings};
use super::stripes::{Stripes, Token};

/// The folder: a file for each whole object, and one for each block of others, in 256 folders by the first byte of the name. How
/// long ago a file was used is its time of modification. Files appear whole, by a rename; they need not survive a loss of power, which
/// their checksums notice.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    bytes_max: u64,
    pub(super) stripes: Stripes,
    counts: Mutex<CacheCounts>,
    room: Mutex<Room>,
    /// What makes names of temporary files this handle's own.
    nonce: u64,
    next: AtomicU64,
}

/// How full the folder is, as far as is known.
#[derive(Debug, Default)]
struct Room {
    is_known: bool,
    used: u64,
    written_since_scan: u64,
}

/// What was found of a part: blocks by their number, each with all the bytes that are wanted of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) blocks: HashMap<u64, Bytes>,
}

impl Folder {
    pub(super) fn new(settings: &CacheSettings) -> Self {
        Self {
            path: settings.folder.clone(),
            bytes_max: settings.bytes_max,
            stripes: Stripes::new(),
            counts: Mutex::default(),
            room: Mutex::default(),
            nonce: RandomState::new().build_hasher().finish(),
            next: AtomicU64::new(0),
        }
    }

    pub(super) fn counts(&self) -> CacheCounts {
        *self.count()
    }

    /// Returns an object, if it is here whole and good.
    pub(super) fn read_whole(&self, name: Name) -> Option<Bytes> {
        let read = |header: &Header, file: &mut File| match header.is_whole {
            true => header.read_all(name, file),
            false => Ok(None),
        };
        let bytes = self.read_file(name, None, read);
        let mut counts = self.count();
        match &bytes {
            None => counts.misses += 1,
            Some(bytes) => {
                counts.hits += 1;
                counts.hit_bytes += bytes.len() as u64;
            }
        }
        bytes
    }

    /// Returns what is here of a part.
    pub(super) fn read_part(&self, name: Name, part: &Range<u64>) -> Found {
        let mut found = Found::default();
        let blocks: Vec<u64> = blocks_of(part).collect();
        let whole = self.read_file(name, None, |header, file| {
            if header.len < part.end {
                // It is for the store to say that there is nothing.
                return Ok(Some(HashMap::new()));
            }
            let mut read = HashMap::new();
            for block in &blocks {
                match header.read_block(name, file, *block)? {
                    None => return Ok(None),
                    Some(bytes) => read.insert(*block, bytes),
                };
            }
            Ok(Some(read))
        });
        found.blocks = whole.unwrap_or_default();
        for block in blocks {
            if found.blocks.contains_key(&block) {
                continue;
            }
            let read = |header: &Header, file: &mut File| header.read_block(name, file, block);
            let Some(bytes) = self.read_file(name, Some(block), read) else {
                continue;
            };
            // Of the last block of what was read once there may be less than is wanted now.
            if block * BLOCK + bytes.len() as u64 >= part.end.min((block + 1) * BLOCK) {
                found.blocks.insert(block, bytes);
            }
        }
        let hit_bytes: u64 = found.blocks.values().map(|bytes| bytes.len() as u64).sum();
        let mut counts = self.count();
        counts.hit_bytes += hit_bytes;
        match found.missing(part) {
            None => counts.hits += 1,
            Some(_) => counts.misses += 1,
        }
        drop(counts);
        found
    }

    /// Keeps an object, unless something has happened to it since.
    pub(super) fn keep_whole(&self, token: Token, bytes: &[u8]) {
        self.keep(token, None, 0, bytes);
    }

    /// Keeps the blocks of what was read from the start of one on.
    pub(super) fn keep_blocks(&self, token: Token, start: u64, bytes: &[u8]) {
        let blocks = bytes.chunks(usize::try_from(BLOCK).unwrap_or(usize::MAX));
        for (block, bytes) in (start / BLOCK..).zip(blocks) {
            self.keep(token, Some(block), block * BLOCK, bytes);
        }
    }

    /// Removes everything of an object.
    pub(super) fn remove(&self, name: Name) {
        self.stripes.changing(name, || {
            let files = list(&self.folder_of(name)).into_iter();
            let prefix = name.to_string();
            for file in files {
                let text = file.path.file_name().and_then(|text| text.to_str());
                if text.is_some_and(|text| text.starts_with(&prefix)) {
                    self.delete(&file.path);
                }
            }
        });
    }

    /// Reads of a file what is wanted; one that has not what it should is thrown away.
    fn read_file<T>(
        &self,
        name: Name,
        block: Option<u64>,
        read: impl FnOnce(&Header, &mut File) -> io::Result<Option<T>>,
    ) -> Option<T> {
        let path = self.folder_of(name).join(file_name(name, block));
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => {
                self.failed_unless_missing(&error);
                return None;
            }
        };
        let outcome = Header::read(name, &mut file).and_then(|header| match header {
            Some(header) => read(&header, &mut file),
            None => Ok(None),
        });
        match outcome {
            Ok(Some(value)) => {
                let used = Timestamps {
                    last_access: timestamp(UTIME_OMIT),
                    last_modification: timestamp(UTIME_NOW),
                };
                // It counts as used as long ago as before, at worst.
                let _ = futimens(&file, &used);
                Some(value)
            }
            Ok(None) => {
                self.count().damaged += 1;
                self.delete(&path);
                None
            }
            Err(_) => {
                self.count().io_failures += 1;
                None
            }
        }
    }

    fn keep(&self, token: Token, block: Option<u64>, start: u64, bytes: &[u8]) {
        let head = head(token.name, start, bytes, block.is_none());
        let size = on_disk((head.len() + bytes.len()) as u64);
        if !self.make_room(size) {
            return;
        }
        let path = self
            .folder_of(token.name)
            .join(file_name(token.name, block));
        let kept = self.write(token, &path, &[&head, bytes]);
        let mut counts = self.count();
        match kept {
            Ok(true) => counts.kept += 1,
            Ok(false) => {}
            Err(_) => counts.io_failures += 1,
        }
    }

    /// Writes a file, which appears whole, unless something has happened to the object since. Says whether it has.
    fn write(&self, token: Token, path: &Path, parts: &[&[u8]]) -> io::Result<bool> {
        let Some(folder) = path.parent() else {
            return Ok(false);
        };
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(temporary_name(self.nonce, next));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = match options.open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
                options.open(&temporary)?
            }
            other => other?,
        };
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let renamed = written.and_then(|()| {
            let rename = || fs::rename(&temporary, path);
            self.stripes.unless_changed(token, rename).transpose()
        });
        let renamed = match renamed {
            // Somebody has cleared the folder meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other,
        };
        if !matches!(renamed, Ok(Some(()))) {
            // What stays is old one day.
            drop(fs::remove_file(&temporary));
        }
        renamed.map(|done| done.is_some())
    }

    /// Makes sure that a file of that size fits. Says whether it does.
    fn make_room(&self, size: u64) -> bool {
        if size > self.bytes_max {
            return false;
        }
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let full = room.used.saturating_add(size) > self.bytes_max;
        if !room.is_known || full || room.written_since_scan > self.bytes_max / RESCANS {
            self.evict(&mut room, size);
        }
        room.used = room.used.saturating_add(size);
        room.written_since_scan = room.written_since_scan.saturating_add(size);
        room.used <= self.bytes_max
    }

    /// Looks at what there is, and deletes the oldest until there is room, and a little more so that it is not full again at once.
    fn evict(&self, room: &mut Room, size: u64) {
        let mut files: BTreeMap<(SystemTime, PathBuf), u64> = BTreeMap::new();
        let mut used = 0_u64;
        for folder in folders(&self.path) {
            for file in list(&folder) {
                used = used.saturating_add(file.size);
                files.insert((file.used, file.path), file.size);
            }
        }
        // By the file system's own clock.
        let newest = files.keys().next_back().map(|(used, _)| *used);
        if used.saturating_add(size) > self.bytes_max {
            let goal = (self.bytes_max - self.bytes_max / SLACK).saturating_sub(size);
            for ((at, path), size) in files {
                if used <= goal {
                    break;
                }
                let age = newest.and_then(|newest| newest.duration_since(at).ok());
                if is_temporary(&path) && age.is_none_or(|age| age < DEAD) {
                    // Somebody is writing it.
                    continue;
                }
                self.delete(&path);
                self.count().evicted += 1;
                used = used.saturating_sub(size);
            }
        }
        *room = Room {
            is_known: true,
            used,
            written_since_scan: 0,
        };
    }

    fn delete(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path) {
            self.failed_unless_missing(&error);
        }
    }

    fn failed_unless_missing(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.count().io_failures += 1;
        }
    }

    fn folder_of(&self, name: Name) -> PathBuf {
        self.path.join(format!("{:02x}", name.first_byte()))
    }

    fn count(&self) -> MutexGuard<'_, CacheCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listed {
    path: PathBuf,
    used: SystemTime,
    size: u64,
}

/// Returns the folders that files are in.
fn folders(path: &Path) -> Vec<PathBuf> {
    (0..=u8::MAX)
        .map(|first| path.join(format!("{first:02x}")))
        .collect()
}

/// Returns the files of a folder that are a cache's, even of one that died writing; none if it cannot be read.
fn list(folder: &Path) -> Vec<Listed> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let listed = entries.filter_map(|entry| {
        if !is_ours(entry.file_name().to_str()?) {
            return None;
        }
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Listed {
            path: entry.path(),
            used: metadata.modified().ok()?,
            size: on_disk(metadata.len()),
        })
    });
    listed.collect()
}

/// Returns the room that a file takes.
fn on_disk(len: u64) -> u64 {
    len.div_ceil(PAGE).saturating_mul(PAGE)
}

fn timestamp(what: i64) -> Timespec {
    Timespec {
        tv_sec: 0,
        tv_nsec: what,
    }
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(TEMPORARY))
}

/// After this, a file that is still being written is nobody's.
const DEAD: Duration = Duration::from_secs(3_600);
/// What file systems give to files at once.
const PAGE: u64 = 4 << 10;
/// How often the folder is looked at while as much is written as it may hold: others may write to it too.
const RESCANS: u64 = 16;
/// The part of the folder that is emptied when it is full.
const SLACK: u64 = 8;
