//! Walks a snapshot beside an earlier one.

use std::cmp::Ordering;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;
use strongroom_format::{Node, NodeKind, Ref};

use super::source::{Carried, CopySource, without_refs};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{Entry, Problem, Walk, WalkEvent};
use crate::tree::{DirectoryReader, TreeEntry};

/// A walk through a snapshot's tree.
#[derive(Debug)]
pub(super) struct CopyWalk<'s> {
    source: &'s CopySource,
    stack: Vec<Dir>,
    begun: Option<WalkEvent>,
}

/// A directory that was entered and not left.
#[derive(Debug)]
struct Dir {
    path: Arc<[u8]>,
    reader: DirectoryReader,
    beside: Beside,
}

/// The directory of the earlier snapshot that stands where this one does.
#[derive(Debug)]
enum Beside {
    /// It has the same page, so everything in it is the same.
    Same,
    /// Another one.
    Other(Box<Other>),
    /// There is none, or it cannot be read.
    Absent,
}

#[derive(Debug)]
struct Other {
    reader: DirectoryReader,
    peeked: Option<TreeEntry>,
}

/// What the earlier snapshot has under a name.
enum Twin {
    Same,
    Other(Box<TreeEntry>),
    Absent,
}

impl<'s> CopyWalk<'s> {
    pub(super) fn begin(source: &'s CopySource, root: Id, beside: Option<Id>) -> Result<Self> {
        source.forget_carried();
        let reader = DirectoryReader::open(source.blobs(), &root)?;
        let beside = match beside {
            Some(id) if id == root => Beside::Same,
            Some(id) => Beside::open(source, &id),
            None => Beside::Absent,
        };
        let node = reader.root_node().cloned().unwrap_or_else(bare_root);
        let is_same = match &beside {
            Beside::Same => true,
            Beside::Other(other) => other
                .reader
                .root_node()
                .is_some_and(|old| without_refs(old.clone()) == without_refs(node.clone())),
            Beside::Absent => false,
        };
        note_names(source, &reader, &node);
        let path: Arc<[u8]> = [].into();
        let entry = emit(source, &path, node, &[], is_same);
        let dir = Dir {
            path,
            reader,
            beside,
        };
        Ok(Self {
            source,
            stack: vec![dir],
            begun: Some(WalkEvent::Enter(entry)),
        })
    }

    fn step(&mut self, events: &mut Vec<WalkEvent>) {
        let Some(dir) = self.stack.last_mut() else {
            return;
        };
        match dir.reader.next() {
            Ok(Some(entry)) => self.entry(entry, events),
            Ok(None) => self.leave(events),
            Err(error) => {
                let path = dir.path.to_vec();
                self.problem(path, error, events);
                self.leave(events);
            }
        }
    }

    fn leave(&mut self, events: &mut Vec<WalkEvent>) {
        self.stack.pop();
        events.push(WalkEvent::Leave);
    }

    fn problem(&self, path: Vec<u8>, error: Error, events: &mut Vec<WalkEvent>) {
        let error = self.source.report(error);
        events.push(WalkEvent::Problem(Problem { path, error }));
    }

    fn entry(&mut self, entry: TreeEntry, events: &mut Vec<WalkEvent>) {
        let Some(dir) = self.stack.last_mut() else {
            return;
        };
        let source = self.source;
        let twin = dir.beside.find(&entry.node.name);
        note_names(source, &dir.reader, &entry.node);
        let page = entry.directory_page();
        let node = without_refs(entry.node);
        if node.kind != NodeKind::Directory {
            let is_same = match twin {
                Twin::Same => true,
                Twin::Other(old) => without_refs(old.node) == node && old.refs == entry.refs,
                Twin::Absent => false,
            };
            let entry = emit(source, &dir.path, node, &entry.refs, is_same);
            events.push(WalkEvent::Item(entry));
            return;
        }
        let path: Arc<[u8]> = join(&dir.path, &node.name).into();
        let above = dir.path.clone();
        let opened = match page {
            _ if self.stack.len() >= MAX_DIRECTORY_DEPTH => Err(broken("directories are too deep")),
            Some(page) => DirectoryReader::open(source.blobs(), &page).map(|reader| (page, reader)),
            None => Err(broken("a directory has no page")),
        };
        let (page, reader) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.problem(path.to_vec(), error, events),
        };
        let (is_same, beside) = match twin {
            Twin::Same => (true, Beside::Same),
            Twin::Other(old) => {
                let old_page = old.directory_page();
                let beside = match old_page {
                    Some(old_page) if old_page == page => Beside::Same,
                    Some(old_page) => Beside::open(source, &old_page),
                    None => Beside::Absent,
                };
                (without_refs(old.node) == node, beside)
            }
            Twin::Absent => (false, Beside::Absent),
        };
        events.push(WalkEvent::Enter(emit(source, &above, node, &[], is_same)));
        self.park();
        self.stack.push(Dir {
            path,
            reader,
            beside,
        });
    }

    /// Gives back the memory of pages far above.
    fn park(&mut self) {
        let above = self.stack.len().checked_sub(UNPARKED);
        if let Some(dir) = above.and_then(|at| self.stack.get_mut(at)) {
            dir.reader.park();
            if let Beside::Other(other) = &mut dir.beside {
                other.reader.park();
            }
        }
    }
}

impl Walk for CopyWalk<'_> {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        events.extend(self.begun.take());
        while events.len() < EVENTS && !self.stack.is_empty() {
            self.step(events);
        }
        !self.stack.is_empty()
    }
}

impl Beside {
    fn open(source: &CopySource, page: &Id) -> Self {
        // What cannot be read costs reading what is in it again.
        match DirectoryReader::open(source.blobs(), page) {
            Ok(reader) => Self::Other(Box::new(Other {
                reader,
                peeked: None,
            })),
            Err(_) => Self::Absent,
        }
    }

    /// Returns what is under a name. Names are asked for in ascending order.
    fn find(&mut self, name: &[u8]) -> Twin {
        let other = match self {
            Self::Same => return Twin::Same,
            Self::Absent => return Twin::Absent,
            Self::Other(other) => other,
        };
        loop {
            if other.peeked.is_none() {
                other.peeked = other.reader.next().unwrap_or_default();
            }
            let Some(peeked) = &other.peeked else {
                *self = Self::Absent;
                return Twin::Absent;
            };
            match peeked.node.name.as_slice().cmp(name) {
                Ordering::Less => other.peeked = None,
                Ordering::Equal => {
                    return other
                        .peeked
                        .take()
                        .map_or(Twin::Absent, |entry| Twin::Other(Box::new(entry)));
                }
                Ordering::Greater => return Twin::Absent,
            }
        }
    }
}

/// Makes what the engine is told of an entry. What is not the same has no time of change, until it is filled in.
fn emit(source: &CopySource, dir: &Arc<[u8]>, node: Node, refs: &[Ref], is_same: bool) -> Entry {
    let mut entry = Entry {
        dir: dir.clone(),
        node,
    };
    // Without a time of change, or with something that was not recorded, the engine asks for it in any case.
    if is_same && entry.node.ctime.is_some() && entry.node.incomplete == 0 {
        return entry;
    }
    let carried = Carried {
        node: entry.node.clone(),
        refs: refs.to_vec(),
    };
    source.carry(entry.path(), carried);
    entry.node.ctime = None;
    entry
}

fn note_names(source: &CopySource, reader: &DirectoryReader, node: &Node) {
    if let Some(page) = reader.leaf() {
        source.note_names(node, page);
    }
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    match dir.is_empty() {
        true => name.to_vec(),
        false => [dir, name].join(&b'/'),
    }
}

/// A root of which nothing was recorded.
fn bare_root() -> Node {
    Node {
        kind: NodeKind::Directory,
        mode: 0o700,
        ..Node::default()
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}

/// Events returned at once.
const EVENTS: usize = 256;
/// Directories, from the deepest, whose pages stay in memory.
const UNPARKED: usize = 32;
