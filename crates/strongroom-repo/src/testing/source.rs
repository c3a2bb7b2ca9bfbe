//! A source that is a value, and that fails where it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use strongroom_format::{NodeKind, SkipReason, Time};

use super::{Content as Part, Tree};
use crate::source::{
    Batch, Content, Entry, Fill, Piece, Problem, Source, SourceError, Walk, WalkEvent,
};

/// A tree as a source. Times of change are those of `stamps`, or the same old moment for all.
#[derive(Debug, Default)]
pub(crate) struct TreeSource {
    tree: Option<Tree>,
    /// Paths whose time of change differs from the default.
    pub(crate) stamps: BTreeMap<String, i64>,
    /// Paths that cannot be read.
    pub(crate) unreadable: BTreeSet<String>,
    /// Paths that change while they are read.
    pub(crate) changing: BTreeSet<String>,
    /// Paths at which the whole source fails.
    pub(crate) fatal: BTreeSet<String>,
    /// Paths at which the source panics.
    pub(crate) panics: BTreeSet<String>,
    /// Yields siblings in the wrong order.
    pub(crate) disorder: bool,
    /// Paths whose content was asked for.
    pub(crate) read: Mutex<Vec<String>>,
    pub(crate) filled: AtomicU64,
}

const OLD: i64 = 1_600_000_000;

impl TreeSource {
    pub(crate) fn new(tree: Tree) -> Self {
        Self {
            tree: Some(tree),
            ..Self::default()
        }
    }

    /// Returns the paths whose content was asked for, sorted.
    pub(crate) fn reads(&self) -> Vec<String> {
        let mut read = self.read.lock().unwrap().clone();
        read.sort();
        read
    }

    fn tree(&self) -> &Tree {
        self.tree.as_ref().unwrap()
    }

    fn entry(&self, dir: &Arc<[u8]>, name: &[u8], tree: &Tree) -> Entry {
        let mut entry = Entry {
            dir: dir.clone(),
            node: tree.node(name),
        };
        // A walk does not tell the target.
        entry.node.target = None;
        let path = String::from_utf8(entry.path()).unwrap();
        let seconds = self.stamps.get(&path).copied().unwrap_or(OLD);
        entry.node.ctime = Some(Time::new(seconds, 1));
        entry.node.inode = blake3::hash(path.as_bytes()).as_bytes()[..6]
            .iter()
            .fold(1, |sum, byte| sum << 8 | u64::from(*byte));
        entry
    }

    fn collect(&self, path: &[u8], name: &[u8], tree: &Tree, events: &mut Vec<WalkEvent>) {
        let dir: Arc<[u8]> = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => path[..slash].into(),
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
            if self.unreadable.contains(&*String::from_utf8_lossy(&path))
                && matches!(below, Tree::Dir(_))
            {
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

    fn find(&self, path: &str) -> &Tree {
        path.split('/')
            .filter(|name| !name.is_empty())
            .fold(self.tree(), |tree, name| match tree {
                Tree::Dir(entries) => &entries[name.as_bytes()],
                _ => panic!("{path} is not there"),
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

fn denied() -> SourceError {
    SourceError::new(SkipReason::PermissionDenied, "told to refuse")
}

impl Source for TreeSource {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let mut events = Vec::new();
        self.collect(b"", b"", self.tree(), &mut events);
        events.reverse();
        Ok(Box::new(ListWalk(events)))
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            self.filled.fetch_add(1, Ordering::Relaxed);
            let path = String::from_utf8(item.entry.path()).unwrap();
            let changed = match self.answer(&path) {
                Ok(changed) => changed,
                Err(error) => {
                    item.fill = Fill::Failed(error);
                    continue;
                }
            };
            let from = batch.data.len();
            match self.find(&path) {
                Tree::Symlink(target) => item.entry.node.target = Some(target.clone()),
                Tree::File(parts, _) if item.want_content => {
                    self.read.lock().unwrap().push(path);
                    for part in parts {
                        match part {
                            Part::Data(data) => batch.data.extend_from_slice(data),
                            Part::Zeros(len) => {
                                let len = batch.data.len() + usize::try_from(*len).unwrap();
                                batch.data.resize(len, 0);
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
        let path = String::from_utf8(entry.path()).unwrap();
        let changed = self.answer(&path)?;
        self.read.lock().unwrap().push(path.clone());
        let Tree::File(parts, _) = self.find(&path) else {
            panic!("{path} is no file")
        };
        Ok(Box::new(Parts {
            parts,
            at: 0,
            changed,
        }))
    }

    fn owner_name(&self, uid: u32) -> Option<Vec<u8>> {
        (uid == 0).then(|| b"root".to_vec())
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
                let left = &data[self.at..];
                // Odd pieces: a reader may not rely on full buffers.
                let len = left.len().min(buf.len()).min(300_007);
                buf[..len].copy_from_slice(&left[..len]);
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
