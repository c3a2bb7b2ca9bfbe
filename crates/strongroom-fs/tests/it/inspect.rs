//! Looks at a tree with nothing of the crate that is tested.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, StatxFlags, openat, readlinkat, statx};

/// Everything that a restore has to bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) mode: u16,
    owner: (u32, u32),
    size: u64,
    mtime: (i64, u32),
    device: (u32, u32),
    names: u32,
    pub(crate) attributes: u64,
    target: Vec<u8>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) content: Vec<u8>,
    sparse: bool,
}

pub(crate) fn open_dir(path: &Path) -> OwnedFd {
    rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .unwrap()
}

pub(crate) fn inspect(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut seen = BTreeMap::new();
    let dir = open_dir(root);
    seen.insert(Vec::new(), look(&dir, b"."));
    below(&dir, b"", &mut seen);
    seen
}

#[track_caller]
pub(crate) fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (inspect(one), inspect(other));
    let names = |seen: &BTreeMap<Vec<u8>, Seen>| seen.keys().cloned().collect::<Vec<_>>();
    if one.len() < 1_000 {
        assert_eq!(names(&one), names(&other));
    }
    assert!(names(&one) == names(&other));
    for (path, seen) in &one {
        assert!(
            *seen == other[path],
            "{}: {:?} {:?}",
            path.escape_ascii(),
            brief(seen),
            brief(&other[path])
        );
    }
}

fn brief(seen: &Seen) -> Seen {
    Seen {
        content: seen.content.iter().take(40).copied().collect(),
        ..seen.clone()
    }
}

fn below(dir: &OwnedFd, path: &[u8], seen: &mut BTreeMap<Vec<u8>, Seen>) {
    for entry in Dir::read_from(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let mut child = path.to_vec();
        if !child.is_empty() {
            child.push(b'/');
        }
        child.extend_from_slice(name);
        let one = look(dir, name);
        if one.mode & 0o170_000 == 0o040_000 {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = openat(dir, name, flags, Mode::empty()).unwrap();
            below(&fd, &child, seen);
        }
        seen.insert(child, one);
    }
}

fn look(dir: &OwnedFd, name: &[u8]) -> Seen {
    let stat = statx(
        dir,
        name,
        AtFlags::SYMLINK_NOFOLLOW,
        StatxFlags::BASIC_STATS,
    )
    .unwrap();
    let kind = stat.stx_mode & 0o170_000;
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOATIME;
    let mut content = Vec::new();
    if kind == 0o100_000 {
        let file = openat(dir, name, flags, Mode::empty()).unwrap();
        std::io::Read::read_to_end(&mut std::fs::File::from(file), &mut content).unwrap();
    }
    let target = if kind == 0o120_000 {
        readlinkat(dir, name, Vec::new()).unwrap().into_bytes()
    } else {
        Vec::new()
    };
    let is_dir = kind == 0o040_000;
    Seen {
        mode: stat.stx_mode,
        owner: (stat.stx_uid, stat.stx_gid),
        size: if is_dir { 0 } else { stat.stx_size },
        mtime: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
        device: (stat.stx_rdev_major, stat.stx_rdev_minor),
        names: if is_dir { 0 } else { stat.stx_nlink },
        attributes: stat.stx_attributes.bits() & 0x70,
        target,
        xattrs: xattrs(rustix::fd::AsFd::as_fd(dir), name),
        content,
        sparse: stat.stx_size >= 1 << 20 && stat.stx_blocks * 512 < stat.stx_size,
    }
}

fn xattrs(dir: BorrowedFd<'_>, name: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    let mut list = vec![0; 1 << 16];
    let Ok(len) = rustix::fs::llistxattr(path.as_slice(), &mut list[..]) else {
        return BTreeMap::new();
    };
    list.truncate(len);
    let names = list
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty());
    names
        .map(|name| {
            let mut value = vec![0; 1 << 16];
            let len = rustix::fs::lgetxattr(path.as_slice(), name, &mut value[..]).unwrap();
            value.truncate(len);
            (name.to_vec(), value)
        })
        .collect()
}
