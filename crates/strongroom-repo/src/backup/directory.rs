//! A directory of the new tree, page by page.

use strongroom_format::{Node, Ref, split};

use super::Run;
use super::directory_pages::{Child, DirectoryPages};
use super::judge::OwnRecord;
use super::owners::OwnerNames;
use crate::error::{Error, ErrorKind, Result};
use crate::tree::Recorded;

/// A directory being built.
///
/// As long as its entries are those of a leaf of the parent's tree, one after another from the first, nothing is gathered: `follows` is
/// how far they go. If they are the whole leaf in the end, that leaf is theirs as it is, and is neither encoded nor looked at again.
#[derive(Debug)]
pub(super) struct Directory {
    own: Own,
    path: Vec<u8>,
    follows: Option<Recorded>,
    pages: DirectoryPages,
}

/// A directory's own metadata.
#[derive(Debug)]
pub(super) enum Own {
    /// As the parent has it.
    Known(OwnRecord),
    /// As it is now.
    New(Box<Node>),
}

impl Own {
    fn node(&self) -> &Node {
        match self {
            Self::Known(record) => record.node(),
            Self::New(node) => node,
        }
    }
}

impl Directory {
    /// Begins a directory below the one whose path is `above`.
    pub(super) fn new(own: Own, above: &[u8]) -> Self {
        let node = own.node();
        let mut path = Vec::with_capacity(above.len() + 1 + node.name.len());
        path.extend_from_slice(above);
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&node.name);
        let root = node.name.is_empty().then(|| Box::new(node.clone()));
        Self {
            own,
            path,
            follows: None,
            pages: DirectoryPages::new(root),
        }
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Adds an entry that is as the parent's tree has it.
    pub(super) fn add_recorded(
        &mut self,
        run: &Run<'_>,
        owners: &mut OwnerNames,
        recorded: Recorded,
    ) -> Result<()> {
        if let Some(last) = &self.follows {
            if recorded.comes_after(last) {
                self.follows = Some(recorded);
                return Ok(());
            }
            self.settle(run, owners)?;
        }
        if recorded.is_first() && self.pages.entries().is_empty() {
            self.follows = Some(recorded);
            return Ok(());
        }
        self.gather(
            run,
            owners,
            recorded.node().clone(),
            recorded.refs().to_vec(),
        )
    }

    /// Adds an entry.
    pub(super) fn add(
        &mut self,
        run: &Run<'_>,
        owners: &mut OwnerNames,
        node: Node,
        refs: Vec<Ref>,
    ) -> Result<()> {
        self.settle(run, owners)?;
        self.gather(run, owners, node, refs)
    }

    /// Returns its own metadata, and what refers to it.
    pub(super) fn finish(mut self, run: &Run<'_>, owners: &mut OwnerNames) -> Result<(Own, Ref)> {
        let mut last_leaf = None;
        if let Some(last) = self.follows.take() {
            match last.is_last() && self.is_stored(run, owners, &last)? {
                true => last_leaf = Some(self.kept(&last)),
                false => self.copy(run, owners, &last)?,
            }
        }
        let is_gathered = self.pages.has_no_page() || !self.pages.entries().is_empty();
        if last_leaf.is_none() && is_gathered {
            last_leaf = Some(self.leaf(run, owners)?);
        }
        let page = self.pages.finish(&mut &*run.tree, last_leaf)?;
        Ok((self.own, page))
    }

    fn gather(
        &mut self,
        run: &Run<'_>,
        owners: &mut OwnerNames,
        node: Node,
        refs: Vec<Ref>,
    ) -> Result<()> {
        let last = self.pages.entries().last();
        if last.is_some_and(|last| last.name >= node.name) {
            return Err(Error::new(
                ErrorKind::Internal,
                "the source's entries are not in order",
            ));
        }
        if self.pages.gather(node, refs)? {
            let leaf = self.leaf(run, owners)?;
            self.pages.push(&mut &*run.tree, leaf)?;
        }
        Ok(())
    }

    /// Ends following, because something else comes: keeps the parent's leaf if it ends here by itself, and copies what was followed of it if not.
    fn settle(&mut self, run: &Run<'_>, owners: &mut OwnerNames) -> Result<()> {
        let Some(last) = self.follows.take() else {
            return Ok(());
        };
        if !last.is_last() || !ends_by_itself(&last) || !self.is_stored(run, owners, &last)? {
            return self.copy(run, owners, &last);
        }
        let leaf = self.kept(&last);
        self.pages.push(&mut &*run.tree, leaf)
    }

    /// Gathers what was followed.
    fn copy(&mut self, run: &Run<'_>, owners: &mut OwnerNames, last: &Recorded) -> Result<()> {
        last.up_to_here().try_for_each(|entry| {
            let refs = entry.refs().to_vec();
            self.gather(run, owners, entry.node().clone(), refs)
        })
    }

    /// Says whether a leaf of the parent's, all of whose entries were followed, is what would be written, and has good copies.
    fn is_stored(
        &mut self,
        run: &Run<'_>,
        owners: &mut OwnerNames,
        last: &Recorded,
    ) -> Result<bool> {
        let leaf = last.leaf();
        let is_same = leaf.names.unknown.is_empty()
            && leaf.names.root == *self.pages.root()
            && owners.are_in(run, &leaf.names);
        let Some(names) = leaf.refs.first().filter(|_| is_same) else {
            return Ok(false);
        };
        Ok(run.known.has(&leaf.id)? && run.known.has(&names.id)?)
    }

    /// Takes over a leaf of the parent's.
    fn kept(&mut self, last: &Recorded) -> Child {
        let leaf = last.leaf();
        *self.pages.root() = None;
        let entries = &leaf.names.entries;
        Child {
            first: entries
                .first()
                .map(|node| node.name.clone())
                .unwrap_or_default(),
            count: entries.len() as u64,
            page: leaf.reference(),
        }
    }

    /// Writes the leaf that has been gathered.
    fn leaf(&mut self, run: &Run<'_>, owners: &mut OwnerNames) -> Result<Child> {
        let users = owners.users(run, self.pages.nodes().map(|node| node.uid));
        let groups = owners.groups(run, self.pages.nodes().map(|node| node.gid));
        self.pages.leaf(&mut &*run.tree, users, groups)
    }
}

/// Says whether a leaf ends after this entry, its last, whatever comes behind it.
fn ends_by_itself(last: &Recorded) -> bool {
    let entries = &last.leaf().names.entries;
    let bytes = entries.iter().map(Node::encoded_len).sum();
    split::leaf_ends(entries.len(), bytes, &last.node().name)
}
