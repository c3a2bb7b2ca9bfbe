//! Makes and opens directories.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use strongroom_repo::Made;

use super::settle::{Origin, drop_inherited};
use super::{DirectoryTarget, MAX_CLEARINGS, protect};
use crate::dirs::{self, READ};
use crate::xattr;

impl DirectoryTarget {
    /// Makes a directory, for this process alone until it is finished, or makes one that is there fit to be filled.
    pub(super) fn make_directory(&self, path: &[u8]) -> Result<Made, Errno> {
        if path.is_empty() {
            adopt(self.parents.root().as_fd());
            return Ok(Made::Existed);
        }
        for _ in 0..MAX_CLEARINGS {
            let made = self.in_parent(path, |parent, name| make(parent.as_fd(), name));
            match made {
                Ok((made, fd)) => {
                    self.parents.forget(path);
                    self.parents.keep(path, &Arc::new(fd));
                    return Ok(made);
                }
                // Something else has the name.
                Err(Errno::NOTDIR | Errno::LOOP) => self.clear(path)?,
                Err(error) => return Err(error),
            }
        }
        Err(Errno::EXIST)
    }

    /// Opens a directory so that it can be read and its metadata set. Never one that is kept: the descriptor may be of the kind
    /// through which neither is possible.
    pub(super) fn open_to_finish(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return dirs::reopen(self.parents.root().as_fd(), READ);
        }
        self.in_parent(path, |parent, name| open(parent.as_fd(), name))
    }
}

fn make(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(Made, OwnedFd), Errno> {
    let mut made = rustix::fs::mkdirat(parent, name, Mode::RWXU);
    if matches!(made, Err(Errno::PERM | Errno::ACCESS)) && protect::free_directory(parent) {
        made = rustix::fs::mkdirat(parent, name, Mode::RWXU);
    }
    match made {
        Ok(()) => {
            let fd = open(parent, name)?;
            drop_inherited(fd.as_fd(), Origin::Fresh);
            Ok((Made::Created, fd))
        }
        Err(Errno::EXIST) => {
            let fd = open(parent, name)?;
            adopt(fd.as_fd());
            Ok((Made::Existed, fd))
        }
        Err(error) => Err(error),
    }
}

/// Takes away what would keep entries from being made, and what they would take over.
fn adopt(dir: BorrowedFd<'_>) {
    // What is refused here is refused again, and then reported, when something is made in it.
    protect::free_directory(dir);
    drop_inherited(dir, Origin::Existing);
}

fn open(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    match dirs::open_name(parent, name, READ) {
        Err(Errno::ACCESS) => {
            let handle = dirs::open_name(parent, name, OFlags::PATH | OFlags::DIRECTORY)?;
            rustix::fs::chmod(xattr::proc_path(handle.as_fd()), Mode::RWXU)?;
            dirs::open_name(parent, name, READ)
        }
        other => other,
    }
}
