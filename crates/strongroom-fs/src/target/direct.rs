//! Writing past the system's cache.
//!
//! A page that is filled in the cache has to be found, cleared or copied, accounted and written later: for large files that is most of a
//! restore's work, and it drives out what the machine was working with. Whole blocks written straight to the disk cost next to nothing.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

use super::file::write_all;
use crate::{close, xattr};

/// Files from this size on are written past the cache.
pub(crate) const DIRECT_BYTES: u64 = 1 << 20;

/// What the writers of one target share: buffers, and whether the disk is fast enough.
#[derive(Debug, Default)]
pub(crate) struct PastCache {
    buffers: Mutex<Vec<Buffer>>,
    pace: Pace,
}

/// A second way into a file that is being written, past the cache.
///
/// It is for whole blocks. What begins or ends within a block goes through the cache, where the pieces that share the block meet.
#[derive(Debug)]
pub(crate) struct Direct {
    file: OwnedFd,
    shared: Arc<PastCache>,
    refused: AtomicBool,
}

impl PastCache {
    /// Opens a new file of `size` bytes a second time and gives it its storage in one piece; `None` where that is of no use.
    pub(crate) fn open(self: &Arc<Self>, file: BorrowedFd<'_>, size: u64) -> Option<Direct> {
        if size < DIRECT_BYTES || self.pace.is_slow() {
            return None;
        }
        let path = xattr::proc_path(file);
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let direct = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        // Blocks written one by one would each be given the next free place.
        rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size).ok()?;
        Some(Direct {
            file: direct,
            shared: Arc::clone(self),
            refused: AtomicBool::new(false),
        })
    }

    fn take(&self) -> Buffer {
        self.buffers().pop().unwrap_or_else(Buffer::new)
    }

    fn buffers(&self) -> std::sync::MutexGuard<'_, Vec<Buffer>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Direct {
    /// Writes all of `data`; `file` is the way through the cache.
    pub(crate) fn write(
        &self,
        file: BorrowedFd<'_>,
        offset: u64,
        data: &[u8],
    ) -> Result<(), Errno> {
        let (head, blocks, tail) = split(offset, data);
        write_all(file, offset, head)?;
        let mut at = offset + head.len() as u64;
        let mut buffer = self.shared.take();
        for blocks in blocks.chunks(BUFFER_BYTES) {
            self.write_blocks(file, at, blocks, &mut buffer)?;
            at += blocks.len() as u64;
        }
        self.shared.buffers().push(buffer);
        write_all(file, at, tail)
    }

    /// Closes it. Errors of what was written came with the writes.
    pub(crate) fn close(self) -> Result<(), Errno> {
        close::close(self.file)
    }

    fn write_blocks(
        &self,
        file: BorrowedFd<'_>,
        at: u64,
        blocks: &[u8],
        buffer: &mut Buffer,
    ) -> Result<(), Errno> {
        if self.refused.load(Ordering::Relaxed) {
            return write_all(file, at, blocks);
        }
        let began = Instant::now();
        let filled = buffer.fill(blocks);
        let written = loop {
            match rustix::io::pwrite(self.file.as_fd(), filled, at) {
                Err(Errno::INTR) => {}
                // Some systems say only now that they cannot, or not with blocks of this size.
                Err(Errno::INVAL | Errno::OPNOTSUPP) => {
                    self.refused.store(true, Ordering::Relaxed);
                    break 0;
                }
                other => break other?,
            }
        };
        self.shared.pace.note(written as u64, began.elapsed());
        write_all(
            file,
            at + written as u64,
            blocks.get(written..).unwrap_or_default(),
        )
    }
}

/// How fast the disk takes what is written.
///
/// Behind the cache a slow disk would be waited for later, or not at all. One that is about as fast as copying is better written at
/// once.
#[derive(Debug, Default)]
struct Pace {
    bytes: AtomicU64,
    micros: AtomicU64,
    slow: AtomicBool,
}

impl Pace {
    fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    fn note(&self, bytes: u64, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let micros = self.micros.fetch_add(micros, Ordering::Relaxed) + micros;
        if bytes >= TRIAL_BYTES && bytes / micros.max(1) < SLOW_MB_A_SECOND {
            self.slow.store(true, Ordering::Relaxed);
        }
    }
}

/// Memory that begins where a page does.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn new() -> Self {
        let bytes = vec![0; BUFFER_BYTES + BLOCK_BYTES];
        // It may say that it does not know, and then the system refuses the write.
        let start = bytes.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        Self { bytes, start }
    }

    /// Copies at most [`BUFFER_BYTES`].
    fn fill(&mut self, data: &[u8]) -> &[u8] {
        let end = self.start + data.len();
        match self.bytes.get_mut(self.start..end) {
            Some(place) => {
                place.copy_from_slice(data);
                place
            }
            None => &[],
        }
    }
}

/// Splits off what lies before the first and after the last whole block.
fn split(offset: u64, data: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let block = BLOCK_BYTES as u64;
    let to_boundary = usize::try_from((block - offset % block) % block).unwrap_or(0);
    let (head, rest) = data.split_at(to_boundary.min(data.len()));
    let (blocks, tail) = rest.split_at(rest.len() / BLOCK_BYTES * BLOCK_BYTES);
    (head, blocks, tail)
}

/// No disk or file system in use asks for more.
const BLOCK_BYTES: usize = 4 << 10;
/// Written at once.
const BUFFER_BYTES: usize = 1 << 20;
/// After so many bytes it is decided whether the disk is fast enough.
const TRIAL_BYTES: u64 = 64 << 20;
/// What one writer must get at least. Copying into the cache takes about as long.
const SLOW_MB_A_SECOND: u64 = 128;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn pieces_of_any_length_in_any_order_make_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..3_000_000_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2])
            .collect();
        let file = std::fs::File::create_new(dir.path().join("file")).unwrap();
        file.set_len(content.len() as u64).unwrap();
        let shared = Arc::<PastCache>::default();
        let Some(direct) = shared.open(file.as_fd(), content.len() as u64) else {
            // The system cannot.
            return;
        };
        let cuts = [
            0, 1, 4095, 4096, 5000, 70_001, 1_500_000, 2_999_999, 3_000_000,
        ];
        for pair in cuts.windows(2).rev() {
            let piece = &content[pair[0]..pair[1]];
            direct.write(file.as_fd(), pair[0] as u64, piece).unwrap();
        }
        direct.close().unwrap();
        let mut read = vec![0; content.len()];
        let file = std::fs::File::open(dir.path().join("file")).unwrap();
        file.read_exact_at(&mut read, 0).unwrap();
        assert!(read == content);
        assert_eq!(file.metadata().unwrap().len(), content.len() as u64);
    }

    #[test]
    fn only_whole_blocks_go_past_the_cache() {
        let lens = |offset, len| {
            let data = vec![0; len];
            let (head, blocks, tail) = split(offset, &data);
            (head.len(), blocks.len(), tail.len())
        };
        assert_eq!(lens(0, 8192), (0, 8192, 0));
        assert_eq!(lens(0, 8191), (0, 4096, 4095));
        assert_eq!(lens(1, 8192), (4095, 4096, 1));
        assert_eq!(lens(4000, 50), (50, 0, 0));
        assert_eq!(lens(4000, 100), (96, 0, 4));
    }

    #[test]
    fn a_slow_disk_is_written_through_the_cache() {
        let pace = Pace::default();
        pace.note(TRIAL_BYTES / 2, Duration::from_secs(3));
        assert!(!pace.is_slow(), "it is too early to tell");
        pace.note(TRIAL_BYTES / 2, Duration::from_secs(3));
        assert!(pace.is_slow());
        let fast = Pace::default();
        fast.note(4 * TRIAL_BYTES, Duration::from_millis(500));
        assert!(!fast.is_slow());
    }
}
