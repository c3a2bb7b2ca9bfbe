//! A parallel walk that looks at every entry with one `statx`, and does nothing else.

use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, StatxFlags, openat, statx};
use serde_json::json;

use crate::laps::{Laps, Stage, thread_cpu};
use crate::report::Report;

/// A folder and its regular files, by name.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) files: Vec<File>,
}

/// A regular file with something in it.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: CString,
    pub(crate) len: u64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// In the order of their paths, so that neighbours stay neighbours.
    pub(crate) folders: Vec<Folder>,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) cpu: Duration,
}

/// Whether the names of files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Names,
    Nothing,
}

/// Walks a folder three times and reports the median.
pub(crate) fn measure(folder: &Path, threads: usize, report: &Report<'_>) -> anyhow::Result<()> {
    let mut takes = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let tree = walk(folder, threads, Keep::Nothing)?;
        takes.push((began.elapsed(), tree));
    }
    takes.sort_by_key(|(wall, _)| *wall);
    let Some((wall, tree)) = takes.get(takes.len() / 2) else {
        return Ok(());
    };
    let mut laps = Laps::default();
    laps.count(Stage::Walk, tree.cpu, tree.bytes);
    report.job("walk", *wall, &laps, &json!({ "entries": tree.entries }))?;
    Ok(())
}

/// Walks a folder with some threads.
pub(crate) fn walk(root: &Path, threads: usize, keep: Keep) -> io::Result<Tree> {
    let queue = Queue::new(root.to_owned());
    let mut tree = Tree::default();
    let parts: Vec<io::Result<Tree>> = std::thread::scope(|scope| {
        let work = || scope.spawn(|| work(&queue, keep));
        let workers: Vec<_> = (0..threads.max(1)).map(|_| work()).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            let ended = || Err(io::Error::other("a walking thread panicked"));
            worker.join().unwrap_or_else(|_| ended())
        };
        workers.into_iter().map(join).collect()
    });
    for part in parts {
        let part = part?;
        tree.folders.extend(part.folders);
        tree.entries += part.entries;
        tree.bytes += part.bytes;
        tree.cpu += part.cpu;
    }
    tree.folders.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

fn work(queue: &Queue, keep: Keep) -> io::Result<Tree> {
    let began = thread_cpu();
    let mut tree = Tree::default();
    let mut names = Vec::with_capacity(64 << 10);
    while let Some(path) = queue.next() {
        let mut below = Vec::new();
        let looked = look(path, keep, &mut names, &mut tree, &mut below);
        queue.done(below);
        looked?;
    }
    tree.cpu = thread_cpu().saturating_sub(began);
    Ok(tree)
}

/// Looks at every entry of one folder.
fn look(
    path: PathBuf,
    keep: Keep,
    names: &mut Vec<u8>,
    tree: &mut Tree,
    below: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(CWD, &path, flags, Mode::empty())?;
    let mut files = Vec::new();
    let mut entries = RawDir::new(&folder, names.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let seen = statx(
            &folder,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
            StatxFlags::BASIC_STATS,
        )?;
        tree.entries += 1;
        match FileType::from_raw_mode(seen.stx_mode.into()) {
            FileType::Directory => {
                use std::os::unix::ffi::OsStrExt as _;
                below.push(path.join(std::ffi::OsStr::from_bytes(name.to_bytes())));
            }
            FileType::RegularFile => {
                tree.bytes += seen.stx_size;
                if keep == Keep::Names && seen.stx_size > 0 {
                    let (name, len) = (name.to_owned(), seen.stx_size);
                    files.push(File { name, len });
                }
            }
            _ => {}
        }
    }
    if !files.is_empty() {
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        tree.folders.push(Folder { path, files });
    }
    Ok(())
}

/// Folders that nobody has looked at yet.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    folders: Vec<PathBuf>,
    /// Threads that may still find more.
    busy: usize,
}

impl Queue {
    fn new(root: PathBuf) -> Self {
        let folders = vec![root];
        Self {
            state: Mutex::new(State { folders, busy: 0 }),
            changed: Condvar::new(),
        }
    }

    fn next(&self) -> Option<PathBuf> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(folder) = state.folders.pop() {
                state.busy += 1;
                return Some(folder);
            }
            if state.busy == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, below: Vec<PathBuf>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.folders.extend(below);
        state.busy -= 1;
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_seen_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..20 {
            let below = folder.path().join(format!("{n:02}"));
            std::fs::create_dir(&below).unwrap();
            std::fs::write(below.join("b"), [0; 3]).unwrap();
            std::fs::write(below.join("a"), [0; 2]).unwrap();
            std::fs::write(below.join("empty"), []).unwrap();
        }
        for threads in [1, 3] {
            let tree = walk(folder.path(), threads, Keep::Names).unwrap();
            assert_eq!((tree.entries, tree.bytes), (80, 100));
            assert!(tree.folders.is_sorted_by(|a, b| a.path < b.path));
            let lens = tree.folders.iter().flat_map(|folder| &folder.files);
            assert!(lens.map(|file| file.len).eq([2, 3].repeat(20)));
        }
        assert!(
            walk(folder.path(), 2, Keep::Nothing)
                .unwrap()
                .folders
                .is_empty()
        );
    }
}
