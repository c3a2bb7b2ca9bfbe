//! The store's root directory, and how paths below it are opened without leaving it.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::buffers::Buffers;
use super::errno::{failure, plain_failure};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;

/// An open root. Everything below is opened relative to it and never through a symbolic link.
pub(super) struct Root {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
    /// Which directory it is: device and inode.
    identity: Stat,
    /// Folders whose own entry this store has made durable.
    durable_folders: Mutex<HashSet<String>>,
    /// Whether leftovers of dead writers have been looked for.
    pub(super) swept: AtomicBool,
    /// For what is read.
    pub(super) buffers: Buffers,
    temp_seed: u64,
    temp_count: AtomicU64,
}

/// How directories are opened: to be searched, listed and synced.
pub(super) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How objects are opened. Without `NONBLOCK` a pipe in the place of an object would hang.
pub(super) const OBJECT: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Directories are the owner's alone: what they hold may be plaintext, and names say much.
pub(super) const FOLDER_MODE: Mode = Mode::RWXU;

impl Root {
    /// Opens an existing directory. Writes nothing.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path)
            .map_err(|error| Error::new(ErrorKind::Invalid, "open").with_source(error))?;
        let failed = |errno| plain_failure("open", errno);
        // A link at the root itself is the owner's choice; below it none is followed.
        let flags = FOLDER.difference(OFlags::NOFOLLOW);
        let fd = retry_on_intr(|| fs::open(&path, flags, Mode::empty())).map_err(failed)?;
        let stat = fs::fstat(&fd).map_err(failed)?;
        Ok(Self {
            identity: stat,
            fd,
            path,
            durable_folders: Mutex::default(),
            swept: AtomicBool::new(false),
            buffers: Buffers::default(),
            temp_seed: RandomState::new().build_hasher().finish(),
            temp_count: AtomicU64::new(0),
        })
    }

    /// Creates the directory and those above it where they are missing, durably.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let failed = |errno| plain_failure("create", errno);
        let mut missing = Vec::new();
        let path = std::path::absolute(path)
            .map_err(|error| Error::new(ErrorKind::Invalid, "create").with_source(error))?;
        let mut ancestor = Some(path.as_path());
        while let Some(folder) =
            ancestor.filter(|folder| matches!(fs::stat(*folder), Err(Errno::NOENT)))
        {
            missing.push(folder);
            ancestor = folder.parent();
        }
        for folder in missing.into_iter().rev() {
            match fs::mkdir(folder, FOLDER_MODE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
            if let Some(parent) = folder.parent() {
                let flags = FOLDER.difference(OFlags::NOFOLLOW);
                let parent = fs::open(parent, flags, Mode::empty()).map_err(failed)?;
                sync(&parent).map_err(failed)?;
            }
        }
        Self::open(&path)
    }

    /// Opens a path of key segments below the root.
    pub(super) fn open_beneath(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::fs::ResolveFlags;
            let resolve =
                ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match retry_on_intr(|| fs::openat2(&self.fd, path, flags, Mode::empty(), resolve)) {
                // An old kernel, a sandbox that refuses what it does not know, a rename that came
                // between, or a link where a folder should be, which a folder's flags turn into
                // "not a directory": the way by single steps answers each of these.
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::NOTDIR) => {}
                result => return result,
            }
        }
        self.open_by_steps(path, flags)
    }

    fn open_by_steps(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let (folders, name) = split(path);
        let mut folder: Option<OwnedFd> = None;
        for segment in folders.split('/').filter(|segment| !segment.is_empty()) {
            let next = open_step(folder.as_ref().unwrap_or(&self.fd), segment, FOLDER)?;
            folder = Some(next);
        }
        open_step(folder.as_ref().unwrap_or(&self.fd), name, flags)
    }

    /// Opens a folder to put objects in, creating it durably if it is missing.
    pub(super) fn ensure_folder(&self, path: &str) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return fs::openat(&self.fd, ".", FOLDER, Mode::empty());
        }
        if self.durable_folders().contains(path) {
            match self.open_beneath(path, FOLDER) {
                // Somebody removed it: make it again.
                Err(Errno::NOENT) => self.durable_folders().clear(),
                result => return result,
            }
        }
        let mut folder = self.ensure_folder("")?;
        let mut end = 0;
        for segment in path.split('/') {
            end += segment.len();
            match fs::mkdirat(&folder, segment, FOLDER_MODE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let next = open_step(&folder, segment, FOLDER)?;
            // Whoever made it may not have synced its entry yet, so being there is not enough.
            let upto_here = path.get(..end).unwrap_or(path);
            if !self.durable_folders().contains(upto_here) {
                sync(&folder)?;
                self.durable_folders().insert(upto_here.to_owned());
            }
            folder = next;
            end += 1;
        }
        Ok(folder)
    }

    /// Decides what a path that is not there means: the object is missing, or the whole root is.
    pub(super) fn missing(&self, operation: &'static str, key: &Key) -> Error {
        match self.check_present() {
            Ok(()) => Error::new(ErrorKind::NotFound, operation).with_key(key),
            Err(errno) => failure(operation, key, errno),
        }
    }

    /// Fails unless the root's path still leads to the directory that was opened.
    pub(super) fn check_present(&self) -> Result<(), Errno> {
        let stat = retry_on_intr(|| fs::stat(&self.path))?;
        if (stat.st_dev, stat.st_ino) == (self.identity.st_dev, self.identity.st_ino) {
            Ok(())
        } else {
            // Unmounted, or replaced.
            Err(Errno::STALE)
        }
    }

    /// Returns a name no other writer uses, in this process or another.
    pub(super) fn temp_name(&self) -> String {
        let count = self.temp_count.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}-{count}", self.temp_seed)
    }

    fn durable_folders(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.durable_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens one name in a directory; a link is `LOOP`, whichever code the system has for it.
fn open_step(folder: &OwnedFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    match retry_on_intr(|| fs::openat(folder, name, flags, Mode::empty())) {
        Err(Errno::NOTDIR) if is_link(folder, name) => Err(Errno::LOOP),
        result => result,
    }
}

fn is_link(folder: &OwnedFd, name: &str) -> bool {
    fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// Splits a path into its folders and its last name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Makes a file's bytes, or a directory's entries, survive the loss of power.
///
/// Never repeated after a failure: the system may have dropped the bytes and forgotten the error.
pub(super) fn sync(fd: &OwnedFd) -> Result<(), Errno> {
    #[cfg(target_vendor = "apple")]
    {
        // There, fsync leaves the bytes in the drive's cache.
        match fs::fcntl_fullfsync(fd) {
            Err(Errno::NOTSUP | Errno::INVAL) => {}
            result => return result,
        }
    }
    retry_on_intr(|| fs::fsync(fd))
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Root").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn both_ways_to_open_agree_and_follow_no_link() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path();
        std::fs::create_dir_all(path.join("pack/ab")).expect("folders");
        std::fs::write(path.join("pack/ab/one"), "1").expect("a file");
        symlink("ab", path.join("pack/link")).expect("a link to a folder");
        symlink("one", path.join("pack/ab/link")).expect("a link to a file");
        symlink("/", path.join("out")).expect("a link out");
        let root = Root::open(path).expect("it exists");

        let check = |path: &str, flags: OFlags, expected: Result<(), Errno>| {
            let quick = root.open_beneath(path, flags).map(drop);
            let by_steps = root.open_by_steps(path, flags).map(drop);
            assert_eq!(quick, expected, "{path}");
            assert_eq!(by_steps, expected, "{path} by steps");
        };
        check("pack/ab/one", OBJECT, Ok(()));
        check("pack/ab", FOLDER, Ok(()));
        check("pack/ab/two", OBJECT, Err(Errno::NOENT));
        check("none/ab/two", OBJECT, Err(Errno::NOENT));
        check("pack/ab/one/two", OBJECT, Err(Errno::NOTDIR));
        check("pack/link/one", OBJECT, Err(Errno::LOOP));
        check("pack/ab/link", OBJECT, Err(Errno::LOOP));
        check("pack/link", FOLDER, Err(Errno::LOOP));
        check("out/etc", FOLDER, Err(Errno::LOOP));
    }

    #[test]
    fn create_makes_what_is_missing_and_accepts_what_is_there() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("a/b/c");
        for _ in 0..2 {
            let root = Root::create(&path).expect("it can be created");
            root.check_present().expect("it is there");
        }
    }
}
