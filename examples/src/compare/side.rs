//! One of the two trees, looked at from inside one of its directories.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use strongroom::Time;

use super::entry::{Seen, changed};

/// One of the two trees, and the directory of it that we are in.
#[derive(Debug)]
pub(super) struct Side {
    directory: OwnedFd,
    /// Device and inode of the directories above.
    above: Vec<(u64, u64)>,
    /// Where files of several names were met first.
    links: HashMap<(u64, u64), Vec<u8>>,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Side {
    /// Begins in the root. That one may be named by a link.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let directory = rustix::fs::open(root, DIRECTORY, Mode::empty())?;
        Ok(Self {
            directory,
            above: Vec::new(),
            links: HashMap::new(),
        })
    }

    /// Goes into a directory.
    pub(super) fn enter(&mut self, name: &[u8]) -> io::Result<()> {
        let below = rustix::fs::openat(
            &self.directory,
            name,
            DIRECTORY | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        self.above
            .push(identity(&rustix::fs::fstat(&self.directory)?));
        self.directory = below;
        Ok(())
    }

    /// Goes back to the directory above.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        let above = rustix::fs::openat(&self.directory, "..", DIRECTORY, Mode::empty())?;
        if self.above.pop() != Some(identity(&rustix::fs::fstat(&above)?)) {
            return Err(io::Error::other(
                "a directory was moved during the comparison",
            ));
        }
        self.directory = above;
        Ok(())
    }

    /// Returns the names in the directory, sorted.
    pub(super) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns when an entry was changed last, or the beginning of time.
    pub(super) fn changed(&self, name: &[u8]) -> Time {
        self.stat(name)
            .map_or(Time::new(i64::MIN, 0), |stat| changed(&stat))
    }

    /// Looks at an entry of the directory.
    pub(super) fn look(&mut self, name: &[u8], path: &[u8]) -> io::Result<Seen> {
        let stat = self.stat(name)?;
        let has_more_names =
            stat.st_nlink > 1 && FileType::from_raw_mode(stat.st_mode) != FileType::Directory;
        let first = if has_more_names {
            self.links
                .entry(identity(&stat))
                .or_insert_with(|| path.to_vec())
                .clone()
        } else {
            path.to_vec()
        };
        let seen = Seen::new(&stat, path, first);
        let seen = if seen.is_link() {
            let target = rustix::fs::readlinkat(&self.directory, name, Vec::new())?;
            seen.with_target(target.into_bytes())
        } else {
            seen
        };
        Ok(seen.with_xattrs(self.xattrs(name)?))
    }

    fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        Ok(rustix::fs::statat(
            &self.directory,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Reads all extended attributes. The way by `/proc` is the only one to those of links and devices.
    fn xattrs(&self, name: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.directory, name, flags, Mode::empty())?;
        let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let list = match grown(|buffer| rustix::fs::listxattr(&path, spare_capacity(buffer))) {
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            list => list?,
        };
        let mut xattrs = Vec::new();
        for name in list
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
        {
            let value = grown(|buffer| rustix::fs::getxattr(&path, name, spare_capacity(buffer)))?;
            xattrs.push((name.to_vec(), value));
        }
        xattrs.sort_unstable();
        Ok(xattrs)
    }

    fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(
            &self.directory,
            name,
            flags,
            Mode::empty(),
        )?))
    }
}

/// Compares the bytes of two files.
pub(super) fn same_content(left: &Side, right: &Side, name: &[u8]) -> io::Result<bool> {
    let (mut left, mut right) = (left.open_file(name)?, right.open_file(name)?);
    let (mut a, mut b) = (
        Vec::with_capacity(PIECE_BYTES),
        Vec::with_capacity(PIECE_BYTES),
    );
    loop {
        a.clear();
        b.clear();
        (&mut left).take(PIECE_BYTES as u64).read_to_end(&mut a)?;
        (&mut right).take(PIECE_BYTES as u64).read_to_end(&mut b)?;
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn grown(mut read: impl FnMut(&mut Vec<u8>) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = Vec::with_capacity(256);
    match read(&mut buffer) {
        Err(Errno::RANGE) => {
            buffer.reserve(MAX_XATTR_BYTES);
            read(&mut buffer)?;
        }
        other => drop(other?),
    }
    Ok(buffer)
}

const PIECE_BYTES: usize = 256 << 10;

/// What Linux allows for a list of names and for a value.
const MAX_XATTR_BYTES: usize = 64 << 10;
