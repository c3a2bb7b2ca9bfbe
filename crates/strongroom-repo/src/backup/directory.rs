//! A directory of the new tree, page by page.

use strongroom_format::{Interior, Leaf, Names, Node, Page, PageType, Ref, split};

use super::Run;
use super::judge::OwnRecord;
use super::levels::{Levels, Pages};
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
    /// Goes into the first leaf, if this is the root.
    root: Option<Box<Node>>,
    follows: Option<Recorded>,
    entries: Vec<Node>,
    refs: Vec<Ref>,
    names_bytes: usize,
    levels: Levels<Child>,
}

/// A directory's own metadata.
#[derive(Debug)]
pub(super) enum Own {
    /// As the parent has it.
    Known(OwnRecord),
    /// As it is now.
    New(Box<Node>),
}

/// A finished page of a directory.
#[derive(Debug)]
struct Child {
    first: Vec<u8>,
    count: u64,
    page: Ref,
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
            root,
            follows: None,
            entries: Vec::new(),
            refs: Vec::new(),
            names_bytes: 0,
            levels: Levels::new(),
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
        if recorded.is_first() && self.entries.is_empty() {
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
        let nothing_yet = self.levels.is_empty();
        if last_leaf.is_none() && (nothing_yet || !self.entries.is_empty()) {
            last_leaf = Some(self.leaf(run, owners)?);
        }
        if let Some(leaf) = last_leaf {
            if nothing_yet {
                return Ok((self.own, leaf.page));
            }
            self.levels.push(&mut DirectoryPages(run), 1, leaf)?;
        }
        let mut pages = DirectoryPages(run);
        let mut top = self.levels.finish(&mut pages, 1)?;
        let page = match top.pop() {
            Some(only) if top.is_empty() => only.page,
            Some(last) => {
                top.push(last);
                pages.write(1, top)?.page
            }
            None => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "a directory without a page",
                ));
            }
        };
        Ok((self.own, page))
    }

    fn gather(
        &mut self,
        run: &Run<'_>,
        owners: &mut OwnerNames,
        mut node: Node,
        refs: Vec<Ref>,
    ) -> Result<()> {
        if self
            .entries
            .last()
            .is_some_and(|last| last.name >= node.name)
        {
            return Err(Error::new(
                ErrorKind::Internal,
                "the source's entries are not in order",
            ));
        }
        let too_many = |_| Error::new(ErrorKind::Internal, "too many references in a page");
        node.refs = u32::try_from(refs.len()).map_err(too_many)?;
        node.first_ref = match refs.is_empty() {
            true => 0,
            false => u32::try_from(self.refs.len() + 1).map_err(too_many)?,
        };
        self.names_bytes += node.encoded_len();
        self.refs.extend(refs);
        let ends = split::leaf_ends(self.entries.len() + 1, self.names_bytes, &node.name);
        self.entries.push(node);
        if ends {
            let leaf = self.leaf(run, owners)?;
            self.levels.push(&mut DirectoryPages(run), 1, leaf)?;
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
        self.levels.push(&mut DirectoryPages(run), 1, leaf)
    }

    /// Gathers what was followed.
    fn copy(&mut self, run: &Run<'_>, owners: &mut OwnerNames, last: &Recorded) -> Result<()> {
        last.up_to_here().try_for_each(|entry| {
            let refs = entry.refs().to_vec();
            self.gather(run, owners, entry.node().clone(), refs)
        })
    }

    /// Says whether a leaf of the parent's, all of whose entries were followed, is what would be written, and has good copies.
    fn is_stored(&self, run: &Run<'_>, owners: &mut OwnerNames, last: &Recorded) -> Result<bool> {
        let leaf = last.leaf();
        let is_same = leaf.names.unknown.is_empty()
            && leaf.names.root == self.root
            && owners.are_in(run, &leaf.names);
        let Some(names) = leaf.refs.first().filter(|_| is_same) else {
            return Ok(false);
        };
        Ok(run.known.has(&leaf.id)? && run.known.has(&names.id)?)
    }

    /// Takes over a leaf of the parent's.
    fn kept(&mut self, last: &Recorded) -> Child {
        let leaf = last.leaf();
        self.root = None;
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
        let entries = std::mem::take(&mut self.entries);
        self.names_bytes = 0;
        let first = entries
            .first()
            .map(|node| node.name.clone())
            .unwrap_or_default();
        let count = entries.len() as u64;
        let root = self.root.take();
        let nodes = || entries.iter().chain(root.as_deref());
        let users = owners.users(run, nodes().map(|node| node.uid));
        let groups = owners.groups(run, nodes().map(|node| node.gid));
        let leaf = Leaf {
            entries,
            owners: users,
            groups,
            root,
            unknown: Default::default(),
        };
        let names = run.tree.names(&Names::Leaf(leaf))?;
        let mut refs = vec![names];
        refs.append(&mut self.refs);
        let page = run.tree.page(&Page {
            page_type: PageType::Leaf,
            height: 0,
            refs,
        })?;
        Ok(Child { first, count, page })
    }
}

/// Says whether a leaf ends after this entry, its last, whatever comes behind it.
fn ends_by_itself(last: &Recorded) -> bool {
    let entries = &last.leaf().names.entries;
    let bytes = entries.iter().map(Node::encoded_len).sum();
    split::leaf_ends(entries.len(), bytes, &last.node().name)
}

struct DirectoryPages<'r, 'a>(&'r Run<'a>);

impl Pages<Child> for DirectoryPages<'_, '_> {
    fn ends(&self, _height: u8, items: &[Child]) -> bool {
        let bytes = items.iter().map(|child| child.first.len()).sum();
        items
            .last()
            .is_some_and(|last| split::interior_ends(items.len(), bytes, &last.first))
    }

    fn write(&mut self, height: u8, items: Vec<Child>) -> Result<Child> {
        let count = items.iter().map(|child| child.count).sum();
        let first = items
            .first()
            .map(|child| child.first.clone())
            .unwrap_or_default();
        let mut refs = Vec::with_capacity(items.len() + 1);
        let children = items
            .iter()
            .map(|child| (child.first.clone(), child.count))
            .collect();
        let interior = Interior {
            children,
            unknown: Default::default(),
        };
        refs.push(self.0.tree.names(&Names::Interior(interior))?);
        refs.extend(items.into_iter().map(|child| child.page));
        let page = self.0.tree.page(&Page {
            page_type: PageType::Interior,
            height,
            refs,
        })?;
        Ok(Child { first, count, page })
    }
}
