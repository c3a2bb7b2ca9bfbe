//! Makes hard links.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::{DirectoryTarget, MAX_CLEARINGS, protect};
use crate::dirs::{self, READ};
use crate::stat;

impl DirectoryTarget {
    pub(super) fn make_link(&self, path: &[u8], first: &[u8]) -> Result<(), Errno> {
        let (first_dir, first_name) = dirs::split(first)?;
        let from = self.parents.open(first_dir)?;
        for _ in 0..MAX_CLEARINGS {
            let linked = self.in_parent(path, |dir, name| {
                link(from.as_fd(), first_name, dir.as_fd(), name)
            });
            match linked {
                Err(Errno::EXIST) => self.clear(path)?,
                other => return other,
            }
        }
        Err(Errno::EXIST)
    }
}

/// Links, without following either name. `EXIST` when something else has the name.
fn link(from: BorrowedFd<'_>, first: &[u8], dir: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let linked = match rustix::fs::linkat(from, first, dir, name, AtFlags::empty()) {
        // An immutable file takes no more names.
        Err(Errno::PERM) => link_protected(from, first, dir, name),
        other => other,
    };
    if linked == Err(Errno::EXIST) {
        let (one, other) = (stat::look(from, first)?, stat::look(dir, name)?);
        if one.stx_ino == other.stx_ino && stat::device_of(&one) == stat::device_of(&other) {
            return Ok(());
        }
    }
    linked
}

fn link_protected(
    from: BorrowedFd<'_>,
    first: &[u8],
    dir: BorrowedFd<'_>,
    name: &[u8],
) -> Result<(), Errno> {
    let flags = stat::flags_of(&stat::look(from, first)?);
    if flags == 0 || !protect::free_entry(from, first) {
        return Err(Errno::PERM);
    }
    let linked = rustix::fs::linkat(from, first, dir, name, AtFlags::empty());
    let file = dirs::open_name(from, first, READ - rustix::fs::OFlags::DIRECTORY)?;
    protect::set_flags(file.as_fd(), flags)?;
    linked
}
