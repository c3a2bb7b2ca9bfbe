//! Directories reached from a held descriptor, never through a link.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::calls;

/// How every directory is opened that is only passed through or worked in.
pub(crate) const PASS: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How a directory is opened that is read or whose metadata is set.
pub(crate) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The kernel takes paths below 4,096 bytes; longer ones are walked in pieces.
const MAX_PIECE_BYTES: usize = 4_000;

/// `openat2` answers `EAGAIN` when something is renamed meanwhile; after that many the slow way is taken.
const MAX_TRIES: u32 = 64;

/// Opens `path`, of any length, below `base` without following any symbolic link, not even the last.
pub(crate) fn open_beneath(
    base: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    if !path.contains(&b'/') {
        return open_name(base, path, flags);
    }
    let mut held: Option<OwnedFd> = None;
    let mut rest = path;
    loop {
        let at = held.as_ref().map_or(base, AsFd::as_fd);
        let Some((piece, after)) = split_piece(rest) else {
            return open_piece(at, rest, flags);
        };
        held = Some(open_piece(at, piece, PASS)?);
        rest = after;
    }
}

/// Opens one component, not following it if it is a link.
pub(crate) fn open_name(dir: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    if !is_legal_name(name) {
        return Err(Errno::INVAL);
    }
    calls::note("openat");
    rustix::fs::openat(
        dir,
        name,
        flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Opens a directory once more: a descriptor has one position, which those that list it at once would share.
pub(crate) fn reopen(dir: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd, Errno> {
    calls::note("openat");
    rustix::fs::openat(dir, c".", flags | OFlags::CLOEXEC, Mode::empty())
}

/// Says whether `name` can name an entry of a directory.
pub(crate) fn is_legal_name(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0)
}

/// Splits a path into its directory and its last component; `INVAL` when that is not one.
pub(crate) fn split(path: &[u8]) -> Result<(&[u8], &[u8]), Errno> {
    let (dir, name) = match path.iter().rposition(|&byte| byte == b'/') {
        // An empty directory would be taken for the root.
        Some(0) => return Err(Errno::INVAL),
        Some(at) => (
            path.get(..at).unwrap_or_default(),
            path.get(at + 1..).unwrap_or_default(),
        ),
        None => (&[][..], path),
    };
    if is_legal_name(name) {
        Ok((dir, name))
    } else {
        Err(Errno::INVAL)
    }
}

/// Joins a directory's path and a name; the root's path is empty.
pub(crate) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    if !dir.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Returns what of `path` lies below `ancestor`; `None` when it is not below it.
pub(crate) fn below<'p>(path: &'p [u8], ancestor: &[u8]) -> Option<&'p [u8]> {
    if ancestor.is_empty() {
        return Some(path);
    }
    path.strip_prefix(ancestor)?.strip_prefix(b"/")
}

/// The directory that was opened last, so that the next one near it is a short step away.
#[derive(Debug)]
pub(crate) struct DirCursor {
    path: Vec<u8>,
    fd: Option<OwnedFd>,
    flags: OFlags,
}

impl DirCursor {
    /// Makes a cursor that opens directories with `flags`.
    pub(crate) fn new(flags: OFlags) -> Self {
        Self {
            path: Vec::new(),
            fd: None,
            flags,
        }
    }

    /// Opens the directory `path` below `root`; the empty path is the root itself.
    pub(crate) fn open<'a>(
        &'a mut self,
        root: BorrowedFd<'a>,
        path: &[u8],
    ) -> Result<BorrowedFd<'a>, Errno> {
        if self.fd.is_none() || self.path != path {
            let (base, rest) = match (&self.fd, below(path, &self.path)) {
                (Some(fd), Some(rest)) => (fd.as_fd(), rest),
                _ => (root, path),
            };
            let open = |flags| {
                if path.is_empty() {
                    reopen(root, flags)
                } else {
                    open_beneath(base, rest, flags)
                }
            };
            let fd = match open(self.flags) {
                // Only the owner may leave the access time alone.
                Err(Errno::PERM) if self.flags.contains(OFlags::NOATIME) => {
                    open(self.flags - OFlags::NOATIME)
                }
                other => other,
            };
            // The old one is given up even on failure, so that a cursor never stands where it does not say.
            self.fd = None;
            let fd = fd?;
            self.path.clear();
            self.path.extend_from_slice(path);
            return Ok(OwnedFd::as_fd(self.fd.insert(fd)));
        }
        Ok(self.fd.as_ref().map_or(root, AsFd::as_fd))
    }
}

/// Splits off as many components as one call may take; `None` when all of it may go at once.
fn split_piece(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = path.get(..MAX_PIECE_BYTES)?;
    let at = head.iter().rposition(|&byte| byte == b'/')?;
    Some((path.get(..at)?, path.get(at + 1..)?))
}

fn open_piece(base: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..MAX_TRIES {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        calls::note("openat2");
        match rustix::fs::openat2(base, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Old kernels and some sandboxes do not know the call; the latter say EPERM.
            Err(Errno::NOSYS | Errno::PERM | Errno::TOOBIG) => break,
            other => return other,
        }
    }
    open_by_components(base, path, flags)
}

fn open_by_components(base: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut held: Option<OwnedFd> = None;
    let mut rest = path;
    loop {
        let at = held.as_ref().map_or(base, AsFd::as_fd);
        let Some(slash) = rest.iter().position(|&byte| byte == b'/') else {
            return open_name(at, rest, flags);
        };
        let (name, after) = rest.split_at(slash);
        held = Some(open_name(at, name, PASS)?);
        rest = after.get(1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(dir: &tempfile::TempDir) -> OwnedFd {
        rustix::fs::open(dir.path(), READ, Mode::empty()).unwrap()
    }

    #[test]
    fn links_and_dots_are_refused_both_ways() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("b", dir.path().join("a/last")).unwrap();
        let root = opened(&dir);
        for open in [open_piece, open_by_components] {
            assert!(open(root.as_fd(), b"a/b", READ).is_ok());
            for path in [
                &b"link/b"[..],
                b"a/last",
                b"a/../a/b",
                b"../x",
                b"/etc",
                b"a/../../etc",
            ] {
                assert!(
                    open(root.as_fd(), path, READ).is_err() || path == b"a/../a/b",
                    "{}",
                    path.escape_ascii()
                );
            }
        }
        assert!(open_by_components(root.as_fd(), b"a/../a/b", READ).is_err());
    }

    #[test]
    fn a_cursor_goes_down_up_and_sideways() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        std::fs::create_dir_all(dir.path().join("ab")).unwrap();
        let root = opened(&dir);
        let mut cursor = DirCursor::new(PASS);
        for path in ["a", "a/b/c", "a/b", "ab", "", "a/b/c"] {
            let fd = cursor.open(root.as_fd(), path.as_bytes()).unwrap();
            let got = rustix::fs::fstat(fd).unwrap().st_ino;
            let want = rustix::fs::stat(dir.path().join(path)).unwrap().st_ino;
            assert_eq!(got, want, "{path}");
        }
        assert_eq!(
            cursor.open(root.as_fd(), b"a/none").unwrap_err(),
            Errno::NOENT
        );
        assert!(cursor.open(root.as_fd(), b"a").is_ok());
    }
}
