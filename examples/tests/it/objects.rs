//! The objects of a repository in a directory, looked at and damaged from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::compare::paths;

/// Returns the keys and sizes of all objects.
pub(crate) fn objects(repository: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for path in paths(repository) {
        // A file on its way to become an object may be gone by now.
        let info = repository.join(&path).symlink_metadata();
        if let Some(info) = info.ok().filter(fs::Metadata::is_file) {
            found.insert(path.to_str().unwrap().to_owned(), info.len());
        }
    }
    found
}

/// The first part of a key.
pub(crate) fn kind(key: &str) -> &str {
    key.split(['/', '.']).next().unwrap_or(key)
}

/// Bytes of all objects of a kind.
pub(crate) fn bytes_of(objects: &BTreeMap<String, u64>, of: &str) -> u64 {
    objects
        .iter()
        .filter(|(key, _)| kind(key) == of)
        .map(|(_, len)| len)
        .sum()
}

/// Puts other bytes, or nothing, where an object was. The store's files may be read-only.
pub(crate) fn replace(repository: &Path, key: &str, bytes: Option<&[u8]>) {
    let path = repository.join(key);
    if path.exists() {
        fs::remove_file(&path).unwrap();
    }
    if let Some(bytes) = bytes {
        fs::write(path, bytes).unwrap();
    }
}
