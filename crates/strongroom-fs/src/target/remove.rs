//! Removes what is in the way, never through a link.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use strongroom_format::NodeKind;

use super::protect;
use crate::dirs::{self, READ};
use crate::names::{ListError, Names};
use crate::{stat, xattr};

/// Removes an entry and everything below it. It is well if nothing is there. Other file systems mounted below are not
/// entered; they make it fail with `EXDEV`.
pub(crate) fn remove_entry(dir: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match remove_one(dir, name) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => Removal::begin(dir, name)?.run(),
        Err(error) => Err(error),
    }
}

/// Removes anything but a directory, which is `EISDIR`.
fn remove_one(dir: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    if !dirs::is_legal_name(name) {
        return Err(Errno::INVAL);
    }
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Err(error @ (Errno::PERM | Errno::ACCESS)) => {
            let look = stat::look(dir, name)?;
            if stat::kind_of(&look) == Some(NodeKind::Directory) {
                return Err(Errno::ISDIR);
            }
            // Immutable, or in a directory that is, or that may not be written.
            let freed_entry = protect::free_entry(dir, name);
            let freed_dir = protect::free_directory(dir);
            if !freed_entry && !freed_dir {
                return Err(error);
            }
            rustix::fs::unlinkat(dir, name, AtFlags::empty())
        }
        other => other,
    }
}

/// Directories kept open while those below them are emptied.
const MAX_OPEN: usize = 24;

/// The removal of one directory, without recursion: trees may be deeper than the stack, the limit of descriptors and the longest path.
struct Removal<'d> {
    base: BorrowedFd<'d>,
    device: (u32, u32),
    levels: Vec<Level>,
}

struct Level {
    name: Vec<u8>,
    inode: u64,
    names: Names,
    next: usize,
    /// Closed when too many below it are open.
    fd: Option<OwnedFd>,
}

impl<'d> Removal<'d> {
    fn begin(base: BorrowedFd<'d>, name: &[u8]) -> Result<Self, Errno> {
        let device = stat::device_of(&stat::look_at(base)?);
        let mut removal = Self {
            base,
            device,
            levels: Vec::new(),
        };
        removal.enter(name)?;
        Ok(removal)
    }

    fn run(mut self) -> Result<(), Errno> {
        while let Some(level) = self.levels.last_mut() {
            let Some(name) = level.names.get(level.next).map(<[u8]>::to_vec) else {
                self.leave()?;
                continue;
            };
            level.next += 1;
            let dir = self.current()?;
            match remove_one(dir, &name) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => self.enter(&name)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn enter(&mut self, name: &[u8]) -> Result<(), Errno> {
        let dir = if self.levels.is_empty() {
            self.base
        } else {
            self.current()?
        };
        let fd = open_to_empty(dir, name)?;
        let look = stat::look_at(fd.as_fd())?;
        if stat::device_of(&look) != self.device {
            return Err(Errno::XDEV);
        }
        let (names, read) = Names::read(fd.as_fd(), usize::MAX);
        match read {
            Ok(()) => {}
            Err(ListError::System(error)) => return Err(error),
            Err(ListError::TooMany) => return Err(Errno::OVERFLOW),
        }
        let level = Level {
            name: name.to_vec(),
            inode: look.stx_ino,
            names,
            next: 0,
            fd: Some(fd),
        };
        self.levels.push(level);
        if let Some(far) = self.levels.len().checked_sub(MAX_OPEN + 1)
            && let Some(level) = self.levels.get_mut(far)
        {
            level.fd = None;
        }
        Ok(())
    }

    /// Removes the directory that is empty now.
    fn leave(&mut self) -> Result<(), Errno> {
        let Some(level) = self.levels.pop() else {
            return Ok(());
        };
        drop(level.fd);
        let dir = if self.levels.is_empty() {
            self.base
        } else {
            self.current()?
        };
        match rustix::fs::unlinkat(dir, level.name.as_slice(), AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(()),
            Err(error @ (Errno::PERM | Errno::ACCESS)) => {
                if !protect::free_directory(dir) {
                    return Err(error);
                }
                rustix::fs::unlinkat(dir, level.name.as_slice(), AtFlags::REMOVEDIR)
            }
            other => other,
        }
    }

    /// Returns the directory that is being emptied, opening it again if it was closed; it must still be the same.
    fn current(&mut self) -> Result<BorrowedFd<'_>, Errno> {
        if self.levels.last().is_some_and(|level| level.fd.is_none()) {
            let path = self
                .levels
                .iter()
                .map(|level| level.name.as_slice())
                .collect::<Vec<_>>()
                .join(&b'/');
            let fd = dirs::open_beneath(self.base, &path, READ)?;
            let look = stat::look_at(fd.as_fd())?;
            let same = |level: &Level| {
                level.inode == look.stx_ino && stat::device_of(&look) == self.device
            };
            if !self.levels.last().is_some_and(same) {
                return Err(Errno::STALE);
            }
            if let Some(level) = self.levels.last_mut() {
                level.fd = Some(fd);
            }
        }
        Ok(self
            .levels
            .last()
            .and_then(|level| level.fd.as_ref())
            .map_or(self.base, AsFd::as_fd))
    }
}

/// Opens a directory so that it can be emptied, making it readable and writable if it is ours.
fn open_to_empty(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let fd = match dirs::open_name(dir, name, READ) {
        Err(Errno::ACCESS) => {
            let handle = dirs::open_name(dir, name, OFlags::PATH | OFlags::DIRECTORY)?;
            rustix::fs::chmod(xattr::proc_path(handle.as_fd()), Mode::RWXU)?;
            dirs::open_name(dir, name, READ)?
        }
        other => other?,
    };
    Ok(fd)
}
