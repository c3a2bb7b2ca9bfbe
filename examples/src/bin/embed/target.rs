//! The application's state as a target: what is restored becomes its values.

use strongroom::Node;
use strongroom::target::{
    Deviation, ExistingFile, Made, SmallFile, Target, TargetError, TargetFile,
};

use super::State;

impl Target for State {
    fn create_directory(&self, _: &[u8], _: &Node) -> Result<Made, TargetError> {
        Ok(Made::Existed)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let mut values = self.values();
        let write = |file: &SmallFile<'_>| {
            values.insert(
                String::from_utf8_lossy(file.path).into_owned(),
                file.content.to_vec(),
            );
            Ok(Vec::new())
        };
        files.iter().map(write).collect()
    }

    fn finish_directory(&self, _: &[u8], _: &Node) -> Result<Vec<Deviation>, TargetError> {
        Ok(Vec::new())
    }

    fn existing_file(&self, _: &[u8], _: &Node) -> Result<Option<ExistingFile>, TargetError> {
        Ok(None)
    }

    fn open_file(&self, _: &[u8], _: &Node, _: bool) -> Result<Box<dyn TargetFile>, TargetError> {
        Err(TargetError::new("values are small"))
    }

    fn create_other(&self, _: &[u8], _: &Node) -> Result<Vec<Deviation>, TargetError> {
        Err(TargetError::new("there are only values"))
    }

    fn link(&self, _: &[u8], _: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        Err(TargetError::new("values have one name"))
    }

    fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(self
            .values()
            .keys()
            .map(|name| name.as_bytes().to_vec())
            .collect())
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.values().remove(&*String::from_utf8_lossy(path));
        Ok(())
    }
}
