//! The pages of one directory, whoever writes it and for what.

use strongroom_format::{Interior, Leaf, Names, Node, Page, PageType, Ref, split};

use super::levels::{Levels, Pages};
use crate::error::{Error, ErrorKind, Result};

/// Where pages are stored, and the names in them.
pub(crate) trait PageStore {
    /// Stores the names of a page and returns the page's first reference.
    fn names(&mut self, names: &Names) -> Result<Ref>;

    /// Stores a page and returns what refers to it.
    fn page(&mut self, page: &Page) -> Result<Ref>;
}

/// The names of users or groups, by number.
pub(crate) type OwnerTable = Vec<(u32, Vec<u8>)>;

/// A directory as pages, written from left to right: the leaf that is being gathered, and what was written before it.
#[derive(Debug)]
pub(crate) struct DirectoryPages {
    root: Option<Box<Node>>,
    entries: Vec<Node>,
    refs: Vec<Ref>,
    names_bytes: usize,
    levels: Levels<Child>,
}

/// A finished page of a directory.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) first: Vec<u8>,
    pub(crate) count: u64,
    pub(crate) page: Ref,
}

impl DirectoryPages {
    /// Begins a directory. Of a snapshot's root, its own metadata goes into the first leaf.
    pub(crate) fn new(root: Option<Box<Node>>) -> Self {
        Self {
            root,
            entries: Vec::new(),
            refs: Vec::new(),
            names_bytes: 0,
            levels: Levels::new(),
        }
    }

    /// Returns the root's metadata, as long as no leaf has them.
    pub(crate) fn root(&mut self) -> &mut Option<Box<Node>> {
        &mut self.root
    }

    /// Says whether no page was written yet.
    pub(crate) fn has_no_page(&self) -> bool {
        self.levels.is_empty()
    }

    /// Returns the entries of the leaf that is being gathered.
    pub(crate) fn entries(&self) -> &[Node] {
        &self.entries
    }

    /// Returns everything whose owners the leaf that is being gathered names: its entries, and in the first one the root.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.entries.iter().chain(self.root.as_deref())
    }

    /// Adds an entry to the leaf that is being gathered, and says whether the leaf ends after it.
    ///
    /// # Errors
    ///
    /// `Internal` for more references than a page can have.
    pub(crate) fn gather(&mut self, mut node: Node, refs: Vec<Ref>) -> Result<bool> {
        let too_many = |_| Error::new(ErrorKind::Internal, "too many references in a page");
        node.refs = u32::try_from(refs.len()).map_err(too_many)?;
        // The first one of a page is that of its names.
        node.first_ref = match refs.is_empty() {
            true => 0,
            false => u32::try_from(self.refs.len() + 1).map_err(too_many)?,
        };
        self.names_bytes += node.encoded_len();
        self.refs.extend(refs);
        let ends = split::leaf_ends(self.entries.len() + 1, self.names_bytes, &node.name);
        self.entries.push(node);
        Ok(ends)
    }

    /// Writes the leaf that has been gathered.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) fn leaf(
        &mut self,
        store: &mut impl PageStore,
        owners: OwnerTable,
        groups: OwnerTable,
    ) -> Result<Child> {
        let entries = std::mem::take(&mut self.entries);
        self.names_bytes = 0;
        let first = entries.first().map(|node| node.name.clone());
        let count = entries.len() as u64;
        let leaf = Leaf {
            entries,
            owners,
            groups,
            root: self.root.take(),
            unknown: Default::default(),
        };
        let mut refs = vec![store.names(&Names::Leaf(leaf))?];
        refs.append(&mut self.refs);
        let page = store.page(&Page {
            page_type: PageType::Leaf,
            height: 0,
            refs,
        })?;
        let first = first.unwrap_or_default();
        Ok(Child { first, count, page })
    }

    /// Adds a leaf that is stored.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) fn push(&mut self, store: &mut impl PageStore, leaf: Child) -> Result<()> {
        self.levels.push(&mut Interiors(store), 1, leaf)
    }

    /// Ends with the last leaf, if one was written that was not added, and returns what refers to the directory.
    ///
    /// # Errors
    ///
    /// Those of the store; `Internal` for a directory without a leaf.
    pub(crate) fn finish(mut self, store: &mut impl PageStore, last: Option<Child>) -> Result<Ref> {
        if let Some(leaf) = last {
            if self.levels.is_empty() {
                return Ok(leaf.page);
            }
            self.push(store, leaf)?;
        }
        let mut interiors = Interiors(store);
        let mut top = self.levels.finish(&mut interiors, 1)?;
        match top.pop() {
            Some(only) if top.is_empty() => Ok(only.page),
            Some(last) => {
                top.push(last);
                Ok(interiors.write(1, top)?.page)
            }
            None => Err(Error::new(
                ErrorKind::Internal,
                "a directory without a page",
            )),
        }
    }
}

/// The pages above the leaves.
struct Interiors<'s, S>(&'s mut S);

impl<S: PageStore> Pages<Child> for Interiors<'_, S> {
    fn ends(&self, _height: u8, items: &[Child]) -> bool {
        let bytes = items.iter().map(|child| child.first.len()).sum();
        let last = items.last();
        last.is_some_and(|last| split::interior_ends(items.len(), bytes, &last.first))
    }

    fn write(&mut self, height: u8, items: Vec<Child>) -> Result<Child> {
        let count = items.iter().map(|child| child.count).sum();
        let first = items.first().map(|child| child.first.clone());
        let interior = Interior {
            children: items
                .iter()
                .map(|child| (child.first.clone(), child.count))
                .collect(),
            unknown: Default::default(),
        };
        let mut refs = Vec::with_capacity(items.len() + 1);
        refs.push(self.0.names(&Names::Interior(interior))?);
        refs.extend(items.into_iter().map(|child| child.page));
        let page = self.0.page(&Page {
            page_type: PageType::Interior,
            height,
            refs,
        })?;
        let first = first.unwrap_or_default();
        Ok(Child { first, count, page })
    }
}
