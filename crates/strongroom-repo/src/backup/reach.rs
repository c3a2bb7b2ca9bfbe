//! What a tree refers to, page by page, and whether all of it has a good copy.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, PackClass, Page, Ref, RefKind};

use super::retired::Retired;
use crate::blobs::{Blobs, PAGE};
use crate::edge::Remote;
use crate::error::Result;
use crate::index::{Index, is_loss};
use crate::repository::Repository;
use crate::state::State;

/// Walks the reference lists of a tree, depth first, beside those of a snapshot in force: what both refer to is not walked.
///
/// One page of each height is in memory, and the ids of at most [`REMEMBERED_PAGES`] pages.
pub(crate) struct Reach<'a> {
    remote: &'a Remote,
    index: &'a Index,
    state: &'a State,
    blobs: Blobs,
    retired: Option<Retired>,
    visited: HashSet<Id>,
    names: HashSet<ObjectHash>,
    stack: Vec<Level>,
    /// References that were not walked because the snapshot in force has them too.
    pub(super) shared: u64,
}

/// A page that is being walked.
#[derive(Debug)]
struct Level {
    refs: std::vec::IntoIter<Ref>,
    beside: Beside,
}

/// The page of the other tree that stands where this one does, as far as that can be told.
#[derive(Debug, Default)]
struct Beside {
    refs: Vec<Ref>,
    at: HashMap<(Id, RefKind), usize>,
    /// What comes after the last reference that both have.
    next: usize,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(
        repository: &Repository,
        remote: &'a Remote,
        index: &'a Arc<Index>,
        state: &'a Arc<State>,
    ) -> Self {
        let context = repository.context().clone();
        let blobs = Blobs::new(remote.clone(), context, Arc::clone(index), CACHE_BYTES);
        Self {
            remote,
            index,
            state,
            retired: Retired::of(state, &blobs),
            blobs,
            visited: HashSet::new(),
            names: HashSet::new(),
            stack: Vec::new(),
            shared: 0,
        }
    }

    /// Says whether everything below `root` and not below `beside` has a good copy.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached, `Cancelled`, and what [`Index::grounds`] says.
    pub(crate) fn stands(&mut self, root: &Id, beside: Option<&Id>) -> Result<bool> {
        if beside == Some(root) {
            self.shared += 1;
            return Ok(true);
        }
        if !self.enter(root, beside)? {
            return Ok(false);
        }
        while let Some(level) = self.stack.last_mut() {
            let Some(reference) = level.refs.next() else {
                self.stack.pop();
                continue;
            };
            if reference.kind != RefKind::Zeros && level.beside.has(&reference) {
                self.shared += 1;
                continue;
            }
            let stands = match reference.kind {
                RefKind::Page => {
                    let beside = level.beside.counterpart();
                    self.enter_once(&reference.id, beside.as_ref())?
                }
                RefKind::Data | RefKind::Names => self.has_ground(&reference.id, reference.kind)?,
                RefKind::Zeros => true,
            };
            if !stands {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the packs and segments in force that the tree needs.
    pub(crate) fn into_names(self) -> HashSet<ObjectHash> {
        self.names
    }

    fn enter_once(&mut self, page: &Id, beside: Option<&Id>) -> Result<bool> {
        if self.visited.contains(page) {
            return Ok(true);
        }
        if self.visited.len() < REMEMBERED_PAGES {
            self.visited.insert(*page);
        }
        self.enter(page, beside)
    }

    fn enter(&mut self, page: &Id, beside: Option<&Id>) -> Result<bool> {
        self.remote.before_step()?;
        if !self.has_ground(page, RefKind::Page)? {
            return Ok(false);
        }
        let Some(refs) = self.read(page)? else {
            return Ok(false);
        };
        // A page of the other tree that is lost only makes more of this one to be walked.
        let beside = match beside {
            Some(other) => self.read(other)?.map(Beside::new),
            None => None,
        };
        self.stack.push(Level {
            refs: refs.into_iter(),
            beside: beside.unwrap_or_default(),
        });
        Ok(true)
    }

    fn read(&self, page: &Id) -> Result<Option<Vec<Ref>>> {
        match self.blobs.read(PAGE, page) {
            Ok(bytes) => Ok(Page::decode(&bytes).ok().map(|page| page.refs)),
            Err(error) if is_loss(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks for a copy that a snapshot may rely on, and notes where it is.
    fn has_ground(&mut self, id: &Id, kind: RefKind) -> Result<bool> {
        for (location, segment) in self.index.grounds(id)? {
            // Who prunes looks for pages in packs of pages only, and for content in the others.
            if (location.pack.class == PackClass::Pages) != (kind == RefKind::Page) {
                continue;
            }
            if let Some(retired) = &self.retired
                && retired.is_retired(&location)?
            {
                continue;
            }
            // What is not in force is what the commit itself adds.
            for name in [location.pack.name, segment] {
                if !self.names.contains(&name) && self.state.is_in_force(&name)? {
                    self.names.insert(name);
                }
            }
            return Ok(true);
        }
        Ok(false)
    }
}

impl Beside {
    fn new(refs: Vec<Ref>) -> Self {
        let at = refs
            .iter()
            .enumerate()
            .map(|(at, reference)| ((reference.id, reference.kind), at))
            .collect();
        Self { refs, at, next: 0 }
    }

    /// Says whether the other page has this reference too. One to the same blob as something else is another: what is needed as
    /// content is not walked.
    fn has(&mut self, reference: &Ref) -> bool {
        let at = self.at.get(&(reference.id, reference.kind)).copied();
        if let Some(at) = at {
            self.next = at + 1;
        }
        at.is_some()
    }

    /// Returns the other tree's page for one that only this tree has: both are in order, so what follows the same neighbour
    /// mostly has the same name. A wrong guess costs reading, nothing else.
    fn counterpart(&mut self) -> Option<Id> {
        let rest = self.refs.get(self.next..)?;
        let skipped = rest.iter().position(|other| other.kind == RefKind::Page)?;
        let found = rest.get(skipped)?.id;
        self.next += skipped + 1;
        Some(found)
    }
}

/// Pages that are known to have been walked: 32 MiB. Beyond that, some are walked more than once.
const REMEMBERED_PAGES: usize = 1 << 20;
/// Decoded frames of pages.
const CACHE_BYTES: usize = 16 << 20;
