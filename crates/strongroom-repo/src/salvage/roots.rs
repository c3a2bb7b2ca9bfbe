//! Finds the pages that no page refers to.

use std::collections::HashMap;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, PackClass, Page, PageType, RefKind};

use super::FoundTree;
use crate::blobs::{Blobs, PAGE};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Error, Result};
use crate::index::{Index, is_loss};
use crate::tree::DirectoryReader;

/// The trees that were found.
pub(super) struct Roots {
    /// The newest first.
    pub(super) trees: Vec<FoundTree>,
    /// Pages that cannot be read.
    pub(super) unreadable: u64,
}

/// What is known of a page.
#[derive(Debug)]
struct Seen {
    /// A pack that has it.
    pack: ObjectHash,
    is_directory: bool,
    /// Another page refers to it.
    is_below: bool,
    /// Bytes of content below it.
    bytes: u64,
}

impl Roots {
    /// Reads all pages, and the names of what looks like the root of a snapshot's tree.
    ///
    /// It takes some 150 bytes of memory for a page.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached. What is lost is counted.
    pub(super) fn find(
        remote: &Remote,
        context: &Arc<Context>,
        index: &Arc<Index>,
    ) -> Result<Self> {
        let context = Arc::clone(context);
        let blobs = Blobs::new(remote.clone(), context, Arc::clone(index), CACHE_BYTES);
        let mut unreadable = 0;
        let (ids, mut pages) = list(index, &blobs, &mut unreadable)?;
        for id in &ids {
            remote.before_step()?;
            match read(&blobs, id) {
                Ok(page) => note(&mut pages, id, &page),
                Err(error) if is_loss(&error) => unreadable += 1,
                Err(error) => return Err(error),
            }
        }
        let mut trees = Vec::new();
        for id in ids {
            let seen = pages.get(&id);
            let Some(seen) = seen.filter(|seen| seen.is_directory && !seen.is_below) else {
                continue;
            };
            match describe(&blobs, id, seen) {
                Ok(tree) => trees.extend(tree),
                Err(error) if is_loss(&error) => unreadable += 1,
                Err(error) => return Err(error),
            }
        }
        trees.sort_by_key(|tree| (std::cmp::Reverse(tree.newest), tree.root));
        Ok(Self { trees, unreadable })
    }
}

/// Lists the pages that packs have, in the order of packs.
fn list(
    index: &Index,
    blobs: &Blobs,
    unreadable: &mut u64,
) -> Result<(Vec<Id>, HashMap<Id, Seen>)> {
    let (mut ids, mut pages) = (Vec::new(), HashMap::new());
    for pack in index.packs()? {
        if pack.class != PackClass::Pages {
            continue;
        }
        let header = match blobs.header(&pack) {
            Err(error) if is_loss(&error) => {
                *unreadable += 1;
                continue;
            }
            header => header?,
        };
        for blob in &header.blobs {
            let seen = Seen {
                pack: pack.name,
                is_directory: false,
                is_below: false,
                bytes: 0,
            };
            if pages.insert(blob.id, seen).is_none() {
                ids.push(blob.id);
            }
        }
    }
    Ok((ids, pages))
}

fn read(blobs: &Blobs, id: &Id) -> Result<Page> {
    let bytes = blobs.read(PAGE, id)?;
    Page::decode(&bytes).map_err(|error| Error::decode("a page", error))
}

fn note(pages: &mut HashMap<Id, Seen>, id: &Id, page: &Page) {
    let content = page.refs.iter().filter(|one| one.kind != RefKind::Names);
    let bytes = content.fold(0_u64, |sum, one| sum.saturating_add(one.len));
    if let Some(seen) = pages.get_mut(id) {
        seen.is_directory = page.page_type != PageType::Recipe;
        seen.bytes = bytes;
    }
    for below in page.refs.iter().filter(|one| one.kind == RefKind::Page) {
        if let Some(seen) = pages.get_mut(&below.id) {
            seen.is_below = true;
        }
    }
}

/// Describes the tree below a page that nothing refers to; `None` if it is not the root of a snapshot but the part of a tree whose root was never stored, or is lost.
fn describe(blobs: &Blobs, id: Id, seen: &Seen) -> Result<Option<FoundTree>> {
    let mut reader = DirectoryReader::open(blobs, &id)?;
    let Some(root) = reader.root_node() else {
        return Ok(None);
    };
    let mut tree = FoundTree {
        snapshot: id,
        root: id,
        pack: seen.pack,
        entries: 0,
        names: Vec::new(),
        bytes: seen.bytes,
        newest: root.mtime,
    };
    while let Some(entry) = reader.next()? {
        let modified = entry.node.mtime;
        tree.newest = tree.newest.max(modified);
        tree.entries += 1;
        if tree.names.len() < MOST_NAMES {
            tree.names.push(entry.node.name);
        }
    }
    Ok(Some(tree))
}

/// Names that are shown of a root directory.
const MOST_NAMES: usize = 8;
/// Decoded frames of pages that are kept.
const CACHE_BYTES: usize = 32 << 20;
