//! What one worker backs up: a folder that changes from round to round.

use std::fs;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::chance::Chance;
use super::fingerprint::below;

/// Small contents that all workers share. What died in one place is made again in another, often while it is being deleted.
const POOL: u64 = 240;

/// How many of them are in use at a time.
const POOL_WINDOW: u64 = 40;

/// Beginnings of the large file that all workers share.
const LARGE_POOL: u64 = 4;

/// Entries that a folder has at most; more are deleted again.
const MAX_ENTRIES: usize = 260;

const LARGE_FILE: &str = "large";

/// A worker's folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    seed: u64,
}

impl Folder {
    /// Takes a folder as it is, also half changed by somebody who was killed, or makes it.
    pub(super) fn open(root: PathBuf, seed: u64) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root, seed })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Changes the folder a little: new, edited, renamed and deleted entries.
    pub(super) fn change(&self, round: u64, chance: &mut Chance) -> io::Result<()> {
        if !self.root.join(LARGE_FILE).exists() {
            self.create_large(chance)?;
        }
        let mut entries = self.entries()?;
        let changes = if entries.len() < 20 {
            40
        } else {
            1 + chance.below(14)
        };
        for _ in 0..changes {
            let grows = entries.len() < MAX_ENTRIES;
            match chance.below(10) {
                0..=4 if grows => entries.push(self.create(round, chance)?),
                5 => self.set_mode(&entries, chance)?,
                6 if grows => self.rename(&mut entries, chance)?,
                7 => self.edit_large(chance)?,
                8 => self.edit(&entries, round, chance)?,
                _ => self.delete(&mut entries, chance)?,
            }
        }
        Ok(())
    }

    /// Returns everything but directories and the large file, in an order that does not depend on the file system.
    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        let mut entries = below(&self.root)?;
        entries
            .retain(|path| path != Path::new(LARGE_FILE) && !is_directory(&self.root.join(path)));
        entries.sort_unstable();
        Ok(entries)
    }

    fn create(&self, round: u64, chance: &mut Chance) -> io::Result<PathBuf> {
        let path = new_path(chance);
        let full = self.root.join(&path);
        if let Some(directory) = full.parent() {
            fs::create_dir_all(directory)?;
        }
        if chance.happens(0.05) {
            symlink(format!("to/{}", chance.below(1_000)), full)?;
        } else {
            fs::write(full, self.content(round, chance))?;
        }
        Ok(path)
    }

    fn edit(&self, entries: &[PathBuf], round: u64, chance: &mut Chance) -> io::Result<()> {
        match self.one_of(entries, chance) {
            Some(full) if !full.is_symlink() => fs::write(full, self.content(round, chance)),
            _ => Ok(()),
        }
    }

    fn set_mode(&self, entries: &[PathBuf], chance: &mut Chance) -> io::Result<()> {
        let mode = *chance
            .one_of(&[0o644, 0o600, 0o755, 0o640])
            .unwrap_or(&0o644);
        match self.one_of(entries, chance) {
            Some(full) if !full.is_symlink() => {
                fs::set_permissions(full, fs::Permissions::from_mode(mode))
            }
            _ => Ok(()),
        }
    }

    fn rename(&self, entries: &mut Vec<PathBuf>, chance: &mut Chance) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (at, to) = (chance.index(entries.len()), new_path(chance));
        let from = entries.swap_remove(at);
        if let Some(directory) = to.parent() {
            fs::create_dir_all(self.root.join(directory))?;
        }
        fs::rename(self.root.join(from), self.root.join(&to))?;
        entries.push(to);
        Ok(())
    }

    fn delete(&self, entries: &mut Vec<PathBuf>, chance: &mut Chance) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let path = entries.swap_remove(chance.index(entries.len()));
        fs::remove_file(self.root.join(&path))?;
        // Empty directories go too, most of the time.
        if let Some(directory) = path.parent().filter(|path| *path != Path::new(""))
            && chance.happens(0.7)
        {
            drop(fs::remove_dir(self.root.join(directory)));
        }
        Ok(())
    }

    fn create_large(&self, chance: &mut Chance) -> io::Result<()> {
        let number = chance.below(LARGE_POOL);
        let mut content = Chance::of(&[self.seed, u64::MAX, number]);
        let len = 2_000_000 + content.index(3_000_000);
        fs::write(self.root.join(LARGE_FILE), content.content(len))
    }

    /// Overwrites some bytes in the middle, appends some, or begins the file anew.
    fn edit_large(&self, chance: &mut Chance) -> io::Result<()> {
        let path = self.root.join(LARGE_FILE);
        if chance.happens(0.1) {
            return self.create_large(chance);
        }
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(chance.below(len + 1)))?;
        let edit_len = 1 + chance.index(60_000);
        file.write_all(&chance.content(edit_len))
    }

    /// Returns content of the pool three times in four, else content that nobody else has.
    fn content(&self, round: u64, chance: &mut Chance) -> Vec<u8> {
        if chance.happens(0.25) {
            let len = chance.index(30_000);
            return chance.content(len);
        }
        let number = if chance.happens(0.25) {
            chance.below(POOL)
        } else {
            (round + chance.below(POOL_WINDOW)) % POOL
        };
        let mut content = Chance::of(&[self.seed, number]);
        let len = 1 + content.index(if number.is_multiple_of(16) {
            900_000
        } else {
            40_000
        });
        content.content(len)
    }

    fn one_of(&self, entries: &[PathBuf], chance: &mut Chance) -> Option<PathBuf> {
        chance.one_of(entries).map(|path| self.root.join(path))
    }
}

fn new_path(chance: &mut Chance) -> PathBuf {
    let depth = chance.below(3);
    let mut path = PathBuf::new();
    for _ in 0..depth {
        path.push(format!("directory {}", chance.below(8)));
    }
    path.push(format!("file {:x}", chance.next()));
    path
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_what_is_in_it() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let contents = folders.map(|place| {
            let folder = Folder::open(place.path().join("source"), 5).unwrap();
            let mut chance = Chance::of(&[5, 1]);
            for round in 0..6 {
                folder.change(round, &mut chance).unwrap();
            }
            let entries = folder.entries().unwrap();
            assert!(entries.len() > 10, "{entries:?}");
            let files = entries
                .iter()
                .filter(|path| !folder.root.join(path).is_symlink());
            let files: Vec<_> = files
                .map(|path| (path.clone(), fs::read(folder.root.join(path)).unwrap()))
                .collect();
            files
        });
        assert_eq!(contents[0], contents[1]);
    }
}
