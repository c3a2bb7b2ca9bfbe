//! Where the sealed bytes of a segment are: memory, or a file of the local cache.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use strongroom_crypt::RepositoryId;
use strongroom_format::ObjectHash;

/// The sealed bytes of a segment.
#[derive(Debug)]
pub(super) enum Storage {
    /// All of them.
    Memory(Bytes),
    /// A file that is read in ranges.
    File(LocalFile),
}

/// A file of the local cache. The first few stay open, so that they can be read though another process removes them; systems do not let
/// a process have thousands open.
#[derive(Debug)]
pub(super) struct LocalFile {
    path: PathBuf,
    open: Option<(File, Handle)>,
}

/// The right to have one more file open.
#[derive(Debug)]
struct Handle;

impl Handle {
    fn take() -> Option<Self> {
        let more = |open: usize| (open < MOST_OPEN).then_some(open + 1);
        let taken = OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then_some(Self)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LocalFile {
    fn new(path: PathBuf, file: File) -> Self {
        Self {
            path,
            open: Handle::take().map(|handle| (file, handle)),
        }
    }

    fn read(&self, out: &mut [u8], offset: u64) -> std::io::Result<()> {
        match &self.open {
            Some((file, _)) => read_at(file, out, offset),
            None => read_at(&File::open(&self.path)?, out, offset),
        }
    }
}

impl Storage {
    /// Says whether it takes no memory.
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Reads a range into `out`, which it replaces; false when there are fewer bytes or reading fails.
    pub(super) fn read(&self, range: &Range<u64>, out: &mut Vec<u8>) -> bool {
        out.clear();
        let Some(len) = range
            .end
            .checked_sub(range.start)
            .and_then(|len| usize::try_from(len).ok())
        else {
            return false;
        };
        match self {
            Self::Memory(bytes) => {
                let bounds = usize::try_from(range.start)
                    .ok()
                    .and_then(|start| bytes.get(start..start.checked_add(len)?));
                bounds.is_some_and(|part| {
                    out.extend_from_slice(part);
                    true
                })
            }
            Self::File(file) => {
                out.resize(len, 0);
                file.read(out, range.start).is_ok()
            }
        }
    }
}

/// The folder of one repository's segments in the local cache.
#[derive(Debug, Clone)]
pub(super) struct SegmentCache {
    folder: PathBuf,
}

impl SegmentCache {
    /// Opens the folder, making it where it is missing; `None` when that fails, since a cache is never needed.
    pub(super) fn open(cache: &Path, repository: &RepositoryId) -> Option<Self> {
        let folder = cache.join(repository.to_string()).join("index");
        std::fs::create_dir_all(&folder).ok()?;
        Some(Self { folder })
    }

    /// Returns where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens a segment that is there with the right length.
    pub(super) fn segment(&self, name: &ObjectHash, len: u64) -> Option<Storage> {
        let path = self.segment_path(name);
        let file = File::open(&path).ok()?;
        let is_whole = file.metadata().ok()?.len() == len;
        is_whole.then(|| Storage::File(LocalFile::new(path, file)))
    }

    /// Keeps a segment; what cannot be written is kept in memory.
    pub(super) fn keep_segment(&self, name: &ObjectHash, bytes: Bytes) -> Storage {
        let path = self.segment_path(name);
        match write_file(&path, &bytes).and_then(|()| File::open(&path)) {
            Ok(file) => Storage::File(LocalFile::new(path, file)),
            Err(error) => {
                tracing::debug!(%error, "the local cache takes no segment");
                Storage::Memory(bytes)
            }
        }
    }

    /// Reads the filter of a segment.
    pub(super) fn filter(&self, name: &ObjectHash) -> Option<Vec<u8>> {
        std::fs::read(self.filter_path(name)).ok()
    }

    /// Keeps the filter of a segment, if that can be done.
    pub(super) fn keep_filter(&self, name: &ObjectHash, bytes: &[u8]) {
        if let Err(error) = write_file(&self.filter_path(name), bytes) {
            tracing::debug!(%error, "the local cache takes no filter");
        }
    }

    /// Drops a segment that turned out to be damaged, so that it is fetched again.
    pub(super) fn discard(&self, name: &ObjectHash) {
        for path in [self.segment_path(name), self.filter_path(name)] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::debug!(%error, "the local cache keeps a damaged file");
            }
        }
    }

    /// Removes what belongs to segments that are not in force any more.
    pub(super) fn retain(&self, in_force: impl Fn(&ObjectHash) -> bool) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let hash = name
                .to_str()
                .map(|name| name.strip_suffix(FILTER_SUFFIX).unwrap_or(name))
                .and_then(ObjectHash::parse);
            if hash.is_some_and(|hash| !in_force(&hash)) {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }

    fn segment_path(&self, name: &ObjectHash) -> PathBuf {
        self.folder.join(name.to_string())
    }

    fn filter_path(&self, name: &ObjectHash) -> PathBuf {
        self.folder.join(format!("{name}{FILTER_SUFFIX}"))
    }
}

/// Writes a file under another name and renames it, so that nobody meets half of it. It need not survive a crash.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = temporary_beside(path);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        drop(std::fs::remove_file(&temporary));
    }
    written
}

/// Returns where to write a file before it gets its name: nobody else writes there.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{serial}.part", std::process::id()))
}

/// Reads exactly as many bytes as there is room for.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

/// Reads exactly as many bytes as there is room for.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buf.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buf, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buf = buf.get_mut(read..).unwrap_or_default();
        offset += read as u64;
    }
    Ok(())
}

/// Writes all bytes.
#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Writes all bytes.
#[cfg(windows)]
pub(crate) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
        offset += written as u64;
    }
    Ok(())
}

/// Files of segments that are open in this process.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// So many at once: systems give a process from 256 up.
const MOST_OPEN: usize = 100;
const FILTER_SUFFIX: &str = ".filter";
