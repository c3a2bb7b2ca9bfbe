//! The target that compares.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{OFlags, Statx};
use rustix::io::Errno;
use strongroom_crypt::Id;
use strongroom_format::{Node, NodeKind, Time};
use strongroom_repo::{
    Deviation, ExistingFile, Made, RestoreReport, SmallFile, Target, TargetError, TargetFile,
};

use super::content::{self, DiskFile, Piece};
use super::extra::Levels;
use super::look;
use super::report::{Discrepancy, SourceDifference, SourceReport, Standing};
use super::{Changes, CompareSourceOptions};
use crate::dirs;
use crate::stat;
use crate::target::parents::Parents;
use crate::tree::scan::Scan;
use crate::xattr::{Access, XattrReader, Xattrs};

/// A comparison under way.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) scan: Arc<Scan>,
    pub(super) options: CompareSourceOptions,
    parents: Parents,
    began: Time,
    /// What the backup said that it does not have.
    announced: HashSet<Vec<u8>>,
    levels: Mutex<Levels>,
    /// Unfinished files of which some byte differs, and the first that was found.
    torn: Mutex<HashMap<Vec<u8>, u64>>,
    found: Mutex<Found>,
    entries: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Found {
    counts: BTreeMap<(Standing, Discrepancy), u64>,
    listed: BTreeMap<Standing, Vec<SourceDifference>>,
}

impl Comparison {
    pub(super) fn new(
        scan: Arc<Scan>,
        began: Time,
        announced: HashSet<Vec<u8>>,
        options: CompareSourceOptions,
    ) -> Self {
        Self {
            parents: Parents::new(Arc::clone(&scan.root)),
            scan,
            options,
            began,
            announced,
            levels: Mutex::default(),
            torn: Mutex::default(),
            found: Mutex::default(),
            entries: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn report(&self, snapshot: Id, done: RestoreReport) -> SourceReport {
        let found = std::mem::take(&mut *lock(&self.found));
        let mut differences: Vec<_> = found.listed.into_values().flatten().collect();
        differences.sort_unstable();
        SourceReport {
            snapshot,
            began: self.began,
            entries: self.entries.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            counts: found.counts,
            differences,
            lost: done.lost,
            lost_total: done.lost_total,
            stopped: done.stopped,
        }
    }

    pub(super) fn levels(&self) -> MutexGuard<'_, Levels> {
        lock(&self.levels)
    }

    /// Looks at what is at a path, if anything is.
    pub(super) fn look(&self, path: &[u8]) -> Result<Option<Statx>, Errno> {
        let looked = if path.is_empty() {
            stat::look_at(self.scan.root.as_fd())
        } else {
            self.in_parent(path, |dir, name| stat::look(dir.as_fd(), name))
        };
        match looked {
            Ok(stat) => Ok(Some(stat)),
            // Above it there is something else, if anything.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn in_parent<T>(
        &self,
        path: &[u8],
        act: impl Fn(&Arc<OwnedFd>, &[u8]) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let (dir, name) = dirs::split(path)?;
        match act(&self.parents.open(dir)?, name) {
            Err(Errno::NOENT | Errno::STALE) => {
                self.parents.forget(dir);
                act(&self.parents.open(dir)?, name)
            }
            other => other,
        }
    }

    /// Returns what is at a path if it is what the snapshot has there, and records it if it is not.
    fn find(&self, path: &[u8], node: &Node) -> Option<Statx> {
        let disk = match self.look(path) {
            Ok(Some(disk)) => disk,
            Ok(None) => {
                let above = self.nearest(path);
                let missing = Discrepancy::OnlyInSnapshot;
                self.differs(path, missing, String::new(), above.as_ref(), None);
                return None;
            }
            Err(errno) => {
                self.fail(path, std::io::Error::from(errno).to_string());
                return None;
            }
        };
        let expected = match node.kind {
            NodeKind::Stream => NodeKind::File,
            kind => kind,
        };
        let kind = stat::kind_of(&disk);
        if kind == Some(expected) {
            return Some(disk);
        }
        let there = kind.map_or("unknown".to_owned(), |kind| format!("{kind:?}"));
        let detail = format!("{expected:?}, {there}");
        self.differs(path, Discrepancy::Kind, detail, Some(&disk), node.ctime);
        None
    }

    /// Records what of the metadata differs.
    fn metadata(&self, path: &[u8], node: &Node, disk: &Statx, file: Access<'_>) {
        let (xattrs, complete) = XattrReader::new().read(file);
        if !complete {
            self.fail(path, "extended attributes cannot be read".to_owned());
        }
        let xattrs: Option<&Xattrs> = complete.then_some(&xattrs);
        for (what, detail) in look::differences(node, disk, xattrs) {
            self.differs(path, what, detail, Some(disk), node.ctime);
        }
        let is_directory = node.kind == NodeKind::Directory;
        if node.link.is_none() && !is_directory && disk.stx_nlink > 1 {
            let detail = format!("1, {}", disk.stx_nlink);
            self.differs(path, Discrepancy::HardLinks, detail, Some(disk), node.ctime);
        }
    }

    /// Looks at the nearest thing above a path that is there: what it was taken out of, or with.
    fn nearest(&self, mut path: &[u8]) -> Option<Statx> {
        while let Ok((above, _)) = dirs::split(path) {
            if let Some(disk) = self.look(above).ok().flatten() {
                return Some(disk);
            }
            path = above;
        }
        None
    }

    /// Opens a regular file that was found.
    fn open(&self, path: &[u8]) -> Option<File> {
        match self.in_parent(path, content::open) {
            Ok(file) => Some(File::from(file)),
            Err(errno) => {
                self.fail(path, std::io::Error::from(errno).to_string());
                None
            }
        }
    }

    /// Compares a whole small file.
    fn small(&self, path: &[u8], node: &Node, bytes: &[u8]) {
        let Some(disk) = self.find(path, node) else {
            self.entries.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if disk.stx_size == bytes.len() as u64
            && let Some(file) = self.open(path)
        {
            match content::first_difference(&file, 0, &Piece::Bytes(bytes)) {
                Ok(None) => {}
                Ok(Some(at)) => self.tear(path, at),
                Err(error) => self.fail(path, error.to_string()),
            }
        }
        self.finish_file(path, node);
    }

    /// Takes note that a byte of an unfinished file differs.
    pub(super) fn tear(&self, path: &[u8], at: u64) {
        let mut torn = lock(&self.torn);
        match torn.get_mut(path) {
            Some(first) => *first = at.min(*first),
            None => drop(torn.insert(path.to_vec(), at)),
        }
    }

    /// Compares what there is to compare of a file besides its bytes, and records what these were.
    pub(super) fn finish_file(&self, path: &[u8], node: &Node) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        let torn = lock(&self.torn).remove(path);
        // Looked at afterwards: what changed meanwhile has a newer change time.
        let Some(disk) = self.find(path, node) else {
            return;
        };
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(node.size, Ordering::Relaxed);
        let detail = match torn {
            _ if disk.stx_size != node.size => {
                Some(format!("{} bytes, {} bytes", node.size, disk.stx_size))
            }
            torn => torn.map(|at| format!("from byte {at}")),
        };
        if let Some(detail) = detail {
            self.differs(path, Discrepancy::Content, detail, Some(&disk), node.ctime);
        }
        if let Some(file) = self.open(path) {
            self.metadata(path, node, &disk, Access::File(file.as_fd()));
        }
    }

    /// Records that something cannot be read on disk.
    pub(super) fn fail(&self, path: &[u8], words: String) {
        let disk = self.look(path).ok().flatten();
        self.differs(path, Discrepancy::Unreadable, words, disk.as_ref(), None);
    }

    /// Records a difference; `disk` is what tells whether it changed since.
    pub(super) fn differs(
        &self,
        path: &[u8],
        what: Discrepancy,
        detail: String,
        disk: Option<&Statx>,
        recorded: Option<Time>,
    ) {
        let standing = self.standing(path, what, disk, recorded);
        let mut found = lock(&self.found);
        *found.counts.entry((standing, what)).or_insert(0) += 1;
        let listed = found.listed.entry(standing).or_default();
        if listed.len() < self.options.listed_max {
            listed.push(SourceDifference {
                path: path.to_vec(),
                what,
                standing,
                detail,
            });
        }
    }

    fn standing(
        &self,
        path: &[u8],
        what: Discrepancy,
        disk: Option<&Statx>,
        recorded: Option<Time>,
    ) -> Standing {
        if what == Discrepancy::Holes {
            return Standing::Advisory;
        }
        if self.is_announced(path) {
            return Standing::Announced;
        }
        let changed = disk.is_some_and(|disk| {
            let ctime = stat::ctime_of(disk);
            recorded.map_or(ctime >= self.began, |recorded| ctime > recorded)
        });
        let excusable = what != Discrepancy::Unreadable;
        if changed && excusable && self.options.changes == Changes::Excused {
            return Standing::ChangedSince;
        }
        Standing::Unexplained
    }

    /// Says whether the backup could not read it, or a directory that it is in.
    fn is_announced(&self, path: &[u8]) -> bool {
        if self.announced.is_empty() {
            return false;
        }
        let ends = path.iter().enumerate();
        let ends = ends.filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut ends = ends.chain([path.len()]);
        ends.any(|end| {
            path.get(..end)
                .is_some_and(|above| self.announced.contains(above))
        })
    }
}

/// Compares what it is given with what is there. It has no code to change anything.
#[derive(Debug)]
pub(super) struct SourceTarget(pub(super) Arc<Comparison>);

impl Target for SourceTarget {
    fn create_directory(&self, path: &[u8], node: &Node) -> Result<Made, TargetError> {
        self.0.find(path, node);
        self.0.entries.fetch_add(1, Ordering::Relaxed);
        // Whatever is there: what is in it in the snapshot is to be asked for, and what only the disk has too.
        Ok(Made::Existed)
    }

    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>> {
        let compare = |file: &SmallFile<'_>| {
            self.0.small(file.path, file.node, file.content);
            Ok(Vec::new())
        };
        files.iter().map(compare).collect()
    }

    fn open_file(
        &self,
        path: &[u8],
        node: &Node,
        _fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError> {
        // What is missing or of another kind is recorded when the file is finished.
        let expected = stat_is_file(&self.0, path);
        let file = (expected && node.size > 0)
            .then(|| self.0.open(path))
            .flatten();
        Ok(Box::new(DiskFile::new(&self.0, path, file)))
    }

    fn existing_file(
        &self,
        _path: &[u8],
        _node: &Node,
    ) -> Result<Option<ExistingFile>, TargetError> {
        Ok(None)
    }

    fn create_other(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        self.0.entries.fetch_add(1, Ordering::Relaxed);
        if let Some(disk) = self.0.find(path, node) {
            let handle = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = self
                .0
                .in_parent(path, |dir, name| dirs::open_name(dir.as_fd(), name, handle));
            match opened {
                Ok(opened) => {
                    if node.kind == NodeKind::Symlink {
                        self.0.link_target(path, node, &disk);
                    }
                    self.0
                        .metadata(path, node, &disk, Access::Handle(opened.as_fd()));
                }
                Err(errno) => self.0.fail(path, std::io::Error::from(errno).to_string()),
            }
        }
        Ok(Vec::new())
    }

    fn link(&self, path: &[u8], first: &[u8]) -> Result<Vec<Deviation>, TargetError> {
        self.0.entries.fetch_add(1, Ordering::Relaxed);
        let identity = |disk: &Statx| (stat::device_of(disk), disk.stx_ino);
        match (self.0.look(path), self.0.look(first)) {
            (Ok(Some(one)), Ok(Some(other))) if identity(&one) == identity(&other) => {}
            (Ok(Some(disk)), Ok(_)) => {
                let detail = format!("one file with /{}", first.escape_ascii());
                self.0
                    .differs(path, Discrepancy::HardLinks, detail, Some(&disk), None);
            }
            // The kind does not matter: there is nothing.
            (Ok(None), _) => drop(self.0.find(path, &Node::default())),
            (Err(errno), _) | (_, Err(errno)) => {
                self.0.fail(path, std::io::Error::from(errno).to_string());
            }
        }
        Ok(Vec::new())
    }

    fn finish_directory(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError> {
        let Ok(Some(disk)) = self.0.look(path) else {
            return Ok(Vec::new());
        };
        if stat::kind_of(&disk) == Some(NodeKind::Directory) {
            match self.0.directory(path) {
                Ok(dir) => self
                    .0
                    .metadata(path, node, &disk, Access::File(dir.as_fd())),
                Err(errno) => self.0.fail(path, std::io::Error::from(errno).to_string()),
            }
        }
        Ok(Vec::new())
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(self.0.names_on_disk(path))
    }

    /// Called for files of which the repository has lost a part, too: nothing is taken away.
    fn remove(&self, _path: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }
}

impl Comparison {
    fn link_target(&self, path: &[u8], node: &Node, disk: &Statx) {
        let read = self.in_parent(path, |dir, name| {
            rustix::fs::readlinkat(dir.as_fd(), name, Vec::new())
        });
        match read {
            Ok(there) => {
                let recorded = node.target.as_deref().unwrap_or_default();
                if there.as_bytes() != recorded {
                    let there = there.as_bytes().escape_ascii();
                    let detail = format!("{}, {there}", recorded.escape_ascii());
                    self.differs(
                        path,
                        Discrepancy::LinkTarget,
                        detail,
                        Some(disk),
                        node.ctime,
                    );
                }
            }
            Err(errno) => self.fail(path, std::io::Error::from(errno).to_string()),
        }
    }

    fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        match dirs::split(path) {
            Ok(_) => self.in_parent(path, |dir, name| {
                dirs::open_name(dir.as_fd(), name, dirs::READ)
            }),
            Err(_) => dirs::reopen(self.scan.root.as_fd(), dirs::READ),
        }
    }
}

/// Says whether there is a regular file.
fn stat_is_file(comparison: &Comparison, path: &[u8]) -> bool {
    let disk = comparison.look(path).ok().flatten();
    disk.is_some_and(|disk| stat::kind_of(&disk) == Some(NodeKind::File))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
