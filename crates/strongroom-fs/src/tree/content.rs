//! Reads one large file from front to back.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Advice, SeekFrom, Statx};
use rustix::io::Errno;
use strongroom_format::NodeKind;
use strongroom_repo::{Content, Entry, Piece, SourceError};

use super::fill::{Clock, adopt, open_file, replaced};
use crate::dirs::{self, DirCursor};
use crate::stat::{self, skip};

/// Holes are reported from this length on; reading smaller ones is cheaper than a reference each.
const MIN_HOLE_BYTES: u64 = 64 << 10;

/// File systems keep data in blocks of at least this.
const BLOCK_BYTES: u64 = 4 << 10;

/// An open file: at most as much of it as there was when it was opened.
#[derive(Debug)]
pub(crate) struct FileContent {
    file: OwnedFd,
    before: Statx,
    clock: Clock,
    at: u64,
    /// Up to there is data, or holes too small to tell.
    data_end: u64,
    size: u64,
}

impl FileContent {
    pub(crate) fn open(root: &OwnedFd, entry: &Entry, clock: Clock) -> Result<Self, SourceError> {
        let mut cursor = DirCursor::new(dirs::PASS);
        let dir = cursor
            .open(root.as_fd(), &entry.dir)
            .map_err(|errno| skip(errno, "open directory"))?;
        let file = open_file(dir, &entry.node.name).map_err(|errno| skip(errno, "open"))?;
        let before = stat::look_at(file.as_fd()).map_err(|errno| skip(errno, "look"))?;
        if stat::kind_of(&before) != Some(NodeKind::File) {
            return Err(replaced());
        }
        // Advice may be refused; reading works without.
        rustix::fs::fadvise(&file, 0, None, Advice::Sequential).unwrap_or_default();
        let size = before.stx_size;
        let data_end = if stat::is_sparse(&before) { 0 } else { size };
        Ok(Self {
            file,
            before,
            clock,
            at: 0,
            data_end,
            size,
        })
    }

    /// Finds the next data, and returns the hole before it if it is worth it.
    fn next_extent(&mut self) -> Result<Option<u64>, Errno> {
        let data = match rustix::fs::seek(&self.file, SeekFrom::Data(self.at)) {
            Ok(data) => data.min(self.size),
            Err(Errno::NXIO) => {
                // A hole up to the end, wherever that is by now.
                let now = stat::look_at(self.file.as_fd())?.stx_size;
                self.size = self.size.min(now);
                self.size
            }
            // The file system does not know; it is all data.
            Err(_) => {
                self.data_end = self.size;
                return Ok(None);
            }
        };
        let end = if data < self.size {
            data - data % BLOCK_BYTES
        } else {
            data
        };
        let hole = end.saturating_sub(self.at);
        if hole >= MIN_HOLE_BYTES {
            return Ok(Some(hole));
        }
        self.data_end = if data >= self.size {
            self.size
        } else {
            let end = rustix::fs::seek(&self.file, SeekFrom::Hole(data)).unwrap_or(self.size);
            end.clamp(self.at + 1, self.size.max(self.at + 1))
        };
        Ok(None)
    }
}

impl Content for FileContent {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        loop {
            if self.at >= self.size {
                return Ok(Piece::End);
            }
            if self.at >= self.data_end
                && let Some(hole) = self
                    .next_extent()
                    .map_err(|errno| skip(errno, "look for holes"))?
            {
                self.at += hole;
                self.data_end = self.at;
                return Ok(Piece::Hole(hole));
            }
            let room = self.data_end.min(self.size).saturating_sub(self.at);
            let len = usize::try_from(room).unwrap_or(usize::MAX).min(buf.len());
            match rustix::io::pread(&self.file, buf.get_mut(..len).unwrap_or_default(), self.at) {
                // Shorter than it was.
                Ok(0) => self.size = self.at,
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(Piece::Data(count));
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(skip(errno, "read")),
            }
        }
    }

    fn finish(&mut self, entry: &mut Entry) -> Result<bool, SourceError> {
        let after = stat::look_at(self.file.as_fd()).map_err(|errno| skip(errno, "look"))?;
        let mut changed = adopt(&mut entry.node, &self.before);
        changed |= !stat::is_unchanged(&self.before, &after) || self.at != self.before.stx_size;
        // The times stay those before reading, so that the next backup reads it again.
        entry.node.size = self.at;
        self.clock.distrust(&mut entry.node);
        Ok(changed)
    }
}
