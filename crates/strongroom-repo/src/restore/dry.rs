//! A target that is looked at and not touched.

use std::sync::Arc;

use strongroom_format::Node;

use crate::target::{Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile};

/// Answers as the target below it would if all went well, and changes nothing. Without one it is empty.
#[derive(Debug)]
pub(super) struct DryTarget(pub(super) Option<Arc<dyn Target>>);

impl Target for DryTarget {
    fn create_directory(&self, path: &[u8], _node: &Node) -> Result<Made, TargetError> {
        let below = self.0.as_ref().map(|target| target.names(path));
        Ok(match below {
            Some(Ok(_)) => Made::Existed,
            Some(Err(_)) | None => Made::Created,
        })
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        files.iter().map(|_| Ok(Vec::new())).collect()
    }

    fn open_file(
        &self,
        _path: &[u8],
        _node: &Node,
        _fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        Ok(Box::new(DryFile))
    }

    fn existing_file(&self, path: &[u8], node: &Node) -> Result<Option<ExistingFile>, TargetError> {
        match &self.0 {
            Some(target) => target.existing_file(path, node),
            None => Ok(None),
        }
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

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        match &self.0 {
            Some(target) => target.names(path),
            None => Ok(Vec::new()),
        }
    }

    fn remove(&self, _path: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }
}

#[derive(Debug)]
struct DryFile;

impl TargetFile for DryFile {
    fn write_at(&self, _offset: u64, _data: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }

    fn write_zeros(&self, _offset: u64, _len: u64) -> Result<(), TargetError> {
        Ok(())
    }

    fn finish(&self, _node: &Node) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }
}
