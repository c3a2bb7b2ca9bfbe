//! Where snapshots are restored: a map from paths to content.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_format::Node;
use strongroom_repo::{Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile};

use super::tree::Flat;

/// A target that is a map. It is filled once.
#[derive(Debug, Clone, Default)]
pub(crate) struct MapTarget {
    flat: Arc<Mutex<Flat>>,
}

impl MapTarget {
    /// Returns what was restored.
    pub(crate) fn take(&self) -> Flat {
        std::mem::take(&mut self.flat())
    }

    fn flat(&self) -> MutexGuard<'_, Flat> {
        self.flat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target for MapTarget {
    fn create_directory(&self, path: &[u8], _node: &Node) -> Result<Made, TargetError> {
        self.flat().insert(path.to_vec(), None);
        Ok(Made::Created)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let mut flat = self.flat();
        let write = |file: &SmallFile<'_>| {
            flat.insert(file.path.to_vec(), Some(file.content.to_vec()));
            Ok(Vec::new())
        };
        files.iter().map(write).collect()
    }

    fn open_file(
        &self,
        path: &[u8],
        node: &Node,
        _fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        let len = usize::try_from(node.size).map_err(|_| TargetError::new("too large"))?;
        let file = MapFile {
            target: self.clone(),
            path: path.to_vec(),
            content: Mutex::new(vec![0xdd; len]),
        };
        Ok(Box::new(file))
    }

    fn existing_file(&self, _: &[u8], _: &Node) -> Result<Option<ExistingFile>, TargetError> {
        Ok(None)
    }

    fn create_other(&self, path: &[u8], _node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.flat().insert(path.to_vec(), None);
        Ok(Vec::new())
    }

    fn link(&self, _path: &[u8], _first: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        Err(TargetError::new("there are no links in these trees"))
    }

    fn finish_directory(&self, _: &[u8], _: &Node) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }

    fn names(&self, _path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(Vec::new())
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.flat().remove(path);
        Ok(())
    }
}

#[derive(Debug)]
struct MapFile {
    target: MapTarget,
    path: Vec<u8>,
    content: Mutex<Vec<u8>>,
}

impl MapFile {
    fn write(
        &self,
        offset: u64,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), TargetError> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = from
            .checked_add(len)
            .and_then(|to| content.get_mut(from..to));
        part.map(write)
            .ok_or_else(|| TargetError::new("beyond the end of the file"))
    }
}

impl TargetFile for MapFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), TargetError> {
        self.write(offset, data.len(), |part| part.copy_from_slice(data))
    }

    fn write_zeros(&self, offset: u64, len: u64) -> Result<(), TargetError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.write(offset, len, |part| part.fill(0))
    }

    fn finish(&self, _node: &Node) -> Result<Vec<Deviation>, TargetError> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        self.target
            .flat()
            .insert(self.path.clone(), Some(content.clone()));
        Ok(Vec::new())
    }
}
