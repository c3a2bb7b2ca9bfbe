//! Small trees whose content comes from a small pool, so that everything is stored many times over.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use strongroom_format::{Node, NodeKind, Time};
use strongroom_repo::{Batch, Content, Entry, Fill, Piece, Source, SourceError, Walk, WalkEvent};

use crate::dice::Dice;

/// Every entry of a tree with its path; files with their content.
pub(crate) type Flat = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    entries: BTreeMap<Vec<u8>, Thing>,
}

#[derive(Debug, Clone)]
enum Thing {
    Dir(Tree),
    File(File),
}

/// A file: pieces of the pool, and a time of change that no other content of the path has had.
#[derive(Debug, Clone)]
struct File {
    pieces: Vec<u8>,
    stamp: i64,
}

/// How many different pieces there are.
const PIECES: usize = 48;

static POOL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut dice = Dice::new(0x7001);
    let piece = |number: usize| {
        let len = dice.index(if number.is_multiple_of(8) { 4_000 } else { 700 });
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            // Half of it compresses.
            bytes.extend_from_slice(&dice.any().to_le_bytes());
            bytes.extend_from_slice(b"pool  of");
        }
        bytes
    };
    (0..PIECES).map(piece).collect()
});

impl Tree {
    /// Makes a tree of a few directories and files.
    pub(crate) fn grow(dice: &mut Dice) -> Self {
        let mut tree = Self::default();
        for _ in 0..dice.between(3, 14) {
            tree.edit(dice);
        }
        tree
    }

    /// Changes something, or nothing.
    pub(crate) fn edit(&mut self, dice: &mut Dice) {
        let here = dice.index(NAMES.len());
        let name = NAMES.get(here).copied().unwrap_or("a").as_bytes().to_vec();
        match (dice.below(12), self.entries.get_mut(&name)) {
            (0..=4, Some(Thing::Dir(dir))) => dir.edit(dice),
            (5, _) => drop(self.entries.remove(&name)),
            (6, Some(Thing::File(file))) => file.stamp = stamp(dice),
            (7, Some(Thing::Dir(dir))) => {
                // The same subtree under another name: a page that is known and a directory that is not.
                let copy = dir.clone();
                self.entries.insert(b"copy".to_vec(), Thing::Dir(copy));
            }
            (8 | 9, None) => {
                let mut dir = Self::default();
                for _ in 0..dice.between(0, 4) {
                    dir.add_file(dice);
                }
                self.entries.insert(name, Thing::Dir(dir));
            }
            (10, None) => {
                let file = File::new(dice, 60);
                self.entries.insert(name, Thing::File(file));
            }
            _ => self.add_file(dice),
        }
    }

    fn add_file(&mut self, dice: &mut Dice) {
        let name = format!("f{}", dice.below(6)).into_bytes();
        let file = File::new(dice, 4);
        self.entries.insert(name, Thing::File(file));
    }

    /// Returns everything with its path.
    pub(crate) fn flat(&self) -> Flat {
        let mut flat = Flat::from([(Vec::new(), None)]);
        self.collect(b"", &mut flat);
        flat
    }

    fn collect(&self, path: &[u8], flat: &mut Flat) {
        for (name, thing) in &self.entries {
            let path = join(path, name);
            match thing {
                Thing::Dir(dir) => {
                    dir.collect(&path, flat);
                    flat.insert(path, None);
                }
                Thing::File(file) => {
                    flat.insert(path, Some(file.content()));
                }
            }
        }
    }

    fn find(&self, path: &[u8]) -> Option<&File> {
        let (name, rest) = match path.iter().position(|byte| *byte == b'/') {
            Some(slash) => (path.get(..slash)?, path.get(slash + 1..)),
            None => (path, None),
        };
        match (self.entries.get(name)?, rest) {
            (Thing::Dir(dir), Some(rest)) => dir.find(rest),
            (Thing::File(file), None) => Some(file),
            _ => None,
        }
    }

    fn walk(&self, path: &[u8], name: &[u8], events: &mut Vec<WalkEvent>) {
        let root = node(name, NodeKind::Directory, 0, 0);
        events.push(WalkEvent::Enter(entry(path, root)));
        let path = join(path, name);
        for (name, thing) in &self.entries {
            match thing {
                Thing::Dir(dir) => dir.walk(&path, name, events),
                Thing::File(file) => {
                    let size = file.content().len() as u64;
                    let item = node(name, NodeKind::File, size, file.stamp);
                    events.push(WalkEvent::Item(entry(&path, item)));
                }
            }
        }
        events.push(WalkEvent::Leave);
    }
}

impl File {
    fn new(dice: &mut Dice, pieces_max: u64) -> Self {
        let len = dice.below(pieces_max + 1);
        let pieces = (0..len).map(|_| u8::try_from(dice.index(PIECES)).unwrap_or(0));
        Self {
            pieces: pieces.collect(),
            stamp: stamp(dice),
        }
    }

    fn content(&self) -> Vec<u8> {
        let pieces = self.pieces.iter();
        let pieces: Vec<&[u8]> = pieces
            .filter_map(|piece| POOL.get(usize::from(*piece)))
            .map(Vec::as_slice)
            .collect();
        pieces.concat()
    }
}

/// Returns a time of change that no other content has.
fn stamp(dice: &mut Dice) -> i64 {
    i64::try_from(dice.below(1 << 40)).unwrap_or(0) - (1 << 41)
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        name.to_vec()
    } else {
        [path, name].join(&b'/')
    }
}

fn entry(dir: &[u8], node: Node) -> Entry {
    Entry {
        dir: dir.into(),
        node,
    }
}

fn node(name: &[u8], kind: NodeKind, size: u64, stamp: i64) -> Node {
    let time = |seconds| Time { seconds, nanos: 1 };
    Node {
        name: name.to_vec(),
        kind,
        mode: 0o644,
        mtime: time(stamp),
        ctime: Some(time(stamp)),
        inode: 7,
        size,
        ..Node::default()
    }
}

const NAMES: [&str; 8] = ["a", "b", "bin", "copy", "etc", "log", "z", "zz"];

/// A tree as it is at one moment, to be backed up.
#[derive(Debug, Clone)]
pub(crate) struct TreeSource(pub(crate) Arc<Tree>);

impl Source for TreeSource {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        let mut events = Vec::new();
        self.0.walk(b"", b"", &mut events);
        Ok(Box::new(Events(events)))
    }

    fn fill(&self, batch: &mut Batch) {
        let Batch { items, data } = batch;
        for item in items {
            let from = data.len();
            if item.want_content
                && let Some(file) = self.0.find(&item.entry.path())
            {
                data.extend_from_slice(&file.content());
            }
            item.fill = Fill::Done {
                content: from..data.len(),
                changed: false,
            };
        }
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        let content = self.0.find(&entry.path()).map(File::content);
        Ok(Box::new(Rest(content.unwrap_or_default())))
    }

    fn owner_name(&self, _uid: u32) -> Option<Vec<u8>> {
        None
    }

    fn group_name(&self, _gid: u32) -> Option<Vec<u8>> {
        None
    }
}

#[derive(Debug)]
struct Events(Vec<WalkEvent>);

impl Walk for Events {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        events.append(&mut self.0);
        false
    }
}

/// What is left to be read of a large file.
#[derive(Debug)]
struct Rest(Vec<u8>);

impl Content for Rest {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        let len = self.0.len().min(buf.len());
        if len == 0 {
            return Ok(Piece::End);
        }
        let rest = self.0.split_off(len);
        if let Some(front) = buf.get_mut(..len) {
            front.copy_from_slice(&self.0);
        }
        self.0 = rest;
        Ok(Piece::Data(len))
    }

    fn finish(&mut self, _entry: &mut Entry) -> Result<bool, SourceError> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_in_order_and_content_is_found() {
        let mut dice = Dice::new(3);
        let mut tree = Tree::grow(&mut dice);
        for _ in 0..50 {
            tree.edit(&mut dice);
        }
        let flat = tree.flat();
        let files = flat
            .iter()
            .filter_map(|(path, content)| Some((path, content.as_ref()?)));
        for (path, content) in files {
            assert_eq!(tree.find(path).unwrap().content(), *content);
        }
        let mut events = Vec::new();
        tree.walk(b"", b"", &mut events);
        let entered = events
            .iter()
            .filter(|event| !matches!(event, WalkEvent::Leave))
            .count();
        assert_eq!(entered, flat.len());
    }
}
