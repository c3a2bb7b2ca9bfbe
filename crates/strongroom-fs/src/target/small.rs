//! Writes whole small files.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::io::Errno;
use strongroom_repo::{Deviation, SmallFile, TargetError};

use super::direct::DIRECT_BYTES;
use super::file::{write_all, write_sparse};
use super::open::{PRIVATE, create};
use super::settle::{Origin, is_plain, is_settled, set_times, settle};
use super::{DirectoryTarget, failed};
use crate::stat::{self, flag};
use crate::xattr::Access;
use crate::{close, dirs};

/// Writes the files of one batch. A plain file takes five calls: create, write, set times, look whether all is as
/// recorded, close.
#[derive(Debug)]
pub(super) struct SmallWriter<'t> {
    target: &'t DirectoryTarget,
    /// The directory of the last file.
    dir: Option<(Vec<u8>, Arc<OwnedFd>)>,
}

impl<'t> SmallWriter<'t> {
    pub(super) fn new(target: &'t DirectoryTarget) -> Self {
        Self { target, dir: None }
    }

    pub(super) fn write(&mut self, small: &SmallFile<'_>) -> Result<Vec<Deviation>, TargetError> {
        let (path, name) = dirs::split(small.path).map_err(|errno| failed(errno, "create"))?;
        let mode = self.first_mode(small);
        let mut dir = self
            .parent(path)
            .map_err(|errno| failed(errno, "open directory"))?;
        let mut made = create(dir.as_fd(), name, mode);
        if matches!(made, Err(Errno::NOENT | Errno::STALE)) {
            // It is not the directory any more that was opened before.
            self.dir = None;
            self.target.parents.forget(path);
            dir = self
                .parent(path)
                .map_err(|errno| failed(errno, "open directory"))?;
            made = create(dir.as_fd(), name, mode);
        }
        let file = made.map_err(|errno| failed(errno, "create"))?;
        self.complete(small, file).inspect_err(|_| {
            // Half a file is worse than none. If it stays, the error says already that it is not whole.
            rustix::fs::unlinkat(dir.as_fd(), name, AtFlags::empty()).unwrap_or_default();
        })
    }

    fn complete(
        &self,
        small: &SmallFile<'_>,
        file: OwnedFd,
    ) -> Result<Vec<Deviation>, TargetError> {
        self.write_content(small, file.as_fd())
            .map_err(|errno| failed(errno, "write"))?;
        let access = Access::File(file.as_fd());
        let options = &self.target.options;
        let is_done = is_plain(small.node)
            && set_times(access, small.node).is_ok()
            && stat::look_at(file.as_fd())
                .is_ok_and(|now| is_settled(&now, small.node, options.owner_of(small.node)));
        let deviations = if is_done {
            Vec::new()
        } else {
            settle(access, small.node, options, Origin::Fresh)?
        };
        close::close(file).map_err(|errno| failed(errno, "close"))?;
        Ok(deviations)
    }

    fn write_content(&self, small: &SmallFile<'_>, file: BorrowedFd<'_>) -> Result<(), Errno> {
        let size = small.content.len() as u64;
        if small.node.flags & flag::SPARSE != 0 {
            write_sparse(file, 0, small.content, Origin::Fresh)?;
            return rustix::fs::ftruncate(file, size);
        }
        if size < DIRECT_BYTES {
            return write_all(file, 0, small.content);
        }
        rustix::fs::ftruncate(file, size)?;
        match self.target.past_cache(file, small.node) {
            Some(direct) => {
                direct.write(file, 0, small.content)?;
                direct.close()
            }
            None => write_all(file, 0, small.content),
        }
    }

    /// Returns the mode to create it with: the final one if nobody gets to read it who may not in the end.
    fn first_mode(&self, small: &SmallFile<'_>) -> u32 {
        if is_plain(small.node) && self.target.options.owner_of(small.node) == self.target.own {
            small.node.mode & 0o777
        } else {
            PRIVATE
        }
    }

    fn parent(&mut self, path: &[u8]) -> Result<Arc<OwnedFd>, Errno> {
        if let Some((known, fd)) = &self.dir
            && known == path
        {
            return Ok(Arc::clone(fd));
        }
        let fd = self.target.parents.open(path)?;
        self.dir = Some((path.to_vec(), Arc::clone(&fd)));
        Ok(fd)
    }
}
