//! What damage costs: from what has no good copy to the files and snapshots that need it.

mod count;

use strongroom_crypt::Id;
use strongroom_format::{Names, NodeKind, Page, RefKind};

use crate::content::{Shared, Sink};
use crate::error::Result;
use crate::pack::{FrameReader, FrameStore};
use crate::tree::{Flaw, MISSING, Tree, look, page_positions, refs_of};
use crate::{Level, Problem, Severity, Subject};

use count::Costs;
pub use count::{BlastRadius, SnapshotLoss};

/// Says what is lost: which snapshots, how many files of each, and with the content keys which, up to a number of them.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at.
pub(crate) fn say(
    shared: Shared<'_>,
    frames: &mut FrameStore,
    tree: &mut Tree,
    sink: &mut Sink,
) -> Result<()> {
    sink.report.blast.lost = tree.lost_count;
    sink.report.blast.spared = tree.spared;
    let roots = tree.roots.iter().filter_map(|root| root.page);
    let order = tree.pages.bottom_up(roots);
    let is_hit = |number: &u32| tree.pages.get(*number).is_some_and(|page| page.is_hit());
    if tree.lost_count == 0 && !order.iter().any(is_hit) {
        return Ok(());
    }
    let mut places = vec![None; tree.pages.len()];
    for (pack, frame, number) in &tree.names_at {
        if let Some(slot) = places.get_mut(*number as usize) {
            *slot = Some((*pack, *frame));
        }
    }
    let reads_names = shared.keys.has_content();
    let mut walk = Walk {
        reader: FrameReader::new(shared, frames),
        costs: Costs::new(tree.pages.len()),
        tree,
        places,
        reads_names,
    };
    for number in &order {
        walk.cost(*number)?;
    }
    for at in 0..walk.tree.roots.len() {
        walk.snapshot(at, sink)?;
    }
    Ok(())
}

struct Walk<'a, 'b> {
    reader: FrameReader<'a>,
    tree: &'b mut Tree,
    costs: Costs,
    /// By page, where its names are.
    places: Vec<Option<(u32, u32)>>,
    reads_names: bool,
}

/// A page of a directory, and its names as far as they can be read.
struct Opened {
    page: Page,
    names: Option<Names>,
}

impl Walk<'_, '_> {
    /// Computes what is lost in a page and below it. The pages below were computed before.
    fn cost(&mut self, number: u32) -> Result<()> {
        let links = self.tree.pages.links(number).to_vec();
        let Some(info) = self.tree.pages.get(number).copied() else {
            return Ok(());
        };
        let below = links
            .iter()
            .any(|link| *link == MISSING || self.costs.is_hit(*link));
        if !info.is_hit() && !below {
            return Ok(());
        }
        let below = links.iter().filter_map(|link| self.costs.level(*link));
        let missing = links.contains(&MISSING).then_some(Level::Authenticated);
        let level = below.chain(info.hit_level()).chain(missing).min();
        self.costs
            .hit(number, level.unwrap_or(Level::Authenticated));
        if !info.is_directory() || !self.reads_names {
            return Ok(());
        }
        let Some(opened) = self.open(number)? else {
            self.costs.add(number, 0, 1);
            return Ok(());
        };
        let (mut files, mut directories) = (0_u64, 0_u64);
        for loss in self.losses(number, &opened) {
            match loss {
                Loss::File(_) => files += 1,
                Loss::Directory(_) | Loss::Page(_) => directories += 1,
                Loss::Below(_, child) | Loss::Sibling(child) => {
                    let (below_files, below_directories) = self.costs.of(child);
                    files = files.saturating_add(below_files);
                    directories = directories.saturating_add(below_directories);
                }
            }
        }
        self.costs.add(number, files, directories);
        Ok(())
    }

    fn open(&mut self, number: u32) -> Result<Option<Opened>> {
        let Some(info) = self.tree.pages.get(number).copied() else {
            return Ok(None);
        };
        let Some(page) = self.reader.page(info.pack, info.frame, &info.id)? else {
            return Ok(None);
        };
        let place = self.places.get(number as usize).copied().flatten();
        let names = match (place, page.refs.first()) {
            (Some((pack, frame)), Some(reference)) => {
                let frame = self.reader.frame(pack, frame)?;
                let bytes = frame.as_ref().and_then(|frame| frame.blob(&reference.id));
                bytes.and_then(|bytes| Names::decode(bytes).ok())
            }
            _ => None,
        };
        Ok(Some(Opened { page, names }))
    }

    /// Lists what of a directory's page cannot be restored.
    fn losses(&self, number: u32, opened: &Opened) -> Vec<Loss> {
        let links = self.tree.pages.links(number);
        let positions = page_positions(&opened.page);
        let link = |at: usize| {
            let position = positions.get(at).copied().flatten();
            position.and_then(|at| links.get(at)).copied()
        };
        match &opened.names {
            None => vec![Loss::Page(Vec::new())],
            Some(Names::Interior(interior)) => {
                let ids = opened.page.refs.iter().filter(|r| r.kind == RefKind::Page);
                let is_wrong = |id: &Id| self.tree.is_lost(number, id);
                let names = interior.children.iter().map(|(name, _)| name);
                let children = names.zip(links).zip(ids);
                let of = |((name, child), r): ((&Vec<u8>, &u32), &strongroom_format::Ref)| {
                    match *child {
                        child if child == MISSING || is_wrong(&r.id) => {
                            Some(Loss::Page(name.clone()))
                        }
                        child if self.costs.is_hit(child) => Some(Loss::Sibling(child)),
                        _ => None,
                    }
                };
                children.filter_map(of).collect()
            }
            Some(Names::Leaf(leaf)) => {
                let below = self.tree.below(number);
                let names = opened.names.as_ref();
                let seen = names.map(|names| look(&opened.page, names, &below));
                let flaws = seen.map(|seen| seen.flaws).unwrap_or_default();
                let is_flawed = |node: &strongroom_format::Node| {
                    let of =
                        |flaw: &&Flaw| flaw.is_damage && flaw.name.as_ref() == Some(&node.name);
                    flaws.iter().find(of).is_some()
                };
                let of = |node: &strongroom_format::Node| {
                    let first = node.first_ref as usize;
                    let below = (node.refs == 1).then(|| link(first)).flatten();
                    if is_flawed(node) {
                        return Some(match node.kind {
                            NodeKind::Directory => Loss::Directory(node.name.clone()),
                            _ => Loss::File(node.name.clone()),
                        });
                    }
                    match (node.kind, below) {
                        (NodeKind::Directory, Some(MISSING) | None) => {
                            Some(Loss::Directory(node.name.clone()))
                        }
                        (NodeKind::Directory, Some(child)) => self
                            .costs
                            .is_hit(child)
                            .then(|| Loss::Below(node.name.clone(), child)),
                        (_, Some(child)) => (child == MISSING
                            || self.costs.is_hit(child)
                            || self.is_file_lost(number, &opened.page, node))
                        .then(|| Loss::File(node.name.clone())),
                        (_, None) => self
                            .is_file_lost(number, &opened.page, node)
                            .then(|| Loss::File(node.name.clone())),
                    }
                };
                leaf.entries.iter().filter_map(of).collect()
            }
        }
    }

    fn is_file_lost(&self, number: u32, page: &Page, node: &strongroom_format::Node) -> bool {
        match refs_of(page, node) {
            None => true,
            Some(refs) => refs
                .iter()
                .any(|r| r.kind != RefKind::Zeros && self.tree.is_lost(number, &r.id)),
        }
    }

    /// Says what of a snapshot is lost.
    fn snapshot(&mut self, at: usize, sink: &mut Sink) -> Result<()> {
        let Some(root) = self.tree.roots.get(at).cloned() else {
            return Ok(());
        };
        let mut loss = SnapshotLoss::new(root.snapshot);
        match root.page {
            None => loss.is_root_lost = true,
            Some(page) if !self.costs.is_hit(page) => return Ok(()),
            Some(page) => {
                loss.pages = self.costs.pages_below(&self.tree.pages, page);
                let (files, directories) = self.costs.of(page);
                (loss.files, loss.directories) = (files, directories);
                loss.is_named = self.reads_names;
                if self.reads_names {
                    self.name(root.snapshot, page, sink)?;
                }
            }
        }
        if loss.is_nothing() {
            return Ok(());
        }
        // Of a root that is lost it was said before.
        if let Some(page) = root.page {
            let subject = Subject::Snapshot(root.snapshot);
            let level = self.costs.level(page).unwrap_or(Level::Authenticated);
            let problem = Problem::SnapshotDamaged;
            sink.say(Severity::Loss, subject, problem, level, loss.to_string());
        }
        sink.report.blast.push(loss);
        Ok(())
    }

    /// Names files of a snapshot that are lost, up to a number.
    fn name(&mut self, snapshot: Id, root: u32, sink: &mut Sink) -> Result<()> {
        let mut open = vec![(root, Vec::new())];
        let mut named = 0;
        while let Some((number, path)) = open.pop() {
            let Some(opened) = self.open(number)? else {
                continue;
            };
            for loss in self.losses(number, &opened) {
                let (name, detail) = match loss {
                    Loss::Below(name, child) => {
                        open.push((child, join(&path, &name)));
                        continue;
                    }
                    Loss::Sibling(child) => {
                        open.push((child, path.clone()));
                        continue;
                    }
                    Loss::File(name) => (join(&path, &name), ""),
                    Loss::Directory(name) => (join(&path, &name), "with everything below it"),
                    Loss::Page(name) => {
                        let words = "entries whose names are lost, from here on";
                        (join(&path, &name), words)
                    }
                };
                let subject = Subject::File {
                    snapshot,
                    path: name,
                };
                // Names are read at this level, whatever the cause.
                let level = self.costs.level(number).max(Some(Level::Decoded));
                let level = level.unwrap_or(Level::Decoded);
                sink.say(Severity::Loss, subject, Problem::FileLost, level, detail);
                named += 1;
                if named >= MOST_NAMED {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Something in a page that cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Loss {
    /// A file.
    File(Vec<u8>),
    /// A directory of which nothing is known.
    Directory(Vec<u8>),
    /// Entries of this directory, from this name on, if it is known.
    Page(Vec<u8>),
    /// Something in a directory below.
    Below(Vec<u8>, u32),
    /// Something in a further page of this directory.
    Sibling(u32),
}

/// Returns the path of an entry.
pub(crate) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    match (path.is_empty(), name.is_empty()) {
        (true, _) => name.to_vec(),
        (_, true) => path.to_vec(),
        _ => [path, name].join(&b'/'),
    }
}

/// Files of a snapshot that are named; all are counted.
const MOST_NAMED: usize = 1_000;
