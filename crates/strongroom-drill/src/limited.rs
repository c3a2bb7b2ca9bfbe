//! A target that holds no more than it may.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom::Node;
use strongroom::target::{
    Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile,
};

/// Wraps a target: what would make its content larger than `max_bytes`, or leave less than `reserve_bytes` free on its disk, is
/// refused as a full disk would. The limit is on content; what a file system spends on names is not counted.
#[derive(Debug)]
pub struct LimitedTarget {
    inner: Arc<dyn Target>,
    budget: Arc<Budget>,
}

#[derive(Debug)]
struct Budget {
    max_bytes: u64,
    reserve_bytes: u64,
    folder: PathBuf,
    taken: AtomicU64,
}

impl LimitedTarget {
    /// Limits a target whose files are in `folder`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Target>,
        folder: impl Into<PathBuf>,
        max_bytes: u64,
        reserve_bytes: u64,
    ) -> Self {
        let budget = Arc::new(Budget {
            max_bytes,
            reserve_bytes,
            folder: folder.into(),
            taken: AtomicU64::new(0),
        });
        Self { inner, budget }
    }
}

impl Budget {
    fn take(&self, bytes: u64) -> Result<(), TargetError> {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        let after = before.saturating_add(bytes);
        if after > self.max_bytes {
            let what = format!("the sandbox may hold {} bytes", self.max_bytes);
            return Err(TargetError::no_space(what));
        }
        // The disk is asked once in a while; others write to it too.
        if before / LOOK_BYTES != after / LOOK_BYTES
            && let Ok(free) = free_bytes(&self.folder)
            && free < self.reserve_bytes
        {
            let what = format!(
                "less than {} bytes are left on the disk",
                self.reserve_bytes
            );
            return Err(TargetError::no_space(what));
        }
        Ok(())
    }
}

impl Target for LimitedTarget {
    fn create_directory(&self, path: &[u8], node: &Node) -> Result<Made, TargetError> {
        self.inner.create_directory(path, node)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let bytes: u64 = files.iter().map(|file| file.content.len() as u64).sum();
        match self.budget.take(bytes) {
            Ok(()) => self.inner.write_files(files),
            Err(error) => files.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn open_file(
        &self,
        path: &[u8],
        node: &Node,
        fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        let inner = self.inner.open_file(path, node, fresh)?;
        let budget = Arc::clone(&self.budget);
        Ok(Box::new(LimitedFile { inner, budget }))
    }

    fn existing_file(&self, path: &[u8], node: &Node) -> Result<Option<ExistingFile>, TargetError> {
        self.inner.existing_file(path, node)
    }

    fn create_other(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.inner.create_other(path, node)
    }

    fn link(&self, path: &[u8], first: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        self.inner.link(path, first)
    }

    fn finish_directory(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.inner.finish_directory(path, node)
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        self.inner.names(path)
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.inner.remove(path)
    }
}

struct LimitedFile {
    inner: Box<dyn TargetFile>,
    budget: Arc<Budget>,
}

impl fmt::Debug for LimitedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl TargetFile for LimitedFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), TargetError> {
        self.budget.take(data.len() as u64)?;
        self.inner.write_at(offset, data)
    }

    fn write_zeros(&self, offset: u64, len: u64) -> Result<(), TargetError> {
        self.inner.write_zeros(offset, len)
    }

    fn finish(&self, node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.inner.finish(node)
    }
}

/// Returns how much an ordinary user can still write to the disk of a path.
pub(crate) fn free_bytes(path: &std::path::Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// After how many bytes the disk is asked again.
const LOOK_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use strongroom::{DirectoryTarget, DirectoryTargetOptions};

    use super::*;

    fn limited(folder: &std::path::Path, max: u64, reserve: u64) -> LimitedTarget {
        let inner = DirectoryTarget::create(folder, DirectoryTargetOptions::new()).unwrap();
        LimitedTarget::new(Arc::new(inner), folder, max, reserve)
    }

    fn write(target: &LimitedTarget, len: usize) -> Result<Vec<Deviation>, TargetError> {
        let node = Node {
            name: b"a".to_vec(),
            mode: 0o600,
            size: len as u64,
            ..Node::default()
        };
        let content = vec![7; len];
        let file = SmallFile {
            path: b"a",
            node: &node,
            content: &content,
            fresh: true,
        };
        target.write_files(&[file]).remove(0)
    }

    #[test]
    fn the_byte_after_the_last_that_fits_is_refused_like_a_full_disk() {
        let folder = tempfile::tempdir().unwrap();
        let target = limited(folder.path(), 10, 0);
        assert!(write(&target, 10).is_ok());
        assert!(write(&target, 1).unwrap_err().is_no_space());
        let node = Node::default();
        let large = target.open_file(b"b", &node, true).unwrap();
        assert!(large.write_at(0, b"x").unwrap_err().is_no_space());
    }

    #[test]
    fn a_disk_that_fills_up_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let target = limited(folder.path(), u64::MAX, u64::MAX);
        target.budget.taken.store(LOOK_BYTES - 1, Ordering::Relaxed);
        assert!(write(&target, 2).unwrap_err().is_no_space());
    }
}
