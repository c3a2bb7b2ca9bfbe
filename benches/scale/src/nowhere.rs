//! A target that keeps nothing, so that a restore of any size needs no room.

use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_format::Node;
use strongroom_repo::{Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile};

/// Counts the files that it is given.
#[derive(Debug, Default)]
pub(crate) struct Nowhere {
    files: AtomicU64,
}

impl Nowhere {
    /// Returns how many files it was given.
    pub(crate) fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }
}

impl Target for Nowhere {
    fn create_directory(&self, _path: &[u8], _node: &Node) -> Result<Made, TargetError> {
        Ok(Made::Created)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        self.files.fetch_add(files.len() as u64, Ordering::Relaxed);
        files.iter().map(|_| Ok(Vec::new())).collect()
    }

    fn open_file(
        &self,
        _path: &[u8],
        _node: &Node,
        _fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        Err(TargetError::new("no file is large"))
    }

    fn existing_file(
        &self,
        _path: &[u8],
        _node: &Node,
    ) -> Result<Option<ExistingFile>, TargetError> {
        Ok(None)
    }

    fn create_other(&self, _path: &[u8], _node: &Node) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }

    fn link(&self, _path: &[u8], _first: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }

    fn finish_directory(&self, _path: &[u8], _node: &Node) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }

    fn names(&self, _path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(Vec::new())
    }

    fn remove(&self, _path: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }
}
