//! The system calls behind each operation on one object.

use std::os::fd::OwnedFd;

use bytes::Bytes;
use rustix::fs::{self, AtFlags, FileType};
use rustix::io::{Errno, retry_on_intr};

use super::errno::failure;
use super::root::{FOLDER, OBJECT, Root, split, sync};
use super::temp::TempFile;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::options::{GetOptions, ObjectMeta, PutMode};
use crate::store::{check_len, check_range};

/// Stores an object: write beside, sync, link into place, sync the folder. In that order, so that
/// at any moment, and after a loss of power at any moment, a name leads to whole bytes.
pub(super) fn put(
    root: &Root,
    key: &Key,
    data: &[u8],
    (mode, cached): (PutMode, bool),
) -> Result<()> {
    check_len("put", key, data.len() as u64)?;
    let failed = |errno| failure("put", key, errno);
    let (folders, name) = split(key.as_str());

    let mut temp = TempFile::create(root).map_err(failed)?;
    let filled = match cached {
        true => temp.fill(data),
        false => temp.fill_directly(data),
    };
    filled.map_err(failed)?;
    let folder = root.ensure_folder(folders).map_err(|errno| match errno {
        Errno::NOTDIR => invalid(key, "a folder of the key is an object"),
        errno => failed(errno),
    })?;
    let placed = match mode {
        PutMode::Create => temp.link_new(&folder, name),
        PutMode::Overwrite => temp.replace(&folder, name),
    };
    match placed {
        Ok(()) => sync(&folder).map_err(failed),
        Err(Errno::EXIST | Errno::ISDIR) if is_folder(&folder, name) => {
            Err(invalid(key, "the key is a folder of others"))
        }
        Err(Errno::EXIST) => {
            // The loser of a race goes on from what the winner wrote, so that must be durable
            // before the loser is told, even if the winner has not come so far.
            sync(&folder).map_err(failed)?;
            Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key))
        }
        Err(errno) => Err(failed(errno)),
    }
}

/// Reads an object, or a range of it.
pub(super) fn get(root: &Root, key: &Key, options: &GetOptions) -> Result<Bytes> {
    let (file, len) = open(root, "get", key)?;
    let range = check_range(key, len, options)?;
    let wanted = range.end - range.start;
    check_len("get", key, len)?;
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);

    let read = |data: &mut [u8]| read_at(&file, data, range.start, key, len);
    root.buffers.fill(wanted, read).map_err(|error| {
        error.unwrap_or_else(|| {
            Error::new(ErrorKind::Unavailable, "get")
                .with_key(key)
                .with_source("there is no memory for it")
        })
    })
}

/// Fills `data` with what is at `offset`; `len` is how long the file was when it was opened.
fn read_at(file: &OwnedFd, data: &mut [u8], offset: u64, key: &Key, len: u64) -> Result<()> {
    let (mut at, mut rest) = (offset, data);
    while !rest.is_empty() {
        let read = retry_on_intr(|| rustix::io::pread(file, &mut *rest, at))
            .map_err(|errno| failure("get", key, errno))?;
        if read == 0 {
            let shrunk = format!("the file ended at {at} of {len} bytes");
            return Err(Error::new(ErrorKind::Other, "get")
                .with_key(key)
                .with_source(shrunk));
        }
        at += read as u64;
        rest = rest.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

/// Looks at an object without reading it.
pub(super) fn head(root: &Root, key: &Key) -> Result<ObjectMeta> {
    let (_, len) = open(root, "head", key)?;
    Ok(ObjectMeta::new(key.clone(), len))
}

/// Removes an object, durably: one that was deleted for a reason does not come back.
pub(super) fn delete(root: &Root, key: &Key) -> Result<()> {
    let failed = |errno| failure("delete", key, errno);
    let (folders, name) = split(key.as_str());
    let gone = || root.check_present().map_err(failed);
    let folder = if folders.is_empty() {
        root.ensure_folder("").map_err(failed)?
    } else {
        match root.open_beneath(folders, FOLDER) {
            Err(Errno::NOENT | Errno::NOTDIR) => return gone(),
            result => result.map_err(failed)?,
        }
    };
    match fs::unlinkat(&folder, name, AtFlags::empty()) {
        Ok(()) => sync(&folder).map_err(failed),
        Err(Errno::NOENT) => gone(),
        // No object has the name of a folder.
        Err(Errno::ISDIR | Errno::PERM) if is_folder(&folder, name) => Ok(()),
        Err(errno) => Err(failed(errno)),
    }
}

/// Opens an object's file and returns its length.
fn open(root: &Root, operation: &'static str, key: &Key) -> Result<(OwnedFd, u64)> {
    let failed = |errno| failure(operation, key, errno);
    let file = match root.open_beneath(key.as_str(), OBJECT) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(root.missing(operation, key)),
        result => result.map_err(failed)?,
    };
    let stat = fs::fstat(&file).map_err(failed)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, u64::try_from(stat.st_size).unwrap_or(0))),
        FileType::Directory => Err(root.missing(operation, key)),
        _ => Err(Error::new(ErrorKind::Other, operation)
            .with_key(key)
            .with_source("neither a file nor a folder")),
    }
}

fn is_folder(folder: &OwnedFd, name: &str) -> bool {
    fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

fn invalid(key: &Key, why: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, "put")
        .with_key(key)
        .with_source(why)
}
