//! A tree without what it has lost: of directories in which something is lost new pages are made, all others stay as they are.

use std::collections::{BTreeMap, HashMap, HashSet};

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;
use strongroom_format::{
    Interior, Leaf, Names, Node, NodeKind, Page, PageType, Ref, RefKind, Summary, split,
};

use super::store::TreeWriter;
use crate::backup::{Levels, Pages};
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
    let mut new = Directory::default();
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
    /// The root's own metadata, for the first leaf.
    root: Option<Box<Node>>,
    owners: BTreeMap<u32, Vec<u8>>,
    groups: BTreeMap<u32, Vec<u8>>,
    entries: Vec<Node>,
    refs: Vec<Ref>,
    names_bytes: usize,
    last_name: Vec<u8>,
    levels: Levels<Child>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            root: None,
            owners: BTreeMap::new(),
            groups: BTreeMap::new(),
            entries: Vec::new(),
            refs: Vec::new(),
            names_bytes: 0,
            last_name: Vec::new(),
            levels: Levels::new(),
        }
    }
}

/// A finished page.
#[derive(Debug)]
struct Child {
    first: Vec<u8>,
    count: u64,
    page: Ref,
}

impl Directory {
    /// Takes what a leaf says beside its entries.
    fn note_names(&mut self, leaf: &mut Leaf) {
        if self.levels.is_empty() && self.entries.is_empty() && self.root.is_none() {
            self.root = leaf.root.take();
        }
        self.owners.extend(std::mem::take(&mut leaf.owners));
        self.groups.extend(std::mem::take(&mut leaf.groups));
    }

    fn add(
        &mut self,
        writer: &mut TreeWriter<'_, '_>,
        mut node: Node,
        refs: Vec<Ref>,
    ) -> Result<()> {
        if !self.last_name.is_empty() && node.name <= self.last_name {
            return Err(invalid("the pages of a directory are not in order"));
        }
        self.last_name.clone_from(&node.name);
        let too_many = |_| invalid("too many references in a page");
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
            let leaf = self.leaf(writer)?;
            self.levels.push(&mut DirectoryPages(writer), 1, leaf)?;
        }
        Ok(())
    }

    fn finish(mut self, writer: &mut TreeWriter<'_, '_>) -> Result<Ref> {
        let nothing_yet = self.levels.is_empty();
        if nothing_yet || !self.entries.is_empty() {
            let leaf = self.leaf(writer)?;
            if nothing_yet {
                return Ok(leaf.page);
            }
            self.levels.push(&mut DirectoryPages(writer), 1, leaf)?;
        }
        let mut pages = DirectoryPages(writer);
        let mut top = self.levels.finish(&mut pages, 1)?;
        match top.pop() {
            Some(only) if top.is_empty() => Ok(only.page),
            Some(last) => {
                top.push(last);
                Ok(pages.write(1, top)?.page)
            }
            None => Err(invalid("a directory without a page")),
        }
    }

    fn leaf(&mut self, writer: &mut TreeWriter<'_, '_>) -> Result<Child> {
        let entries = std::mem::take(&mut self.entries);
        self.names_bytes = 0;
        let first = entries.first().map(|node| node.name.clone());
        let count = entries.len() as u64;
        let root = self.root.take();
        let nodes = || entries.iter().chain(root.as_deref());
        let owners = table(&self.owners, nodes().map(|node| node.uid));
        let groups = table(&self.groups, nodes().map(|node| node.gid));
        let leaf = Leaf {
            entries,
            owners,
            groups,
            root,
            unknown: Default::default(),
        };
        let mut refs = vec![writer.names(&Names::Leaf(leaf))?];
        refs.append(&mut self.refs);
        let page = writer.page(&Page {
            page_type: PageType::Leaf,
            height: 0,
            refs,
        })?;
        let first = first.unwrap_or_default();
        Ok(Child { first, count, page })
    }
}

/// Returns the names of those who occur.
fn table(known: &BTreeMap<u32, Vec<u8>>, ids: impl Iterator<Item = u32>) -> Vec<(u32, Vec<u8>)> {
    let ids: std::collections::BTreeSet<u32> = ids.collect();
    let named = ids
        .into_iter()
        .filter_map(|id| Some((id, known.get(&id)?.clone())));
    named.collect()
}

struct DirectoryPages<'w, 'a, 't>(&'w mut TreeWriter<'a, 't>);

impl Pages<Child> for DirectoryPages<'_, '_, '_> {
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
        let mut refs = vec![self.0.names(&Names::Interior(interior))?];
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
