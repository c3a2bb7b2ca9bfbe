//! Inode flags and permissions that stand in the way of a restore.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{IFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::dirs;
use crate::stat::{self, flag};

/// Sets the inode flags that are recorded, and clears those of them that are not.
pub(crate) fn set_flags(fd: BorrowedFd<'_>, wanted: u32) -> Result<(), Errno> {
    let now = rustix::fs::ioctl_getflags(fd)?;
    let mut then = now;
    for (bit, iflag) in [
        (flag::IMMUTABLE, IFlags::IMMUTABLE),
        (flag::APPEND_ONLY, IFlags::APPEND),
        (flag::NO_DUMP, IFlags::NODUMP),
    ] {
        then.set(iflag, wanted & bit != 0);
    }
    if then == now {
        Ok(())
    } else {
        rustix::fs::ioctl_setflags(fd, then)
    }
}

/// Clears the recorded flags of an open file if it has any, and says whether it had.
pub(crate) fn free_file(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    if stat::flags_of(&stat::look_at(fd)?) == 0 {
        return Ok(false);
    }
    set_flags(fd, 0)?;
    Ok(true)
}

/// Clears the flags of an entry that cannot be removed or written, and says whether that may have helped.
pub(crate) fn free_entry(dir: BorrowedFd<'_>, name: &[u8]) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    // Only files and directories have flags; a device is not opened.
    let openable = stat::look(dir, name).is_ok_and(|look| stat::flags_of(&look) != 0);
    openable
        && dirs::open_name(dir, name, flags)
            .is_ok_and(|file| free_file(file.as_fd()).is_ok_and(|freed| freed))
}

/// Makes a directory so that entries can be made and removed in it, and says whether that changed anything.
pub(crate) fn free_directory(dir: BorrowedFd<'_>) -> bool {
    let Ok(look) = stat::look_at(dir) else {
        return false;
    };
    let mut freed = free_file(dir).is_ok_and(|freed| freed);
    let mode = u32::from(look.stx_mode) & 0o7777;
    if mode & 0o700 != 0o700 && !rustix::process::geteuid().is_root() {
        freed |= rustix::fs::fchmod(dir, Mode::from_raw_mode(mode | 0o700)).is_ok();
    }
    freed
}
