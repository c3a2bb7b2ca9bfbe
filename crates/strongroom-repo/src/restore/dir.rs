//! Directories that are being restored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_format::Node;

/// A directory that is not finished. It is finished when nothing is pending in it any more: the walk has left it, its
/// files are written, the directories in it are finished.
#[derive(Debug)]
pub(super) struct Dir {
    parent: Option<Arc<Self>>,
    pub(super) node: Node,
    /// It was there before: things may be in it.
    pub(super) existed: bool,
    /// Its metadata is to be restored.
    pub(super) has_metadata: bool,
    pending: AtomicUsize,
}

impl Dir {
    /// Makes one that the walk is in; it is pending in its parent.
    pub(super) fn new(
        parent: Option<&Arc<Self>>,
        node: Node,
        existed: bool,
        has_metadata: bool,
    ) -> Arc<Self> {
        if let Some(parent) = parent {
            parent.hold();
        }
        let pending = AtomicUsize::new(1);
        Arc::new(Self {
            parent: parent.cloned(),
            node,
            existed,
            has_metadata,
            pending,
        })
    }

    /// Adds something pending.
    pub(super) fn hold(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes away something pending; true when that was the last.
    pub(super) fn release(&self) -> bool {
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(super) fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Writes its path over `out`.
    pub(super) fn path(&self, out: &mut Vec<u8>) {
        self.path_of(b"", out);
    }

    /// Writes the path of an entry of it over `out`.
    ///
    /// Directories know their names only: of a chain of 65,536 the paths alone would be gigabytes.
    pub(super) fn path_of(&self, name: &[u8], out: &mut Vec<u8>) {
        out.clear();
        push_reversed(name, out);
        let mut next = Some(self);
        while let Some(dir) = next {
            push_reversed(&dir.node.name, out);
            next = dir.parent.as_deref();
        }
        out.reverse();
    }
}

fn push_reversed(name: &[u8], out: &mut Vec<u8>) {
    if name.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push(b'/');
    }
    out.extend(name.iter().rev());
}

impl Drop for Dir {
    /// Drops a chain of parents one after another; the default would recurse as deep as it is long.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(dir) = parent {
            parent = Arc::into_inner(dir).and_then(|mut dir| dir.parent.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(parent: Option<&Arc<Dir>>, name: &[u8]) -> Arc<Dir> {
        Dir::new(
            parent,
            Node {
                name: name.to_vec(),
                ..Node::default()
            },
            false,
            true,
        )
    }

    #[test]
    fn paths_are_joined_from_names() {
        let root = dir(None, b"");
        let usr = dir(Some(&root), b"usr");
        let lib = dir(Some(&usr), b"lib");
        let mut path = b"rubbish".to_vec();
        lib.path_of(b"libc.so", &mut path);
        assert_eq!(path, b"usr/lib/libc.so");
        lib.path(&mut path);
        assert_eq!(path, b"usr/lib");
        root.path_of(b"etc", &mut path);
        assert_eq!(path, b"etc");
        root.path(&mut path);
        assert_eq!(path, b"");
    }

    #[test]
    fn a_parent_is_released_after_its_children() {
        let root = dir(None, b"");
        let child = dir(Some(&root), b"a");
        assert!(!root.release());
        assert!(child.release());
        assert!(child.parent().is_some_and(|parent| parent.release()));
    }

    #[test]
    fn the_deepest_chain_is_dropped_without_recursion() {
        let mut deepest = dir(None, b"");
        for _ in 0..200_000 {
            deepest = dir(Some(&deepest), b"d");
        }
        drop(deepest);
    }
}
