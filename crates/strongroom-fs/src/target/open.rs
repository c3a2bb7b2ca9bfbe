//! Opens files to write and to compare.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, RwLock};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use strongroom_format::{Node, NodeKind};
use strongroom_repo::{ExistingFile, TargetError};

use super::file::{OpenFile, PresentFile, write_all};
use super::settle::Origin;
use super::{DirectoryTarget, MAX_CLEARINGS, failed, protect, remove};
use crate::dirs;
use crate::stat::{self, flag};
use crate::xattr;

/// How a new file is made: never through anything that is there.
const CREATE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How a file that is there is opened; a pipe or device in its place does nothing.
const PRESENT: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// The mode of a file while it is not whole.
pub(super) const PRIVATE: u32 = 0o600;

impl DirectoryTarget {
    pub(super) fn open_to_write(
        &self,
        path: &[u8],
        node: &Node,
        fresh: bool,
    ) -> Result<OpenFile, TargetError> {
        let opened = self.in_parent(path, |dir, name| {
            if !fresh && let Some(file) = open_present(dir.as_fd(), name, node)? {
                return Ok((file, Origin::Existing));
            }
            Ok((create(dir.as_fd(), name, PRIVATE)?, Origin::Fresh))
        });
        let (file, origin) = opened.map_err(|errno| failed(errno, "create"))?;
        let mut direct = None;
        if origin == Origin::Fresh {
            rustix::fs::ftruncate(&file, node.size).map_err(|errno| failed(errno, "set length"))?;
            direct = self.past_cache(file.as_fd(), node);
        }
        Ok(OpenFile {
            options: Arc::clone(&self.options),
            file: RwLock::new(Some(file)),
            origin,
            sparse: node.flags & flag::SPARSE != 0,
            direct: RwLock::new(direct),
        })
    }

    pub(super) fn open_to_compare(
        &self,
        path: &[u8],
        node: &Node,
    ) -> Result<Option<ExistingFile>, Errno> {
        let opened = self.in_parent(path, |dir, name| {
            dirs::open_name(dir.as_fd(), name, OFlags::RDONLY | PRESENT)
        });
        let file = match opened {
            Ok(file) => file,
            // Not there, a link, a socket, a device, or not readable: nothing of it can be kept.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NODEV | Errno::ACCESS) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let look = stat::look_at(file.as_fd())?;
        if !may_be_kept(&look, node) || look.stx_size != node.size {
            return Ok(None);
        }
        let same_time = stat::mtime_of(&look) == node.mtime;
        Ok(Some(ExistingFile {
            same_time,
            content: Box::new(PresentFile(file)),
        }))
    }
}

/// Creates a file, removing whatever has the name.
pub(super) fn create(dir: BorrowedFd<'_>, name: &[u8], mode: u32) -> Result<OwnedFd, Errno> {
    for _ in 0..MAX_CLEARINGS {
        match rustix::fs::openat(dir, name, CREATE, Mode::from_raw_mode(mode)) {
            Err(Errno::EXIST) => remove::remove_entry(dir, name)?,
            Err(error @ (Errno::PERM | Errno::ACCESS)) => {
                if !protect::free_directory(dir) {
                    return Err(error);
                }
            }
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::EXIST)
}

/// A file is written in place if that changes no other file: one with names that the snapshot does not know of is replaced.
/// The same rule holds when it is compared, so that nothing is missing in what is written afterwards.
fn may_be_kept(look: &rustix::fs::Statx, node: &Node) -> bool {
    stat::kind_of(look) == Some(NodeKind::File) && (look.stx_nlink < 2 || node.link.is_some())
}

/// Opens a file that is there for writing. `None` when it is missing or must be replaced.
fn open_present(dir: BorrowedFd<'_>, name: &[u8], node: &Node) -> Result<Option<OwnedFd>, Errno> {
    let look = match stat::look(dir, name) {
        Ok(look) => look,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !may_be_kept(&look, node) {
        return Ok(None);
    }
    let open = || dirs::open_name(dir, name, OFlags::WRONLY | PRESENT);
    let file = match open() {
        Err(Errno::PERM | Errno::ACCESS) => {
            // Immutable, or read-only.
            protect::free_entry(dir, name);
            let handle = dirs::open_name(dir, name, OFlags::PATH)?;
            let mode = u32::from(look.stx_mode) & 0o777;
            rustix::fs::chmod(
                xattr::proc_path(handle.as_fd()),
                Mode::from_raw_mode(mode | PRIVATE),
            )?;
            open()
        }
        other => other,
    };
    let file = match file {
        Ok(file) => file,
        Err(Errno::TXTBSY) => return copy_over(dir, name).map(Some),
        Err(Errno::LOOP | Errno::NXIO | Errno::NOENT | Errno::ISDIR) => return Ok(None),
        Err(error) => return Err(error),
    };
    let look = stat::look_at(file.as_fd())?;
    if !may_be_kept(&look, node) {
        return Ok(None);
    }
    protect::free_file(file.as_fd())?;
    let mode = u32::from(look.stx_mode) & 0o7777;
    if mode & 0o7000 != 0 {
        // A program with special rights must not run while its content is half old, half new.
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
    }
    Ok(Some(file))
}

/// Puts a copy in the place of a program that is running, which cannot be written: what was compared is still there.
fn copy_over(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let old = dirs::open_name(dir, name, OFlags::RDONLY | PRESENT)?;
    if stat::kind_of(&stat::look_at(old.as_fd())?) != Some(NodeKind::File) {
        return Err(Errno::TXTBSY);
    }
    let new = create(dir, name, PRIVATE)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    loop {
        match rustix::io::pread(&old, &mut buffer, at) {
            Ok(0) => return Ok(new),
            Ok(count) => {
                write_all(new.as_fd(), at, buffer.get(..count).unwrap_or_default())?;
                at += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Read at once when a file is copied.
const COPY_BYTES: usize = 256 << 10;
