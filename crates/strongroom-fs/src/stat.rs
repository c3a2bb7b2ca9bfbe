//! From what the system says about a file to a node.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use strongroom_format::{Node, NodeKind, SkipReason, Time};
use strongroom_repo::SourceError;

use crate::calls;

/// Bits of [`Node::flags`] (docs/format.md §9.4, key 17).
pub(crate) mod flag {
    pub(crate) const IMMUTABLE: u32 = 1;
    pub(crate) const APPEND_ONLY: u32 = 2;
    pub(crate) const NO_DUMP: u32 = 4;
    pub(crate) const SPARSE: u32 = 8;
}

/// Bits of [`Node::incomplete`] (docs/format.md §9.4, key 20).
pub(crate) mod incomplete {
    pub(crate) const XATTRS: u32 = 1;
    pub(crate) const FLAGS: u32 = 2;
}

/// Looks at one name in a directory, not following it.
pub(crate) fn look(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Statx, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    calls::note("statx");
    rustix::fs::statx(dir, name, flags, StatxFlags::BASIC_STATS)
}

/// Looks at an open file.
pub(crate) fn look_at(fd: BorrowedFd<'_>) -> Result<Statx, Errno> {
    calls::note("statx");
    rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
}

/// Returns the kind, `None` for one that the format does not know.
pub(crate) fn kind_of(stat: &Statx) -> Option<NodeKind> {
    Some(match FileType::from_raw_mode(u32::from(stat.stx_mode)) {
        FileType::RegularFile => NodeKind::File,
        FileType::Directory => NodeKind::Directory,
        FileType::Symlink => NodeKind::Symlink,
        FileType::Fifo => NodeKind::Fifo,
        FileType::Socket => NodeKind::Socket,
        FileType::CharacterDevice => NodeKind::CharDevice,
        FileType::BlockDevice => NodeKind::BlockDevice,
        _ => return None,
    })
}

/// What one look tells, as far as a node has it: a quarter of a node's size, without anything else on the heap for nearly all files.
#[derive(Debug)]
pub(crate) struct Look {
    size: u64,
    inode: u64,
    mtime: Time,
    ctime: Time,
    uid: u32,
    gid: u32,
    flags: u32,
    mode: u16,
    kind: NodeKind,
    rare: Option<Box<Rare>>,
}

/// What only few files have.
#[derive(Debug, Default)]
struct Rare {
    link: Option<u64>,
    device: Option<(u32, u32)>,
}

impl Look {
    /// Takes what a node needs.
    pub(crate) fn of(stat: &Statx, kind: NodeKind) -> Self {
        let mut flags = flags_of(stat);
        if kind == NodeKind::File && is_sparse(stat) {
            flags |= flag::SPARSE;
        }
        let is_device = matches!(kind, NodeKind::CharDevice | NodeKind::BlockDevice);
        Self {
            size: if kind == NodeKind::File {
                stat.stx_size
            } else {
                0
            },
            inode: stat.stx_ino,
            mtime: mtime_of(stat),
            ctime: ctime_of(stat),
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            mode: stat.stx_mode & 0o7777,
            flags,
            kind,
            rare: is_device.then(|| {
                Box::new(Rare {
                    link: None,
                    device: Some((stat.stx_rdev_major, stat.stx_rdev_minor)),
                })
            }),
        }
    }

    /// Adds the number of the link set.
    pub(crate) fn with_link(mut self, link: Option<u64>) -> Self {
        if link.is_some() {
            self.rare.get_or_insert_default().link = link;
        }
        self
    }

    /// Makes a node of it.
    pub(crate) fn into_node(self, name: Vec<u8>) -> Node {
        let mut node = Node {
            name,
            kind: self.kind,
            link: self.rare.as_ref().and_then(|rare| rare.link),
            ..Node::default()
        };
        self.write(&mut node);
        node
    }

    /// Writes it into `node`, whose name, kind and link set stay.
    fn write(&self, node: &mut Node) {
        node.mode = u32::from(self.mode);
        node.uid = self.uid;
        node.gid = self.gid;
        node.mtime = self.mtime;
        node.ctime = Some(self.ctime);
        node.inode = self.inode;
        node.size = self.size;
        node.device = self.rare.as_ref().and_then(|rare| rare.device);
        node.flags = self.flags;
    }
}

/// Makes a node of it, without name and link set.
pub(crate) fn node_of(stat: &Statx, kind: NodeKind) -> Node {
    Look::of(stat, kind).into_node(Vec::new())
}

/// Writes what one look tells into `node`; its name, kind and link set stay.
pub(crate) fn refresh(node: &mut Node, stat: &Statx) {
    Look::of(stat, node.kind).write(node);
}

/// Says whether the file is the one that was walked, and as it was then. A change time that was too young to be recorded says nothing.
pub(crate) fn is_as_walked(stat: &Statx, node: &Node) -> bool {
    kind_of(stat) == Some(node.kind)
        && stat.stx_ino == node.inode
        && (node.kind != NodeKind::File || stat.stx_size == node.size)
        && mtime_of(stat) == node.mtime
        && node.ctime.is_none_or(|ctime| ctime == ctime_of(stat))
}

/// Says whether a file was left alone between two looks.
pub(crate) fn is_unchanged(before: &Statx, after: &Statx) -> bool {
    before.stx_size == after.stx_size
        && mtime_of(before) == mtime_of(after)
        && ctime_of(before) == ctime_of(after)
}

/// Says whether it takes less room than its content.
pub(crate) fn is_sparse(stat: &Statx) -> bool {
    stat.stx_blocks.saturating_mul(512) < stat.stx_size
}

/// Returns the inode flags that the format records.
pub(crate) fn flags_of(stat: &Statx) -> u32 {
    let mut flags = 0;
    for (attribute, bit) in [
        (StatxAttributes::IMMUTABLE, flag::IMMUTABLE),
        (StatxAttributes::APPEND, flag::APPEND_ONLY),
        (StatxAttributes::NODUMP, flag::NO_DUMP),
    ] {
        if stat.stx_attributes.contains(attribute) {
            flags |= bit;
        }
    }
    flags
}

/// Returns the device it is on.
pub(crate) fn device_of(stat: &Statx) -> (u32, u32) {
    (stat.stx_dev_major, stat.stx_dev_minor)
}

pub(crate) fn mtime_of(stat: &Statx) -> Time {
    Time {
        seconds: stat.stx_mtime.tv_sec,
        nanos: stat.stx_mtime.tv_nsec,
    }
}

pub(crate) fn ctime_of(stat: &Statx) -> Time {
    Time {
        seconds: stat.stx_ctime.tv_sec,
        nanos: stat.stx_ctime.tv_nsec,
    }
}

/// Makes an error that costs one entry.
pub(crate) fn skip(errno: Errno, what: &str) -> SourceError {
    let reason = match errno {
        Errno::ACCESS | Errno::PERM => SkipReason::PermissionDenied,
        Errno::NOENT | Errno::STALE => SkipReason::Vanished,
        Errno::NOTDIR | Errno::LOOP | Errno::ISDIR | Errno::XDEV => SkipReason::Replaced,
        Errno::IO | Errno::NODEV | Errno::NXIO | Errno::TIMEDOUT | Errno::UCLEAN => {
            SkipReason::ReadError
        }
        Errno::OPNOTSUPP | Errno::NOSYS => SkipReason::NotSupported,
        _ => SkipReason::Other,
    };
    SourceError::new(reason, format!("{what}: {}", std::io::Error::from(errno)))
}
