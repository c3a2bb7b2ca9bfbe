//! Trees as values.

use std::collections::BTreeMap;

use strongroom_format::{Node, NodeKind, Time};

/// A piece of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// These bytes.
    Data(Vec<u8>),
    /// So many zeros: a hole, where holes are told apart.
    Zeros(u64),
}

/// Every entry of a tree by its path, with its kind and its content, or a symbolic link's target. The root's path is empty.
pub type Flat = BTreeMap<Vec<u8>, (NodeKind, Vec<u8>)>;

/// An entry and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tree {
    /// A directory, by name.
    Dir(BTreeMap<Vec<u8>, Self>),
    /// A file: its content, and a number that it shares with the other names of the same file.
    File(Vec<Content>, Option<u64>),
    /// A symbolic link to this.
    Symlink(Vec<u8>),
}

impl Tree {
    /// Makes a directory of named entries.
    #[must_use]
    pub fn dir<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let named = entries
            .into_iter()
            .map(|(name, tree)| (name.as_bytes().to_vec(), tree));
        Self::Dir(named.collect())
    }

    /// Makes a file of one piece; empty content is no piece.
    #[must_use]
    pub fn file(content: &[u8]) -> Self {
        let pieces = if content.is_empty() {
            Vec::new()
        } else {
            vec![Content::Data(content.to_vec())]
        };
        Self::File(pieces, None)
    }

    /// Returns every entry with its path, as a target that has restored it shows it.
    #[must_use]
    pub fn flat(&self) -> Flat {
        let mut flat = Flat::new();
        self.collect(Vec::new(), &mut flat);
        flat
    }

    fn collect(&self, path: Vec<u8>, flat: &mut Flat) {
        match self {
            Self::Dir(entries) => {
                for (name, entry) in entries {
                    let below = if path.is_empty() {
                        name.clone()
                    } else {
                        [&path, name.as_slice()].join(&b'/')
                    };
                    entry.collect(below, flat);
                }
                flat.insert(path, (NodeKind::Directory, Vec::new()));
            }
            Self::File(pieces, _) => {
                flat.insert(path, (NodeKind::File, content(pieces)));
            }
            Self::Symlink(target) => {
                flat.insert(path, (NodeKind::Symlink, target.clone()));
            }
        }
    }

    /// Returns the metadata of an entry of this name.
    #[must_use]
    pub fn node(&self, name: &[u8]) -> Node {
        let mut node = Node {
            name: name.to_vec(),
            mode: 0o640,
            ..Node::default()
        };
        node.mtime = Time::new(1_700_000_000 + i64::try_from(name.len()).unwrap_or(0), 5);
        match self {
            Self::Dir(_) => {
                node.kind = NodeKind::Directory;
                node.mode = 0o750;
            }
            Self::File(pieces, link) => {
                node.size = content(pieces).len() as u64;
                node.link = *link;
            }
            Self::Symlink(target) => {
                node.kind = NodeKind::Symlink;
                node.target = Some(target.clone());
            }
        }
        node
    }
}

/// Returns how many zeros of a hole are there.
pub(super) fn zeros(len: u64) -> usize {
    usize::try_from(len).expect("a tree fits into memory")
}

fn content(pieces: &[Content]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        match piece {
            Content::Data(data) => bytes.extend_from_slice(data),
            Content::Zeros(len) => bytes.resize(bytes.len() + zeros(*len), 0),
        }
    }
    bytes
}
