//! Files on their way to become objects, and what dead writers left of theirs.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use rustix::fs::{self, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::direct;
use super::root::{FOLDER, FOLDER_MODE, OBJECT, Root, sync};

/// A file in the store's temporary folder, removed when dropped. Its name cannot be a key.
#[derive(Debug)]
pub(super) struct TempFile {
    folder: OwnedFd,
    name: String,
    file: OwnedFd,
    moved: bool,
}

/// Where writers work. No key segment starts with a dot.
const FOLDER_NAME: &str = ".tmp";

/// Objects do not change, and a mode that says so stops many an accident.
const FILE_MODE: Mode = Mode::RUSR;

/// A leftover is looked at when it is this old, in seconds, by the file system's own clock.
const OLD_SECONDS: i64 = 3_600;

/// Where files cannot be locked, a leftover is taken for dead after this, in seconds.
const DEAD_SECONDS: i64 = 7 * 24 * 3_600;

/// How many leftovers are looked at, so that a first `put` does not take minutes.
const SWEPT_MAX: usize = 1_000;

impl TempFile {
    /// Creates an empty file. It is locked, which tells others that its writer lives.
    pub(super) fn create(root: &Root) -> Result<Self, Errno> {
        let folder = open_folder(root)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let name = root.temp_name();
            match retry_on_intr(|| fs::openat(&folder, &name, flags, FILE_MODE)) {
                // Names are random, so this is a collision and the next one is free.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
                Ok(file) => {
                    // Not every file system can lock. Then age alone speaks for the writer.
                    let _ = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
                    let temp = Self {
                        folder,
                        name,
                        file,
                        moved: false,
                    };
                    if !root.swept.swap(true, Ordering::Relaxed) {
                        temp.sweep();
                    }
                    return Ok(temp);
                }
            }
        }
    }

    /// Writes all the bytes and makes them durable. After this, closing has nothing left to report.
    pub(super) fn fill(&self, data: &[u8]) -> Result<(), Errno> {
        write_all(&self.file, data)?;
        sync(&self.file)
    }

    /// As [`Self::fill`], past the page cache where the object is large and the file system can.
    pub(super) fn fill_directly(&self, data: &[u8]) -> Result<(), Errno> {
        if data.len() < direct::FROM_BYTES {
            return self.fill(data);
        }
        let written = direct::write_blocks(&self.file, data)?;
        self.fill(data.get(written..).unwrap_or_default())
    }

    /// Gives the file its name; fails with `EXIST` if the name is taken.
    pub(super) fn link_new(&mut self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        match fs::linkat(&self.folder, &self.name, folder, name, AtFlags::empty()) {
            // A file server that repeats a request it has already served finds its own link.
            Err(Errno::EXIST) if self.is_linked() => Ok(()),
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
                self.rename_new(folder, name)
            }
            result => result,
        }
    }

    /// Gives the file its name, in place of what had it.
    pub(super) fn replace(&mut self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        fs::renameat(&self.folder, &self.name, folder, name)?;
        self.moved = true;
        Ok(())
    }

    /// As [`Self::link_new`], where a file cannot have two names.
    fn rename_new(&mut self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            use rustix::fs::RenameFlags;
            match fs::renameat_with(
                &self.folder,
                &self.name,
                folder,
                name,
                RenameFlags::NOREPLACE,
            ) {
                Ok(()) => {
                    self.moved = true;
                    Ok(())
                }
                // It can do neither, and to look first and rename then would not be atomic.
                Err(Errno::INVAL) => Err(Errno::OPNOTSUPP),
                Err(errno) => Err(errno),
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        {
            let _unused = (folder, name);
            Err(Errno::OPNOTSUPP)
        }
    }

    fn is_linked(&self) -> bool {
        fs::fstat(&self.file).is_ok_and(|stat| stat.st_nlink > 1)
    }

    /// Removes what dead writers left behind. What cannot be judged stays.
    fn sweep(&self) {
        let (Ok(dir), Ok(this)) = (Dir::read_from(&self.folder), fs::fstat(&self.file)) else {
            return;
        };
        for entry in dir.flatten().take(SWEPT_MAX) {
            let name = entry.file_name();
            let Ok(stat) = fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let age_seconds = this.st_mtime.saturating_sub(stat.st_mtime);
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile
                || age_seconds < OLD_SECONDS
            {
                continue;
            }
            let Ok(leftover) = fs::openat(&self.folder, name, OBJECT, Mode::empty()) else {
                continue;
            };
            let dead = match fs::flock(&leftover, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => true,
                Err(Errno::WOULDBLOCK) => false,
                Err(_) => age_seconds >= DEAD_SECONDS,
            };
            if dead {
                // At worst it stays for the next store that is opened.
                let _ = fs::unlinkat(&self.folder, name, AtFlags::empty());
            }
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.moved {
            // What cannot be removed now is swept later, and no list shows it.
            let _ = fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

fn open_folder(root: &Root) -> Result<OwnedFd, Errno> {
    match root.open_beneath(FOLDER_NAME, FOLDER) {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    match fs::mkdirat(&root.fd, FOLDER_NAME, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => root.open_beneath(FOLDER_NAME, FOLDER),
        Err(errno) => Err(errno),
    }
}

pub(super) fn write_all(file: &OwnedFd, mut data: &[u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        let written = retry_on_intr(|| rustix::io::write(file, data))?;
        // No progress and no error would otherwise be a loop without end.
        data = data
            .get(written..)
            .filter(|_| written > 0)
            .ok_or(Errno::IO)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::dir::errno::kind_of;
    use crate::error::ErrorKind;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_said_by_the_write() {
        let full = fs::open("/dev/full", OFlags::WRONLY, Mode::empty()).expect("Linux has it");
        let errno = write_all(&full, b"bytes").expect_err("it is full");
        assert_eq!(kind_of(errno), ErrorKind::NoSpace);
    }

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = Root::open(scratch.path()).expect("it exists");
        TempFile::create(&root)
            .expect("a file")
            .fill(b"half")
            .expect("it is written");
        let left = std::fs::read_dir(scratch.path().join(FOLDER_NAME))
            .expect("a folder")
            .count();
        assert_eq!(left, 0);
    }

    #[test]
    fn where_links_are_missing_an_exclusive_rename_serves() {
        let scratch = tempfile::tempdir().expect("a directory");
        let root = Root::open(scratch.path()).expect("it exists");
        let folder = root.ensure_folder("").expect("the root");
        let mut first = TempFile::create(&root).expect("a file");
        first.fill(b"first").expect("it is written");
        first.rename_new(&folder, "one").expect("the name is free");
        let mut second = TempFile::create(&root).expect("a file");
        assert_eq!(second.rename_new(&folder, "one"), Err(Errno::EXIST));
        assert_eq!(second.link_new(&folder, "one"), Err(Errno::EXIST));
        drop((first, second));
        assert_eq!(
            std::fs::read(scratch.path().join("one")).expect("it is there"),
            b"first"
        );
    }

    #[test]
    fn only_old_files_of_dead_writers_are_swept() {
        let scratch = tempfile::tempdir().expect("a directory");
        let temp = scratch.path().join(FOLDER_NAME);
        std::fs::create_dir(&temp).expect("a folder");
        let two_hours_ago = SystemTime::now() - Duration::from_secs(7_200);
        let leave = |name: &str| {
            let file = std::fs::File::create(temp.join(name)).expect("a leftover");
            file.set_modified(two_hours_ago).expect("its age");
            file
        };
        drop(leave("dead"));
        let alive = leave("alive");
        alive.try_lock().expect("nobody else has it");
        std::fs::write(temp.join("young"), "").expect("a leftover");

        let root = Root::open(scratch.path()).expect("it exists");
        drop(TempFile::create(&root).expect("a file"));
        let mut left: Vec<_> = std::fs::read_dir(&temp)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["alive", "young"]);
    }
}
