//! Trees that are in the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::bail;

use crate::measure::pause;

/// Keeps large trees aside while something is measured.
///
/// ext4 does not give an inode away for up to a minute after it was freed, and longer until that is written out; creating files searches past all that are waiting, so
/// whoever is measured right after a large removal pays for it. Trees are therefore moved, and removed when the disk gets full or
/// in the end; then it is waited until the file system has forgotten.
#[derive(Debug)]
pub(crate) struct Trash {
    folder: PathBuf,
    count: u64,
    reserve: u64,
    settle: Duration,
}

/// So few inodes are removed at once.
const FEW: u64 = 2_000;

impl Trash {
    /// Makes one that keeps so many bytes of the disk free.
    pub(crate) fn new(work: &Path, reserve: u64, settle: Duration) -> Self {
        Self {
            folder: work.join(".trash"),
            count: 0,
            reserve,
            settle,
        }
    }

    /// Puts a tree away.
    pub(crate) fn take(&mut self, path: &Path) -> anyhow::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        if crate::size::size(path).entries <= FEW {
            return remove(path);
        }
        fs::create_dir_all(&self.folder)?;
        self.count += 1;
        let name = format!("{}-{}", std::process::id(), self.count);
        Ok(fs::rename(path, self.folder.join(name))?)
    }

    /// Empties it if the disk is getting full.
    pub(crate) fn make_room(&self) -> anyhow::Result<()> {
        let above = self.folder.parent().unwrap_or(&self.folder);
        let disk = rustix::fs::statvfs(above)?;
        if disk.f_bavail * disk.f_frsize < self.reserve {
            self.empty(true)?;
        }
        Ok(())
    }

    /// Empties it; waits if something else is measured afterwards.
    pub(crate) fn empty(&self, is_waiting: bool) -> anyhow::Result<()> {
        if self.folder.exists() {
            remove(&self.folder)?;
            rustix::fs::sync();
            if is_waiting {
                pause(self.settle);
            }
        }
        Ok(())
    }
}

/// Removes a tree, but nothing that is mounted into it.
fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = Command::new("rm")
        .args(["-rf", "--one-file-system"])
        .arg(path)
        .status()?;
    if !removed.success() {
        bail!("{} could not be removed", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_trees_go_at_once_and_large_ones_wait() {
        let folder = tempfile::tempdir().unwrap();
        let mut trash = Trash::new(folder.path(), 0, Duration::ZERO);
        for (name, files) in [("small", 3), ("large", FEW + 1)] {
            let tree = folder.path().join(name);
            fs::create_dir(&tree).unwrap();
            for n in 0..files {
                fs::File::create(tree.join(n.to_string())).unwrap();
            }
            trash.take(&tree).unwrap();
            assert!(!tree.exists());
            assert_eq!(trash.folder.exists(), name == "large");
        }
        trash.make_room().unwrap();
        assert!(trash.folder.exists());
        trash.empty(true).unwrap();
        assert!(!trash.folder.exists());
    }
}
