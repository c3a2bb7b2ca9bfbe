//! Extended attributes, ACLs and capabilities among them, as raw bytes.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use crate::calls;

/// Names and values.
pub(crate) type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// Linux bounds a list of names and a value at 64 KiB each.
const MAX_XATTR_BYTES: usize = 64 << 10;

/// How the attributes of a file are reached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access<'a> {
    /// Through a descriptor opened for reading or writing.
    File(BorrowedFd<'a>),
    /// Through a descriptor opened with `O_PATH`, by way of `/proc`: the only way to those of links and devices.
    Handle(BorrowedFd<'a>),
}

/// Reads names and values of attributes; keeps its buffers from file to file.
#[derive(Debug)]
pub(crate) struct XattrReader {
    list: Vec<u8>,
    value: Vec<u8>,
}

impl XattrReader {
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::with_capacity(4 << 10),
            value: Vec::with_capacity(4 << 10),
        }
    }

    /// Reads all attributes, sorted by name. The flag is false when some could not be read.
    pub(crate) fn read(&mut self, file: Access<'_>) -> (Xattrs, bool) {
        match self.list(file) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP) => return (Xattrs::new(), true),
            Err(_) => return (Xattrs::new(), false),
        }
        let mut found = Xattrs::new();
        let mut complete = true;
        for name in self
            .list
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
        {
            match value(file, name, &mut self.value) {
                Ok(()) => found.push((name.to_vec(), self.value.clone())),
                // Removed since it was listed.
                Err(Errno::NODATA) => {}
                Err(_) => complete = false,
            }
        }
        found.sort_unstable();
        (found, complete)
    }

    /// Reads the names alone, sorted; none where attributes are not supported.
    pub(crate) fn names(&mut self, file: Access<'_>) -> Result<Vec<Vec<u8>>, Errno> {
        match self.list(file) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
        let names = self
            .list
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty());
        let mut names: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn list(&mut self, file: Access<'_>) -> Result<(), Errno> {
        calls::note("listxattr");
        retry_larger(&mut self.list, |list| match file {
            Access::File(fd) => rustix::fs::flistxattr(fd, spare_capacity(list)),
            Access::Handle(fd) => rustix::fs::listxattr(proc_path(fd), spare_capacity(list)),
        })
    }
}

/// Sets one attribute.
pub(crate) fn set(file: Access<'_>, name: &[u8], value: &[u8]) -> Result<(), Errno> {
    let flags = rustix::fs::XattrFlags::empty();
    match file {
        Access::File(fd) => rustix::fs::fsetxattr(fd, name, value, flags),
        Access::Handle(fd) => rustix::fs::setxattr(proc_path(fd), name, value, flags),
    }
}

/// Removes one attribute; it is well if it is not there.
pub(crate) fn remove(file: Access<'_>, name: &[u8]) -> Result<(), Errno> {
    let removed = match file {
        Access::File(fd) => rustix::fs::fremovexattr(fd, name),
        Access::Handle(fd) => rustix::fs::removexattr(proc_path(fd), name),
    };
    match removed {
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
        other => other,
    }
}

/// The path by which a descriptor's own file is reached, also when it is a symbolic link.
pub(crate) fn proc_path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn value(file: Access<'_>, name: &[u8], into: &mut Vec<u8>) -> Result<(), Errno> {
    calls::note("getxattr");
    retry_larger(into, |into| match file {
        Access::File(fd) => rustix::fs::fgetxattr(fd, name, spare_capacity(into)),
        Access::Handle(fd) => rustix::fs::getxattr(proc_path(fd), name, spare_capacity(into)),
    })
}

fn retry_larger(
    buffer: &mut Vec<u8>,
    mut read: impl FnMut(&mut Vec<u8>) -> Result<usize, Errno>,
) -> Result<(), Errno> {
    buffer.clear();
    match read(buffer) {
        Err(Errno::RANGE) if buffer.capacity() < MAX_XATTR_BYTES => {
            buffer.reserve(MAX_XATTR_BYTES);
            read(buffer).map(drop)
        }
        other => other.map(drop),
    }
}
