//! Trees as values.

use std::collections::BTreeMap;

use strongroom_format::{Node, NodeKind, Time};

/// A piece of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// These bytes, one blob.
    Data(Vec<u8>),
    /// So many zeros, a hole.
    Zeros(u64),
}

/// An entry and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree {
    Dir(BTreeMap<Vec<u8>, Self>),
    /// Content, and the number of its link set.
    File(Vec<Content>, Option<u64>),
    Symlink(Vec<u8>),
}

impl Tree {
    /// Makes a directory of named entries.
    pub(crate) fn dir<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let named = entries
            .into_iter()
            .map(|(name, tree)| (name.as_bytes().to_vec(), tree));
        Self::Dir(named.collect())
    }

    /// Makes a file of one blob; empty content is no blob.
    pub(crate) fn file(content: &[u8]) -> Self {
        let pieces = if content.is_empty() {
            Vec::new()
        } else {
            vec![Content::Data(content.to_vec())]
        };
        Self::File(pieces, None)
    }

    /// Returns every entry with its path, as a target that has restored it shows it.
    pub(crate) fn flat(&self) -> BTreeMap<Vec<u8>, (NodeKind, Vec<u8>)> {
        let mut flat = BTreeMap::new();
        self.collect(Vec::new(), &mut flat);
        flat
    }

    fn collect(&self, path: Vec<u8>, flat: &mut BTreeMap<Vec<u8>, (NodeKind, Vec<u8>)>) {
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
    pub(crate) fn node(&self, name: &[u8]) -> Node {
        let mut node = Node {
            name: name.to_vec(),
            mode: 0o640,
            ..Node::default()
        };
        node.mtime = Time::new(1_700_000_000 + name.len() as i64, 5);
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

fn content(pieces: &[Content]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        match piece {
            Content::Data(data) => bytes.extend_from_slice(data),
            Content::Zeros(len) => bytes.resize(bytes.len() + usize::try_from(*len).unwrap(), 0),
        }
    }
    bytes
}
