//! Work of about a frame's size, whatever the sizes of files.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::walk::{File, Folder, Tree};

/// How much is compressed together.
pub(crate) const FRAME: usize = 2 << 20;

/// Files that are read and stored together, or one that is larger than that.
#[derive(Debug)]
pub(crate) struct Batch<'t> {
    /// Neighbours, in the order of the walk.
    pub(crate) files: Vec<(&'t Folder, &'t File)>,
    pub(crate) len: u64,
}

/// Puts neighbours together until they fill a frame.
pub(crate) fn batches(tree: &Tree) -> Vec<Batch<'_>> {
    let most = FRAME as u64;
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let mut open: Option<usize> = None;
    let files = |folder: &'_ Folder| folder.files.len();
    let total: usize = tree.folders.iter().map(files).sum();
    batches.reserve(total / 8);
    for folder in &tree.folders {
        for file in &folder.files {
            let fits = |batch: &Batch<'_>| batch.len + file.len <= most;
            match open
                .and_then(|at| batches.get_mut(at))
                .filter(|batch| fits(batch))
            {
                Some(batch) => {
                    batch.files.push((folder, file));
                    batch.len += file.len;
                }
                None => {
                    let files = vec![(folder, file)];
                    batches.push(Batch {
                        files,
                        len: file.len,
                    });
                    // A large file is alone, and does not end the batch that is open.
                    if file.len <= most {
                        open = Some(batches.len() - 1);
                    }
                }
            }
        }
    }
    // The largest first, so that no core has one left when the others are done.
    batches.sort_by_key(|batch| std::cmp::Reverse(batch.len.max(most)));
    batches
}

/// Opens files by folder, so that each costs an open, a read and a close.
#[derive(Debug, Default)]
pub(crate) struct Opener<'t> {
    folder: Option<(&'t Folder, OwnedFd)>,
}

impl<'t> Opener<'t> {
    /// Opens a file for reading.
    pub(crate) fn open(&mut self, folder: &'t Folder, file: &File) -> rustix::io::Result<fs::File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let above = match self.folder.take() {
            Some((same, above)) if std::ptr::eq(same, folder) => above,
            _ => openat(CWD, &folder.path, flags | OFlags::DIRECTORY, Mode::empty())?,
        };
        let opened = openat(&above, file.name.as_c_str(), flags, Mode::empty());
        self.folder = Some((folder, above));
        Ok(opened?.into())
    }

    /// Appends a small file; one read suffices if it is as long as it was seen to be.
    pub(crate) fn append(
        &mut self,
        folder: &'t Folder,
        file: &File,
        out: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        let opened = self.open(folder, file)?;
        let want = usize::try_from(file.len).unwrap_or(0);
        fill(&opened, want, out)?;
        Ok(())
    }
}

/// Appends up to so many bytes of a file, with one read if it is as long as it was said to be; returns how many there were.
pub(crate) fn fill(file: &fs::File, want: usize, out: &mut Vec<u8>) -> rustix::io::Result<usize> {
    out.reserve(want);
    let mut have = 0;
    while have < want {
        match rustix::io::read(file, rustix::buffer::spare_capacity(out))? {
            0 => break,
            read => have += read,
        }
    }
    Ok(have)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_together_and_large_files_alone() {
        let file = |len| File {
            name: c"a".to_owned(),
            len,
        };
        let files = vec![
            file(1_000_000),
            file(5_000_000),
            file(1_000_000),
            file(500_000),
        ];
        let path = std::path::PathBuf::new();
        let tree = Tree {
            folders: vec![Folder { path, files }],
            ..Tree::default()
        };
        let lens: Vec<_> = batches(&tree).iter().map(|batch| batch.len).collect();
        assert_eq!(lens, [5_000_000, 2_000_000, 500_000]);
    }
}
