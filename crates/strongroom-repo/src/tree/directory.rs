//! The entries of a directory.

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_PAGE_HEIGHT;
use strongroom_format::{Interior, Leaf, Names, Node, NodeKind, Page, PageType, Ref, RefKind};

use crate::blobs::{Blobs, NAMES, PAGE};
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;

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
    leaf: Option<LoadedLeaf>,
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
struct LoadedLeaf {
    leaf: Leaf,
    refs: Vec<Ref>,
}

#[derive(Debug)]
struct LoadedInterior {
    names: Interior,
    refs: Vec<Ref>,
}

enum Loaded {
    Leaf(LoadedLeaf),
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
            .as_mut()
            .and_then(|loaded| loaded.leaf.root.take());
        Ok(reader)
    }

    /// Returns the metadata of a snapshot's root directory, which its first leaf has.
    pub(crate) fn root_node(&self) -> Option<&Node> {
        self.root.as_deref()
    }

    /// Returns the names of the page of the entry returned last, for those of its owners; `None` while the page is not in memory.
    pub(crate) fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref().map(|loaded| &loaded.leaf)
    }

    /// Returns the next entry.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn next(&mut self) -> Result<Option<TreeEntry>> {
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

    fn advance(&mut self) -> Result<Option<TreeEntry>> {
        if self.leaf.is_none() {
            self.leaf = match load(&self.blobs, &self.leaf_id)? {
                Loaded::Leaf(leaf) => Some(leaf),
                Loaded::Interior(..) => return Err(invalid("a page has changed its type")),
            };
        }
        loop {
            if let Some(entry) = self.take_entry() {
                if !self.last_name.is_empty() && entry.node.name <= self.last_name {
                    return Err(invalid("the pages of a directory are not in order"));
                }
                self.last_name.clear();
                self.last_name.extend_from_slice(&entry.node.name);
                return Ok(Some(entry));
            }
            match self.next_page()? {
                Some(page) => self.descend(page)?,
                None => return Ok(None),
            }
            // Pages without entries could be had by the billion.
            if self
                .leaf
                .as_ref()
                .is_some_and(|loaded| loaded.leaf.entries.is_empty())
            {
                return Err(invalid("a page of a directory is empty"));
            }
        }
    }

    fn take_entry(&mut self) -> Option<TreeEntry> {
        let loaded = self.leaf.as_mut()?;
        let node = std::mem::take(loaded.leaf.entries.get_mut(self.next)?);
        self.next += 1;
        Some(entry_with_refs(node, &loaded.refs))
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
                    self.leaf = Some(leaf);
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
            Loaded::Leaf(LoadedLeaf { leaf, refs }) => {
                let found = leaf
                    .entries
                    .binary_search_by(|node| node.name.as_slice().cmp(name));
                let node = found.ok().and_then(|at| leaf.entries.into_iter().nth(at));
                return Ok(node.map(|node| entry_with_refs(node, &refs)));
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
fn expect_below(blobs: &Blobs, leaf: &LoadedLeaf) -> Result<()> {
    let directories = leaf
        .leaf
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
        (PageType::Leaf, Names::Leaf(leaf)) => Ok(Loaded::Leaf(LoadedLeaf {
            leaf,
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

fn entry_with_refs(node: Node, refs: &[Ref]) -> TreeEntry {
    let first = node.first_ref as usize;
    // Position 0 is the names blob.
    let own = match node.refs {
        0 => None,
        _ if first == 0 => None,
        count => first
            .checked_add(count as usize)
            .and_then(|end| refs.get(first..end)),
    };
    let refs = own.unwrap_or_default().to_vec();
    TreeEntry { node, refs }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}
