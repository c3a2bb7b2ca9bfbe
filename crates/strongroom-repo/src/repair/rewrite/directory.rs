//! A tree without what it has lost: of directories in which something is lost new pages are made, all others stay as they are.

use std::collections::{BTreeMap, HashMap, HashSet};

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;
use strongroom_format::{Leaf, Node, NodeKind, Ref, RefKind, Summary};

use super::store::TreeWriter;
use crate::backup::{Child, DirectoryPages, OwnerTable};
use crate::blobs::Blobs;
use crate::error::{Error, ErrorKind, Result};
use crate::repair::leaves::{Part, each_leaf, refs_of};
use crate::repair::naming::Damage;

/// Makes the new tree, and returns what refers to its root.
///
/// The directories in which something is lost are made from the leaves upwards, so that what they refer to is known by then. In memory are
/// their ids, and one leaf of one of them.
///
/// # Errors
///
/// `Damaged` when nothing of the root is left; what the store says when it cannot be reached.
pub(super) fn rewrite(
    blobs: &Blobs,
    root: &Id,
    damage: &Damage<'_>,
    writer: &mut TreeWriter<'_, '_>,
) -> Result<Ref> {
    let mut made: HashMap<Id, Ref> = HashMap::new();
    for page in upwards(blobs, root, damage)? {
        let (new, any) = directory(blobs, &page, (damage, &made), writer)?;
        if page == *root && !any {
            let what = "nothing of the snapshot can be read";
            return Err(Error::new(ErrorKind::Damaged, what));
        }
        made.insert(page, new);
    }
    let new = made.get(root).copied();
    new.ok_or_else(|| invalid("a directory without a page"))
}

/// Returns the directories in which something is lost, each once and after those in it.
fn upwards(blobs: &Blobs, root: &Id, damage: &Damage<'_>) -> Result<Vec<Id>> {
    let mut order = Vec::new();
    let mut seen = HashSet::from([*root]);
    let mut stack = vec![(*root, below(blobs, root, damage)?)];
    loop {
        let depth = stack.len();
        let Some((page, children)) = stack.last_mut() else {
            return Ok(order);
        };
        match children.pop() {
            Some(child) if depth > MAX_DIRECTORY_DEPTH || !seen.insert(child) => {}
            Some(child) => {
                let children = below(blobs, &child, damage)?;
                stack.push((child, children));
            }
            None => {
                order.push(*page);
                stack.pop();
            }
        }
    }
}

/// Returns the directories of a directory in which something is lost.
fn below(blobs: &Blobs, page: &Id, damage: &Damage<'_>) -> Result<Vec<Id>> {
    let mut found = Vec::new();
    each_leaf(blobs, page, &mut |part| {
        let Part::Leaf(leaf, refs) = part else {
            return Ok(());
        };
        let directories = leaf
            .entries
            .iter()
            .filter(|one| one.kind == NodeKind::Directory);
        for node in directories {
            let first = refs_of(node, &refs).first().copied();
            found.extend(
                first
                    .filter(|first| damage.touches(first))
                    .map(|first| first.id),
            );
        }
        Ok(())
    })?;
    Ok(found)
}

/// Makes a directory anew, and says whether anything of it could be read. One of which nothing could is empty: its own metadata is in the
/// directory that it is in.
fn directory(
    blobs: &Blobs,
    page: &Id,
    (damage, made): (&Damage<'_>, &HashMap<Id, Ref>),
    writer: &mut TreeWriter<'_, '_>,
) -> Result<(Ref, bool)> {
    let mut new = Directory::new();
    let mut any = false;
    each_leaf(blobs, page, &mut |part| {
        let Part::Leaf(mut leaf, refs) = part else {
            return Ok(());
        };
        any = true;
        new.note_names(&mut leaf);
        for node in leaf.entries {
            let mut own = refs_of(&node, &refs);
            if own.iter().any(|reference| damage.touches(reference)) {
                let first = own.first();
                let below = first.and_then(|first| made.get(&first.id)).copied();
                match below.filter(|_| node.kind == NodeKind::Directory) {
                    Some(below) => own = vec![below],
                    None => continue,
                }
            }
            new.add(writer, node, own)?;
        }
        Ok(())
    })?;
    Ok((new.finish(writer)?, any))
}

/// A directory being made.
#[derive(Debug)]
struct Directory {
    owners: BTreeMap<u32, Vec<u8>>,
    groups: BTreeMap<u32, Vec<u8>>,
    last_name: Vec<u8>,
    pages: DirectoryPages,
}

impl Directory {
    fn new() -> Self {
        Self {
            owners: BTreeMap::new(),
            groups: BTreeMap::new(),
            last_name: Vec::new(),
            pages: DirectoryPages::new(None),
        }
    }

    /// Takes what a leaf says beside its entries.
    fn note_names(&mut self, leaf: &mut Leaf) {
        let is_first = self.pages.has_no_page() && self.pages.entries().is_empty();
        let root = self.pages.root();
        if is_first && root.is_none() {
            *root = leaf.root.take();
        }
        self.owners.extend(std::mem::take(&mut leaf.owners));
        self.groups.extend(std::mem::take(&mut leaf.groups));
    }

    fn add(&mut self, writer: &mut TreeWriter<'_, '_>, node: Node, refs: Vec<Ref>) -> Result<()> {
        if !self.last_name.is_empty() && node.name <= self.last_name {
            return Err(invalid("the pages of a directory are not in order"));
        }
        self.last_name.clone_from(&node.name);
        if self.pages.gather(node, refs)? {
            let leaf = self.leaf(writer)?;
            self.pages.push(writer, leaf)?;
        }
        Ok(())
    }

    fn finish(mut self, writer: &mut TreeWriter<'_, '_>) -> Result<Ref> {
        let is_gathered = self.pages.has_no_page() || !self.pages.entries().is_empty();
        let last = is_gathered.then(|| self.leaf(writer)).transpose()?;
        self.pages.finish(writer, last)
    }

    fn leaf(&mut self, writer: &mut TreeWriter<'_, '_>) -> Result<Child> {
        let owners = table(&self.owners, self.pages.nodes().map(|node| node.uid));
        let groups = table(&self.groups, self.pages.nodes().map(|node| node.gid));
        self.pages.leaf(writer, owners, groups)
    }
}

/// Returns the names of those who occur.
fn table(known: &BTreeMap<u32, Vec<u8>>, ids: impl Iterator<Item = u32>) -> OwnerTable {
    let ids: std::collections::BTreeSet<u32> = ids.collect();
    let named = ids
        .into_iter()
        .filter_map(|id| Some((id, known.get(&id)?.clone())));
    named.collect()
}

/// Counts what is in a tree.
///
/// # Errors
///
/// What the store says when it cannot be reached.
pub(super) fn count(blobs: &Blobs, root: &Ref) -> Result<Summary> {
    let mut summary = Summary {
        directories: 1,
        ..Summary::default()
    };
    let mut to_visit = vec![root.id];
    while let Some(page) = to_visit.pop() {
        each_leaf(blobs, &page, &mut |part| {
            let Part::Leaf(leaf, refs) = part else {
                return Err(invalid("a page that was just relied on is lost"));
            };
            for node in &leaf.entries {
                match node.kind {
                    NodeKind::File | NodeKind::Stream => {
                        summary.files += 1;
                        summary.bytes = summary.bytes.saturating_add(node.size);
                    }
                    NodeKind::Directory => {
                        summary.directories += 1;
                        let own = refs_of(node, &refs);
                        let pages = own.iter().filter(|one| one.kind == RefKind::Page);
                        to_visit.extend(pages.map(|page| page.id));
                    }
                    _ => summary.others += 1,
                }
            }
            Ok(())
        })?;
    }
    Ok(summary)
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}
