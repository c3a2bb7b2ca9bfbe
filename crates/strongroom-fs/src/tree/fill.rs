//! Completes entries and reads small files.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::buffer::spare_capacity;
use rustix::fs::{OFlags, Statx};
use rustix::io::Errno;
use strongroom_format::{Node, NodeKind, SkipReason, Time};
use strongroom_repo::{Batch, BatchItem, Fill, MAX_SMALL_BYTES, SourceError};

use crate::calls;
use crate::dirs::{self, DirCursor};
use crate::stat::{self, incomplete, skip};
use crate::xattr::{Access, XattrReader};

/// How a file is opened for reading. A pipe that somebody put in its place cannot make this wait.
const OPEN_FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How anything else is reached.
const OPEN_HANDLE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Linux bounds attributes one by one, the format all together (docs/format.md §12).
const MAX_XATTRS_BYTES: usize = 1 << 20;

/// Reads for one batch.
#[derive(Debug)]
pub(crate) struct Filler<'t> {
    root: BorrowedFd<'t>,
    clock: Clock,
    cursor: DirCursor,
    xattrs: XattrReader,
}

/// Tells which change times are too young to be trusted.
///
/// A file that is changed twice within one tick of the file system's clock has the same change time both times.
/// If it is read between, the next backup would take it for unchanged. Such a change time is not recorded,
/// so that the next backup reads the file again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// The moment before reading begins.
    now: Duration,
    granule: Duration,
}

impl Clock {
    pub(crate) fn start(granule: Duration) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self { now, granule }
    }

    /// Removes the change time if it is too young.
    pub(crate) fn distrust(self, node: &mut Node) {
        if node.ctime.is_some_and(|ctime| self.is_young(ctime)) {
            node.ctime = None;
        }
    }

    fn is_young(self, ctime: Time) -> bool {
        if self.granule.is_zero() {
            return false;
        }
        // Whole seconds are the sign of a file system that has no finer ones.
        let granule = if ctime.nanos == 0 {
            self.granule.max(Duration::from_secs(2))
        } else {
            self.granule
        };
        let Ok(seconds) = u64::try_from(ctime.seconds) else {
            return false;
        };
        Duration::new(seconds, ctime.nanos) + granule >= self.now
    }
}

impl<'t> Filler<'t> {
    pub(crate) fn new(root: BorrowedFd<'t>, granule: Duration) -> Self {
        let clock = Clock::start(granule);
        Self {
            root,
            clock,
            cursor: DirCursor::new(dirs::PASS),
            xattrs: XattrReader::new(),
        }
    }

    /// Decides every item.
    pub(crate) fn fill(&mut self, batch: &mut Batch) {
        let Batch { items, data } = batch;
        for item in items {
            let before = data.len();
            item.fill = match self.fill_one(item, data) {
                Ok(changed) => Fill::Done {
                    content: before..data.len(),
                    changed,
                },
                Err(error) => {
                    data.truncate(before);
                    Fill::Failed(error)
                }
            };
        }
    }

    /// Returns whether it changed.
    fn fill_one(&mut self, item: &mut BatchItem, data: &mut Vec<u8>) -> Result<bool, SourceError> {
        if item.entry.node.kind == NodeKind::File && item.want_content {
            return self.read_file(item, data);
        }
        let node = &mut item.entry.node;
        let handle = if item.entry.dir.is_empty() && node.name.is_empty() {
            rustix::fs::openat(self.root, c".", dirs::PASS, rustix::fs::Mode::empty())
        } else {
            let dir = self
                .cursor
                .open(self.root, &item.entry.dir)
                .map_err(|errno| skip(errno, "open directory"))?;
            dirs::open_name(dir, &node.name, OPEN_HANDLE)
        };
        let handle = handle.map_err(|errno| skip(errno, "open"))?;
        let before = self.look(&handle, node.kind)?;
        // What comes and goes in a directory is told entry by entry.
        let is_same_directory = node.kind == NodeKind::Directory && node.inode == before.stx_ino;
        let changed = adopt(node, &before) && !is_same_directory;
        if node.kind == NodeKind::Symlink {
            let target = rustix::fs::readlinkat(&handle, c"", Vec::new());
            node.target = Some(
                target
                    .map_err(|errno| skip(errno, "read link"))?
                    .into_bytes(),
            );
        }
        self.read_xattrs(node, Access::Handle(handle.as_fd()));
        if node.kind == NodeKind::File {
            self.clock.distrust(node);
        }
        Ok(changed)
    }

    /// Reads content and attributes of a regular file. When it is as it was walked, which is nearly always, that takes one
    /// call each to open, read, list attributes, look and close.
    fn read_file(&mut self, item: &mut BatchItem, data: &mut Vec<u8>) -> Result<bool, SourceError> {
        let (node, begin) = (&mut item.entry.node, data.len());
        let dir = self
            .cursor
            .open(self.root, &item.entry.dir)
            .map_err(|errno| skip(errno, "open directory"))?;
        let file = open_file(dir, &node.name).map_err(|errno| skip(errno, "open"))?;
        let read = read_to_end(&file, node.size, data);
        self.read_xattrs(node, Access::File(file.as_fd()));
        let now = self.look(&file, NodeKind::File)?;
        if stat::is_as_walked(&now, node) && as_u64(data.len() - begin) == node.size {
            read.map_err(|errno| skip(errno, "read"))?;
            self.clock.distrust(node);
            return Ok(false);
        }
        data.truncate(begin);
        adopt(node, &now);
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))
            .map_err(|errno| skip(errno, "seek"))?;
        read_to_end(&file, node.size, data).map_err(|errno| skip(errno, "read"))?;
        self.read_xattrs(node, Access::File(file.as_fd()));
        node.size = as_u64(data.len() - begin);
        self.clock.distrust(node);
        Ok(true)
    }

    fn look(&self, file: &OwnedFd, kind: NodeKind) -> Result<Statx, SourceError> {
        let now = stat::look_at(file.as_fd()).map_err(|errno| skip(errno, "look"))?;
        if stat::kind_of(&now) != Some(kind) {
            return Err(replaced());
        }
        Ok(now)
    }

    fn read_xattrs(&mut self, node: &mut Node, file: Access<'_>) {
        let (mut found, mut complete) = self.xattrs.read(file);
        let mut room = MAX_XATTRS_BYTES;
        found.retain(|(name, value)| {
            let fits = name.len() + value.len() <= room;
            room = room.saturating_sub(name.len() + value.len());
            complete &= fits;
            fits
        });
        node.xattrs = found;
        node.incomplete &= !incomplete::XATTRS;
        if !complete {
            node.incomplete |= incomplete::XATTRS;
        }
    }
}

/// Opens a regular file, leaving its access time alone where that is allowed.
pub(crate) fn open_file(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    match dirs::open_name(dir, name, OPEN_FILE | OFlags::NOATIME) {
        // Only the owner may.
        Err(Errno::PERM) => dirs::open_name(dir, name, OPEN_FILE),
        other => other,
    }
}

/// Brings a node up to what the file is now, and says whether that is something else than was walked. Another
/// file under the same name counts: programs save by renaming a new file over the old one.
pub(crate) fn adopt(node: &mut Node, now: &Statx) -> bool {
    if stat::is_as_walked(now, node) {
        node.flags = stat::flags_of(now) | (node.flags & stat::flag::SPARSE);
        return false;
    }
    if now.stx_ino != node.inode || now.stx_nlink < 2 {
        node.link = None;
    }
    stat::refresh(node, now);
    true
}

/// The error of a name that stands for something else now.
pub(crate) fn replaced() -> SourceError {
    SourceError::new(
        SkipReason::Replaced,
        "replaced by something of another kind",
    )
}

/// Appends the file's content, `size` bytes as far as is known and at most [`MAX_SMALL_BYTES`]. No second call
/// makes sure of the end when `size` bytes came: the caller looks whether the file has changed.
fn read_to_end(file: &OwnedFd, size: u64, data: &mut Vec<u8>) -> Result<(), Errno> {
    let begin = data.len();
    let size = usize::try_from(size)
        .unwrap_or(MAX_SMALL_BYTES)
        .min(MAX_SMALL_BYTES);
    if size == 0 {
        return Ok(());
    }
    loop {
        let got = data.len() - begin;
        if got >= size {
            // More came than was there when it was walked.
            data.truncate(begin + size);
            return Ok(());
        }
        data.reserve(size - got);
        calls::note("read");
        match rustix::io::read(file, spare_capacity(data)) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn as_u64(len: usize) -> u64 {
    len as u64
}
