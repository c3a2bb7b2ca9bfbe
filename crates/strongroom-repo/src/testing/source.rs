//! A source that is a value, and that fails where it is told to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_format::{NodeKind, SkipReason, Time};

use super::tree::zeros;
use super::{Content as Part, Tree};
use crate::source::{
    Batch, Content, Entry, Fill, Piece, Problem, Source, SourceError, Walk, WalkEvent,
};

/// A tree as a source.
///
/// What is known from a parent snapshot is not read again. A source says that something has changed by another
/// [stamp](Self::stamps), which must be older than the clock of the backup by more than 20 ms to be believed the next time.
#[derive(Debug)]
#[non_exhaustive]
pub struct TreeSource {
    /// Times of change, in seconds since 1970, of paths for which it is not the same old moment as for all.
    pub stamps: BTreeMap<String, i64>,
    /// Paths that cannot be read.
    pub unreadable: BTreeSet<String>,
    /// Paths that change while they are read.
    pub changing: BTreeSet<String>,
    /// Paths at which the whole source fails.
    pub fatal: BTreeSet<String>,
    /// Paths at which the source panics.
    pub panics: BTreeSet<String>,
    /// The name of the owner of everything; `root` if none is set.
    pub owner: Option<Vec<u8>>,
    /// Yields siblings in the wrong order.
    pub disorder: bool,
    tree: Tree,
    /// Paths whose content was asked for.
    read: Mutex<Vec<String>>,
    filled: AtomicU64,
}

const OLD: i64 = 1_600_000_000;

impl TreeSource {
    /// Makes a source of a tree that can be read.
    #[must_use]
    pub fn new(tree: Tree) -> Self {
        Self {
            stamps: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            changing: BTreeSet::new(),
            fatal: BTreeSet::new(),
            panics: BTreeSet::new(),
            owner: None,
            disorder: false,
            tree,
            read: Mutex::default(),
            filled: AtomicU64::new(0),
        }
    }

    /// Returns the paths whose content was asked for, sorted.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        let mut read = self.lock_read().clone();
        read.sort();
        read
    }

    /// Returns how many entries were completed.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.filled.load(Ordering::Relaxed)
    }

    fn lock_read(&self) -> MutexGuard<'_, Vec<String>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, dir: &Arc<[u8]>, name: &[u8], tree: &Tree) -> Entry {
        let mut entry = Entry {
            dir: dir.clone(),
            node: tree.node(name),
        };
        // A walk does not tell the target.
        entry.node.target = None;
        let path = entry.path();
        let seconds = self.stamps.get(shown(&path).as_ref()).copied();
        entry.node.ctime = Some(Time::new(seconds.unwrap_or(OLD), 1));
        let inode = blake3::hash(&path).as_bytes().first_chunk().copied();
        entry.node.inode = u64::from_le_bytes(inode.unwrap_or_default()) >> 16 | 1;
        entry
    }

    fn collect(&self, path: &[u8], name: &[u8], tree: &Tree, events: &mut Vec<WalkEvent>) {
        let dir: Arc<[u8]> = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => path.get(..slash).unwrap_or_default().into(),
            None => [].into(),
        };
        let entry = self.entry(&dir, name, tree);
        let Tree::Dir(entries) = tree else {
            events.push(WalkEvent::Item(entry));
            return;
        };
        events.push(WalkEvent::Enter(entry));
        let mut names: Vec<_> = entries.iter().collect();
        if self.disorder {
            names.reverse();
        }
        for (name, below) in names {
            let path = if path.is_empty() {
                name.clone()
            } else {
                [path, name.as_slice()].join(&b'/')
            };
            if self.unreadable.contains(shown(&path).as_ref()) && matches!(below, Tree::Dir(_)) {
                events.push(WalkEvent::Problem(Problem {
                    path,
                    error: denied(),
                }));
                continue;
            }
            self.collect(&path, name, below, events);
        }
        events.push(WalkEvent::Leave);
    }

    fn find(&self, path: &[u8]) -> Option<&Tree> {
        let mut names = path
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty());
        names.try_fold(&self.tree, |tree, name| match tree {
            Tree::Dir(entries) => entries.get(name),
            _ => None,
        })
    }

    fn answer(&self, path: &str) -> Result<bool, SourceError> {
        assert!(!self.panics.contains(path), "told to panic");
        if self.fatal.contains(path) {
            return Err(SourceError::fatal(SkipReason::Other, "told to fail"));
        }
        if self.unreadable.contains(path) {
            return Err(denied());
        }
        Ok(self.changing.contains(path))
    }
}

/// Returns a path as tests write it.
fn shown(path: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(path)
}

fn denied() -> SourceError {
    SourceError::new(SkipReason::PermissionDenied, "told to refuse")
}

impl Source for TreeSource {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let mut events = Vec::new();
        self.collect(b"", b"", &self.tree, &mut events);
        events.reverse();
        Ok(Box::new(ListWalk(events)))
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            self.filled.fetch_add(1, Ordering::Relaxed);
            let path = item.entry.path();
            let changed = match self.answer(&shown(&path)) {
                Ok(changed) => changed,
                Err(error) => {
                    item.fill = Fill::Failed(error);
                    continue;
                }
            };
            let from = batch.data.len();
            match self.find(&path) {
                Some(Tree::Symlink(target)) => item.entry.node.target = Some(target.clone()),
                Some(Tree::File(parts, _)) if item.want_content => {
                    self.lock_read().push(shown(&path).into_owned());
                    for part in parts {
                        match part {
                            Part::Data(data) => batch.data.extend_from_slice(data),
                            Part::Zeros(len) => {
                                batch.data.resize(batch.data.len() + zeros(*len), 0);
                            }
                        }
                    }
                }
                _ => {}
            }
            item.fill = Fill::Done {
                content: from..batch.data.len(),
                changed,
            };
        }
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        let path = entry.path();
        let changed = self.answer(&shown(&path))?;
        let Some(Tree::File(parts, _)) = self.find(&path) else {
            return Err(SourceError::new(SkipReason::Other, "it is no file"));
        };
        self.lock_read().push(shown(&path).into_owned());
        Ok(Box::new(Parts {
            parts,
            at: 0,
            changed,
        }))
    }

    fn owner_name(&self, uid: u32) -> Option<Vec<u8>> {
        let owner = || self.owner.clone().unwrap_or_else(|| b"root".to_vec());
        (uid == 0).then(owner)
    }

    fn group_name(&self, _gid: u32) -> Option<Vec<u8>> {
        None
    }
}

#[derive(Debug)]
struct ListWalk(Vec<WalkEvent>);

impl Walk for ListWalk {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        for _ in 0..7 {
            events.extend(self.0.pop());
        }
        !self.0.is_empty()
    }
}

/// Odd pieces: a reader may not rely on full buffers.
const ODD_PIECE: usize = 300_007;

#[derive(Debug)]
struct Parts<'a> {
    parts: &'a [Part],
    at: usize,
    changed: bool,
}

impl Content for Parts<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        match self.parts.split_first() {
            None => Ok(Piece::End),
            Some((Part::Zeros(len), rest)) => {
                self.parts = rest;
                Ok(Piece::Hole(*len))
            }
            Some((Part::Data(data), rest)) => {
                let left = data.get(self.at..).unwrap_or_default();
                let len = left.len().min(buf.len()).min(ODD_PIECE);
                if let (Some(to), Some(from)) = (buf.get_mut(..len), left.get(..len)) {
                    to.copy_from_slice(from);
                }
                self.at += len;
                if self.at == data.len() {
                    self.parts = rest;
                    self.at = 0;
                }
                Ok(Piece::Data(len))
            }
        }
    }

    fn finish(&mut self, entry: &mut Entry) -> Result<bool, SourceError> {
        assert!(matches!(entry.node.kind, NodeKind::File | NodeKind::Stream));
        Ok(self.changed)
    }
}
