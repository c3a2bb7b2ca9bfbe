//! How large a tree is, and reading all of it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) allocated: u64,
    /// Of any kind, but for the root.
    pub(crate) entries: u64,
}

/// Adds up a tree, as far as it can be read.
pub(crate) fn size(root: &Path) -> Size {
    let mut size = Size::default();
    each(root, |path| {
        let Ok(seen) = fs::symlink_metadata(path) else {
            return;
        };
        size.entries += 1;
        if seen.is_file() {
            size.files += 1;
            size.bytes += seen.len();
            size.allocated += seen.blocks() * 512;
        }
    });
    size
}

/// Reads every file once, so that the page cache has it.
pub(crate) fn warm(root: &Path) {
    each(root, |path| {
        if fs::symlink_metadata(path).is_ok_and(|seen| seen.is_file())
            && let Ok(mut file) = File::open(path)
        {
            // Only a cache is filled; whoever needs the file will say what is wrong with it.
            drop(io::copy(&mut file, &mut io::sink()));
        }
    });
}

fn each(root: &Path, mut see: impl FnMut(&Path)) {
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path.clone());
            }
            see(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_added_up() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), [0; 10]).unwrap();
        fs::write(folder.path().join("c"), [0; 1]).unwrap();
        std::os::unix::fs::symlink("c", folder.path().join("d")).unwrap();
        let size = size(folder.path());
        assert_eq!((size.entries, size.files, size.bytes), (4, 2, 11));
        warm(folder.path());
    }
}
