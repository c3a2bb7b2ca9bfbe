//! Makes links, pipes, sockets and devices.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use strongroom_format::{Node, NodeKind};
use strongroom_repo::{Deviation, TargetError};

use super::settle::{Origin, settle};
use super::{DirectoryTarget, MAX_CLEARINGS, failed};
use crate::dirs;
use crate::stat;
use crate::xattr::Access;

/// How it is reached afterwards.
const HANDLE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl DirectoryTarget {
    pub(super) fn make_other(
        &self,
        path: &[u8],
        node: &Node,
    ) -> Result<Vec<Deviation>, TargetError> {
        for _ in 0..MAX_CLEARINGS {
            let made = self.in_parent(path, |dir, name| make_or_keep(dir.as_fd(), name, node));
            match made {
                Ok(Some((handle, origin))) => {
                    return settle(Access::Handle(handle.as_fd()), node, &self.options, origin);
                }
                Ok(None) => self
                    .clear(path)
                    .map_err(|errno| failed(errno, "remove what is in the way"))?,
                Err(errno) => return Err(failed(errno, "make")),
            }
        }
        Err(failed(Errno::EXIST, "make"))
    }
}

/// Returns a handle of it; `None` when something else has the name.
fn make_or_keep(
    dir: BorrowedFd<'_>,
    name: &[u8],
    node: &Node,
) -> Result<Option<(OwnedFd, Origin)>, Errno> {
    let origin = match make(dir, name, node) {
        Ok(()) => Origin::Fresh,
        Err(Errno::EXIST) => Origin::Existing,
        Err(error) => return Err(error),
    };
    let handle = match dirs::open_name(dir, name, HANDLE) {
        Ok(handle) => handle,
        // Gone again.
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(is_wanted(&handle, node)?.then_some((handle, origin)))
}

fn make(dir: BorrowedFd<'_>, name: &[u8], node: &Node) -> Result<(), Errno> {
    let (kind, device) = match node.kind {
        NodeKind::Symlink => {
            let target = node.target.as_deref().unwrap_or_default();
            return rustix::fs::symlinkat(target, dir, name);
        }
        NodeKind::Fifo => (FileType::Fifo, 0),
        NodeKind::Socket => (FileType::Socket, 0),
        NodeKind::CharDevice => (FileType::CharacterDevice, device(node)?),
        NodeKind::BlockDevice => (FileType::BlockDevice, device(node)?),
        _ => return Err(Errno::INVAL),
    };
    rustix::fs::mknodat(dir, name, kind, Mode::RUSR | Mode::WUSR, device)
}

fn device(node: &Node) -> Result<rustix::fs::Dev, Errno> {
    let (major, minor) = node.device.ok_or(Errno::INVAL)?;
    Ok(rustix::fs::makedev(major, minor))
}

/// Says whether it is what was recorded, but for what can be set.
fn is_wanted(handle: &OwnedFd, node: &Node) -> Result<bool, Errno> {
    let look = stat::look_at(handle.as_fd())?;
    if stat::kind_of(&look) != Some(node.kind) {
        return Ok(false);
    }
    Ok(match node.kind {
        NodeKind::Symlink => {
            let target = rustix::fs::readlinkat(handle, c"", Vec::new())?;
            Some(target.as_bytes()) == node.target.as_deref()
        }
        NodeKind::CharDevice | NodeKind::BlockDevice => {
            Some((look.stx_rdev_major, look.stx_rdev_minor)) == node.device
        }
        _ => true,
    })
}
