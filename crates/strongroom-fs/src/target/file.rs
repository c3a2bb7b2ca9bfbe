//! A file that is written at offsets.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use strongroom_format::Node;
use strongroom_repo::{Deviation, ReadAt, TargetError, TargetFile};

use super::direct::Direct;
use super::settle::{Origin, settle};
use super::{DirectoryTargetOptions, failed};
use crate::close;
use crate::xattr::Access;

/// File systems keep data in blocks of at least this; smaller runs of zeros are written.
const BLOCK_BYTES: usize = 4 << 10;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// An open file of a target.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) options: Arc<DirectoryTargetOptions>,
    /// `None` after `finish`.
    pub(crate) file: RwLock<Option<OwnedFd>>,
    pub(crate) origin: Origin,
    /// Runs of zeros become holes.
    pub(crate) sparse: bool,
    /// The way past the cache, if it is taken. `None` also after `finish`.
    pub(crate) direct: RwLock<Option<Direct>>,
}

impl OpenFile {
    fn with<T>(
        &self,
        act: impl FnOnce(BorrowedFd<'_>) -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        match &*self.file.read().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => act(file.as_fd()),
            None => Err(TargetError::new("the file is finished")),
        }
    }
}

impl TargetFile for OpenFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), TargetError> {
        self.with(|file| {
            let direct = self.direct.read().unwrap_or_else(PoisonError::into_inner);
            let written = match &*direct {
                _ if self.sparse => write_sparse(file, offset, data, self.origin),
                Some(direct) => direct.write(file, offset, data),
                None => write_all(file, offset, data),
            };
            written.map_err(|errno| failed(errno, "write"))
        })
    }

    fn write_zeros(&self, offset: u64, len: u64) -> Result<(), TargetError> {
        self.with(|file| {
            make_hole(file, offset, len, self.origin).map_err(|errno| failed(errno, "make a hole"))
        })
    }

    fn finish(&self, node: &Node) -> Result<Vec<Deviation>, TargetError> {
        let file = self
            .file
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let file = file.ok_or_else(|| TargetError::new("the file is finished"))?;
        let direct = self
            .direct
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(direct) = direct {
            direct.close().map_err(|errno| failed(errno, "close"))?;
        }
        let size = crate::stat::look_at(file.as_fd())
            .map_err(|errno| failed(errno, "look"))?
            .stx_size;
        if size != node.size {
            rustix::fs::ftruncate(&file, node.size).map_err(|errno| failed(errno, "set length"))?;
        }
        let deviations = settle(Access::File(file.as_fd()), node, &self.options, self.origin)?;
        close::close(file).map_err(|errno| failed(errno, "close"))?;
        Ok(deviations)
    }
}

/// Writes all of `data`, skipping or punching runs of zeros.
pub(crate) fn write_sparse(
    file: BorrowedFd<'_>,
    offset: u64,
    data: &[u8],
    origin: Origin,
) -> Result<(), Errno> {
    let (mut at, mut rest) = (offset, data);
    while !rest.is_empty() {
        let (len, is_zero) = next_run(at, rest);
        let (run, after) = rest.split_at(len);
        match (is_zero, origin) {
            (false, _) => write_all(file, at, run)?,
            // What was never written is a hole already.
            (true, Origin::Fresh) => {}
            (true, Origin::Existing) => make_hole(file, at, len as u64, origin)?,
        }
        at += len as u64;
        rest = after;
    }
    Ok(())
}

pub(crate) fn write_all(file: BorrowedFd<'_>, offset: u64, data: &[u8]) -> Result<(), Errno> {
    let (mut at, mut rest) = (offset, data);
    while !rest.is_empty() {
        match rustix::io::pwrite(file, rest, at) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                at += count as u64;
                rest = rest.get(count..).unwrap_or_default();
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes bytes read as zeros: without storage if the system can, by writing them if it cannot.
fn make_hole(file: BorrowedFd<'_>, offset: u64, len: u64, origin: Origin) -> Result<(), Errno> {
    if len == 0 {
        return Ok(());
    }
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(file, flags, offset, len) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) if origin == Origin::Existing => {
            let (mut at, mut left) = (offset, len);
            while left > 0 {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
                write_all(file, at, ZEROS.get(..count).unwrap_or_default())?;
                at += count as u64;
                left -= count as u64;
            }
            Ok(())
        }
        // A new file was made with its full length, and nothing was written here.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        other => other,
    }
}

/// Returns the length of the next run of whole blocks of zeros, or of anything else, and which it is.
fn next_run(at: u64, data: &[u8]) -> (usize, bool) {
    let block = BLOCK_BYTES as u64;
    let to_boundary = usize::try_from((block - at % block) % block)
        .unwrap_or(0)
        .min(data.len());
    let aligned = data.get(to_boundary..).unwrap_or_default();
    let is_zero = |block: &[u8]| ZEROS.get(..block.len()) == Some(block);
    let zeros = aligned
        .chunks_exact(BLOCK_BYTES)
        .take_while(|block| is_zero(block))
        .count()
        * BLOCK_BYTES;
    if to_boundary == 0 && zeros > 0 {
        return (zeros, true);
    }
    if zeros > 0 {
        return (to_boundary, false);
    }
    let others = aligned
        .chunks(BLOCK_BYTES)
        .take_while(|block| block.len() < BLOCK_BYTES || !is_zero(block));
    (to_boundary + others.map(<[u8]>::len).sum::<usize>(), false)
}

/// A file that is there already, to be compared.
#[derive(Debug)]
pub(crate) struct PresentFile(pub(crate) OwnedFd);

impl ReadAt for PresentFile {
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            match rustix::io::pread(&self.0, &mut *rest, at) {
                Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    at += count as u64;
                    rest = rest.get_mut(count..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(at: u64, data: &[u8]) -> Vec<(usize, bool)> {
        let (mut at, mut rest, mut runs) = (at, data, Vec::new());
        while !rest.is_empty() {
            let (len, zero) = next_run(at, rest);
            assert!(len > 0);
            runs.push((len, zero));
            at += len as u64;
            rest = &rest[len..];
        }
        runs
    }

    #[test]
    fn only_whole_aligned_blocks_of_zeros_are_holes() {
        assert_eq!(runs(0, &[0; 8192]), [(8192, true)]);
        assert_eq!(runs(0, &[0; 5000]), [(4096, true), (904, false)]);
        assert_eq!(
            runs(1, &[0; 8192]),
            [(4095, false), (4096, true), (1, false)]
        );
        assert_eq!(runs(0, &[0; 4095]), [(4095, false)]);
        let mut data = vec![0; 16384];
        data[5000] = 1;
        assert_eq!(runs(0, &data), [(4096, true), (4096, false), (8192, true)]);
        assert_eq!(
            runs(10, &data),
            [(4086 + 4096, false), (8192, true), (10, false)]
        );
        assert_eq!(
            runs(10, &data).iter().map(|(len, _)| len).sum::<usize>(),
            data.len()
        );
    }
}
