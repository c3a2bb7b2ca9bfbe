//! The entries of a directory.

use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_PAGE_HEIGHT;
use strongroom_format::{Interior, Leaf, Names, Node, NodeKind, Page, PageType, Ref, RefKind};

use crate::blobs::{Blobs, NAMES, PAGE};
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::tree::{Recorded, StoredLeaf};

/// An entry of a directory and what it refers to.
#[derive(Debug, Clone)]
pub(crate) struct TreeEntry {
    /// Its metadata.
    pub(crate) node: Node,
    /// Its part of the page's references; none when the page has not got them.
    pub(crate) refs: Vec<Ref>,
}

impl TreeEntry {
    /// Returns the first page of a directory; `None` if it is none.
    pub(crate) fn directory_page(&self) -> Option<Id> {
        match self.refs.as_slice() {
            [page] if self.node.kind == NodeKind::Directory && page.kind == RefKind::Page => {
                Some(page.id)
            }
            _ => None,
        }
    }
}

/// Reads a directory's entries in order, page by page: one leaf is in memory, and the pages above it.
///
/// Names come in strictly ascending order, whatever the pages say; so a directory has an end. A reader that has failed
/// stays failed.
#[derive(Debug)]
pub(crate) struct DirectoryReader {
    blobs: Blobs,
    branches: Vec<Branch>,
    leaf_id: Id,
    leaf: Option<Arc<StoredLeaf>>,
    next: usize,
    last_name: Vec<u8>,
    root: Option<Box<Node>>,
    state: ReaderState,
    /// The directories below will be entered too.
    ahead: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Reading,
    Ended,
    Failed,
}

#[derive(Debug)]
struct Branch {
    id: Id,
    height: u8,
    /// Position of the next child, from 0.
    next: usize,
    page: Option<LoadedInterior>,
}

#[derive(Debug)]
struct LoadedInterior {
    names: Interior,
    refs: Vec<Ref>,
}

enum Loaded {
    Leaf(StoredLeaf),
    Interior(u8, LoadedInterior),
}

impl DirectoryReader {
    /// Opens the directory that begins at `page`, and reads its first leaf.
    ///
    /// # Errors
    ///
    /// As [`Blobs::read`]; `Damaged` or `Incompatible` when a page breaks a rule of the format.
    pub(crate) fn open(blobs: &Blobs, page: &Id) -> Result<Self> {
        Self::open_with(blobs, page, false)
    }

    /// Like [`open`](Self::open), for a walk that enters every directory: what the directories below need is fetched ahead, so that it comes
    /// in few requests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn open_ahead(blobs: &Blobs, page: &Id) -> Result<Self> {
        Self::open_with(blobs, page, true)
    }

    fn open_with(blobs: &Blobs, page: &Id, ahead: bool) -> Result<Self> {
        let mut reader = Self {
            blobs: blobs.clone(),
            branches: Vec::new(),
            leaf_id: *page,
            leaf: None,
            next: 0,
            last_name: Vec::new(),
            root: None,
            state: ReaderState::Reading,
            ahead,
        };
        reader.descend(*page)?;
        reader.root = reader
            .leaf
            .as_ref()
            .and_then(|leaf| leaf.names.root.clone());
        Ok(reader)
    }

    /// Returns the metadata of a snapshot's root directory, which its first leaf has.
    pub(crate) fn root_node(&self) -> Option<&Node> {
        self.root.as_deref()
    }

    /// Returns the names of the page of the entry returned last, for those of its owners; `None` while the page is not in memory.
    pub(crate) fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref().map(|leaf| &leaf.names)
    }

    /// Returns the next entry.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn next(&mut self) -> Result<Option<TreeEntry>> {
        let entry = self.step()?;
        Ok(
            entry.and_then(|at| match self.leaf.as_mut().map(Arc::get_mut) {
                // Nobody else has it, and it is not asked for again.
                Some(Some(leaf)) => {
                    let node = std::mem::take(leaf.names.entries.get_mut(at)?);
                    let refs = leaf.refs_of(&node).to_vec();
                    Some(TreeEntry { node, refs })
                }
                _ => self.leaf.as_ref()?.entry(at),
            }),
        )
    }

    /// Returns the next entry without copying it. Not to be mixed with [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn next_recorded(&mut self) -> Result<Option<Recorded>> {
        let entry = self.step()?;
        Ok(entry.and_then(|at| Recorded::new(self.leaf.as_ref()?, at)))
    }

    /// Goes to the next entry, and returns its place in the leaf.
    fn step(&mut self) -> Result<Option<usize>> {
        match self.state {
            ReaderState::Reading => {}
            ReaderState::Ended => return Ok(None),
            ReaderState::Failed => return Err(invalid("a directory cannot be read")),
        }
        let entry = self.advance();
        match &entry {
            Ok(Some(_)) => {}
            Ok(None) => self.state = ReaderState::Ended,
            Err(_) => self.state = ReaderState::Failed,
        }
        entry
    }

    /// Gives back the memory of the pages. They are read again when the next entry is asked for.
    pub(crate) fn park(&mut self) {
        self.leaf = None;
        for branch in &mut self.branches {
            branch.page = None;
        }
    }

    fn advance(&mut self) -> Result<Option<usize>> {
        if self.leaf.is_none() {
            self.leaf = match load(&self.blobs, &self.leaf_id)? {
                Loaded::Leaf(leaf) => Some(Arc::new(leaf)),
                Loaded::Interior(..) => return Err(invalid("a page has changed its type")),
            };
        }
        loop {
            let entries = self.leaf.as_ref().map(|leaf| &leaf.names.entries);
            if let Some(entry) = entries.and_then(|entries| entries.get(self.next)) {
                if !self.last_name.is_empty() && entry.name <= self.last_name {
                    return Err(invalid("the pages of a directory are not in order"));
                }
                self.last_name.clear();
                self.last_name.extend_from_slice(&entry.name);
                self.next += 1;
                return Ok(Some(self.next - 1));
            }
            match self.next_page()? {
                Some(page) => self.descend(page)?,
                None => return Ok(None),
            }
            // Pages without entries could be had by the billion.
            if self
                .leaf
                .as_ref()
                .is_some_and(|leaf| leaf.names.entries.is_empty())
            {
                return Err(invalid("a page of a directory is empty"));
            }
        }
    }

    /// Finds the page after the leaf that has ended.
    fn next_page(&mut self) -> Result<Option<Id>> {
        while let Some(branch) = self.branches.last_mut() {
            if branch.page.is_none() {
                branch.page = match load(&self.blobs, &branch.id)? {
                    Loaded::Interior(_, page) => Some(page),
                    Loaded::Leaf(_) => return Err(invalid("a page has changed its type")),
                };
            }
            let refs = branch.page.as_ref().map_or(&[][..], |page| &page.refs);
            if let Some(child) = refs.get(branch.next + 1) {
                branch.next += 1;
                return Ok(Some(child.id));
            }
            self.branches.pop();
        }
        Ok(None)
    }

    /// Loads pages from `id` down to a leaf.
    fn descend(&mut self, mut id: Id) -> Result<()> {
        loop {
            let above = self
                .branches
                .last()
                .map_or(MAX_PAGE_HEIGHT + 1, |branch| branch.height);
            match load(&self.blobs, &id)? {
                Loaded::Leaf(leaf) => {
                    if self.ahead {
                        expect_below(&self.blobs, &leaf)?;
                    }
                    self.leaf_id = id;
                    self.leaf = Some(Arc::new(leaf));
                    self.next = 0;
                    return Ok(());
                }
                Loaded::Interior(height, page) if height < above => {
                    let child = page.refs.get(1).map(|child| child.id);
                    self.branches.push(Branch {
                        id,
                        height,
                        next: 1,
                        page: Some(page),
                    });
                    id = child.ok_or_else(|| invalid("an interior page has no children"))?;
                }
                Loaded::Interior(..) => {
                    return Err(invalid("the pages of a directory do not descend"));
                }
            }
        }
    }
}

/// Looks one name up in the directory that begins at `page`, reading one page of each height.
///
/// # Errors
///
/// As [`DirectoryReader::open`].
pub(crate) fn find(blobs: &Blobs, page: &Id, name: &[u8]) -> Result<Option<TreeEntry>> {
    let mut id = *page;
    let mut above = MAX_PAGE_HEIGHT + 1;
    loop {
        match load(blobs, &id)? {
            Loaded::Leaf(leaf) => {
                let entries = &leaf.names.entries;
                let found = entries.binary_search_by(|node| node.name.as_slice().cmp(name));
                return Ok(found.ok().and_then(|at| leaf.entry(at)));
            }
            Loaded::Interior(height, page) if height < above => {
                let after = page
                    .names
                    .children
                    .partition_point(|(first, _)| first.as_slice() <= name);
                if after == 0 {
                    return Ok(None);
                }
                let child = page.refs.get(after);
                id = child
                    .ok_or_else(|| invalid("an interior page has too few children"))?
                    .id;
                above = height;
            }
            Loaded::Interior(..) => return Err(invalid("the pages of a directory do not descend")),
        }
    }
}

/// Fetches the first pages of the directories in a leaf, and begins to fetch their names.
fn expect_below(blobs: &Blobs, leaf: &StoredLeaf) -> Result<()> {
    let directories = leaf
        .names
        .entries
        .iter()
        .filter(|node| node.kind == NodeKind::Directory);
    let pages: Vec<Id> = directories
        .filter_map(|node| leaf.refs.get(node.first_ref as usize))
        .filter(|page| page.kind == RefKind::Page)
        .map(|page| page.id)
        .collect();
    if pages.len() < 2 {
        // It would be waited for at once.
        return Ok(());
    }
    blobs.expect(&pages)?;
    let mut names = Vec::with_capacity(pages.len());
    for page in &pages {
        match blobs.read(PAGE, page) {
            Ok(page) => names.extend(names_of(&page)),
            Err(error) if is_loss(&error) => {}
            Err(error) => return Err(error),
        }
    }
    blobs.expect(&names)
}

/// Returns the names blob of a page, if it has one.
fn names_of(page: &[u8]) -> Option<Id> {
    let page = Page::decode(page).ok()?;
    let first = page.refs.first()?;
    (first.kind == RefKind::Names).then_some(first.id)
}

fn load(blobs: &Blobs, id: &Id) -> Result<Loaded> {
    let broken = |error| {
        Error::new(
            ErrorKind::Damaged,
            "a page of a directory breaks the format",
        )
        .caused_by(error)
    };
    let page = Page::decode(&blobs.read(PAGE, id)?).map_err(broken)?;
    let names = match page.refs.first() {
        Some(names) if names.kind == RefKind::Names => names.id,
        _ => return Err(invalid("a page has no names")),
    };
    let names = Names::decode(&blobs.read(NAMES, &names)?).map_err(broken)?;
    match (page.page_type, names) {
        (PageType::Leaf, Names::Leaf(names)) => Ok(Loaded::Leaf(StoredLeaf {
            id: *id,
            names,
            refs: page.refs,
        })),
        (PageType::Interior, Names::Interior(names))
            if names.children.len() + 1 == page.refs.len() =>
        {
            Ok(Loaded::Interior(
                page.height,
                LoadedInterior {
                    names,
                    refs: page.refs,
                },
            ))
        }
        _ => Err(invalid("a page does not suit its names")),
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}
