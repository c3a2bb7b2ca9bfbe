//! Files on disk that are compared piece by piece.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;
use strongroom_format::Node;
use strongroom_repo::{Deviation, TargetError, TargetFile};

use super::target::Comparison;
use crate::dirs;

/// A file on disk, as far as it is one.
#[derive(Debug)]
pub(super) struct DiskFile {
    comparison: Arc<Comparison>,
    path: Vec<u8>,
    file: Option<File>,
}

impl DiskFile {
    pub(super) fn new(comparison: &Arc<Comparison>, path: &[u8], file: Option<File>) -> Self {
        Self {
            comparison: Arc::clone(comparison),
            path: path.to_vec(),
            file,
        }
    }

    fn compare(&self, offset: u64, piece: &Piece<'_>) {
        let Some(file) = &self.file else {
            return;
        };
        match first_difference(file, offset, piece) {
            Ok(None) => {}
            Ok(Some(at)) => self.comparison.tear(&self.path, at),
            Err(error) => self.comparison.fail(&self.path, error.to_string()),
        }
    }
}

impl TargetFile for DiskFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), TargetError> {
        self.compare(offset, &Piece::Bytes(data));
        Ok(())
    }

    fn write_zeros(&self, offset: u64, len: u64) -> Result<(), TargetError> {
        self.compare(offset, &Piece::Zeros(len));
        Ok(())
    }

    fn finish(&self, node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.comparison.finish_file(&self.path, node);
        Ok(Vec::new())
    }
}

/// Content as the snapshot has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'a> {
    Bytes(&'a [u8]),
    Zeros(u64),
}

/// Returns where in the file the first byte is that is not that of the piece; the file's end, if it ends before.
pub(super) fn first_difference(
    file: &File,
    offset: u64,
    piece: &Piece<'_>,
) -> std::io::Result<Option<u64>> {
    let len = match piece {
        Piece::Bytes(bytes) => bytes.len() as u64,
        Piece::Zeros(len) => *len,
    };
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(READ_BYTES)];
    let mut done = 0;
    while done < len {
        let most = usize::try_from(len - done).unwrap_or(usize::MAX);
        let room = buffer.len().min(most);
        let Some(room) = buffer.get_mut(..room) else {
            break;
        };
        let count = match file.read_at(room, offset + done) {
            Ok(0) => return Ok(Some(offset + done)),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = room.get(..count).unwrap_or_default();
        let differs = match piece {
            Piece::Zeros(_) => read.iter().position(|byte| *byte != 0),
            Piece::Bytes(bytes) => {
                let from = usize::try_from(done).unwrap_or(usize::MAX);
                let expected = bytes.get(from..).unwrap_or_default();
                let same = expected.get(..count) == Some(read);
                let pairs = || read.iter().zip(expected).position(|(a, b)| a != b);
                if same { None } else { pairs() }
            }
        };
        if let Some(at) = differs {
            return Ok(Some(offset + done + at as u64));
        }
        done += count as u64;
    }
    Ok(None)
}

/// Opens a regular file to be read, leaving its access time alone where that is allowed.
pub(super) fn open(dir: &impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    match dirs::open_name(dir.as_fd(), name, flags | OFlags::NOATIME) {
        Err(Errno::PERM) => dirs::open_name(dir.as_fd(), name, flags),
        other => other,
    }
}

const READ_BYTES: usize = 256 << 10;
