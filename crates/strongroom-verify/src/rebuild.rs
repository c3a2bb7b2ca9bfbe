//! Every file of the selected snapshots, put together for real.
//!
//! Pages that snapshots share are rebuilt once. Files are taken in the order of the trees and gathered in windows; the frames that a
//! window needs are read in the order in which they lie in packs, each once, and what the next window needs as well is still there.

mod window;

use std::collections::HashMap;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{Names, Node, NodeKind, Page, PageType, Ref, RefKind};

use crate::blast::join;
use crate::content::{Shared, Sink};
use crate::error::Result;
use crate::observer::Stage;
use crate::pack::{FrameReader, FrameStore, Holdings, PackTable, plain_len};
use crate::tree::{MISSING, Tree, page_positions, refs_of};
use crate::{Area, Level, Problem, Severity, Subject};
use window::{Entry, Window};

/// Puts together every file of the selected snapshots, and tells the observer the hash of each.
///
/// Memory: a quarter of what the reader may hold is for the frames of a window; a file of any size is put together piece by piece. The table of
/// all blobs must fit into memory: where it does not, nothing is rebuilt, and that is said.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at.
pub(crate) fn rebuild(
    shared: Shared<'_>,
    frames: &mut FrameStore,
    holdings: &Holdings,
    tree: &mut Tree,
    sink: &mut Sink,
) -> Result<()> {
    if !holdings.is_all() {
        let (problem, level) = (Problem::NotRebuilt, Level::Rebuilt);
        let detail = "the table of all blobs is larger than the memory that was granted";
        sink.say(Severity::Note, Subject::Repository, problem, level, detail);
        sink.report.level = sink.report.level.min(Level::Decoded);
        return Ok(());
    }
    sink.started(Stage::Files);
    let roots: Vec<(Id, u32)> = tree
        .roots
        .iter()
        .filter_map(|root| Some((root.snapshot, root.page?)))
        .collect();
    let order = tree.pages.top_down(roots.iter().map(|(_, page)| *page));
    let mut places = vec![None; tree.pages.len()];
    for (pack, frame, number) in &tree.names_at {
        if let Some(slot) = places.get_mut(*number as usize) {
            *slot = Some((*pack, *frame));
        }
    }
    let mut builder = Builder {
        reader: FrameReader::new(shared, frames),
        shared,
        holdings,
        tree,
        sink,
        window: Window::new(shared.reader_bytes / 4),
        paths: HashMap::new(),
        done: 0,
        of: order.len() as u64,
    };
    for (snapshot, page) in roots.into_iter().rev() {
        builder.paths.insert(page, (snapshot, Vec::new()));
    }
    let mut rest = order.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(builder.load(rest, &places)?);
        rest = after;
        for number in batch {
            if let Some(Some(place)) = places.get(*number as usize) {
                builder.page(*number, *place)?;
            }
            builder.done += 1;
        }
    }
    builder.flush()?;
    let (files, bytes, closed) = (
        builder.window.files,
        builder.window.bytes,
        builder.window.closed,
    );
    sink.count(Area::Files, Level::Rebuilt, files, bytes);
    if closed > 0 {
        let (problem, level) = (Problem::NotRebuilt, Level::Rebuilt);
        let detail = format!("{closed} files need content that could not be opened with the keys");
        sink.say(Severity::Note, Subject::Repository, problem, level, detail);
    }
    Ok(())
}

struct Builder<'a, 'b> {
    reader: FrameReader<'a>,
    shared: Shared<'a>,
    holdings: &'b Holdings,
    tree: &'b mut Tree,
    sink: &'b mut Sink,
    window: Window,
    /// Where pages are that come later: the snapshot, and the path of the directory.
    paths: HashMap<u32, (Id, Vec<u8>)>,
    done: u64,
    of: u64,
}

impl Builder<'_, '_> {
    /// Reads pages and their names together. Returns how many of them were taken.
    fn load(&mut self, pages: &[u32], places: &[Option<(u32, u32)>]) -> Result<usize> {
        let both = |number: &u32| {
            let names = places.get(*number as usize).copied().flatten();
            // Pages without names are recipes, which are read when a file needs them.
            let page = names.and_then(|_| self.tree.pages.get(*number));
            [names, page.map(|page| (page.pack, page.frame))]
        };
        let count = self.reader.fitting(pages.iter().map(both));
        let wanted = pages.iter().take(count).flat_map(both).flatten().collect();
        self.reader.load(wanted)?;
        Ok(count)
    }

    /// Gathers the files of a directory's page.
    fn page(&mut self, number: u32, place: (u32, u32)) -> Result<()> {
        let read = self.tree.read(&mut self.reader, place, number)?;
        let Some((snapshot, path)) = self.paths.remove(&number) else {
            return Ok(());
        };
        let (page, leaf) = match read {
            Some((page, Ok(Names::Leaf(leaf)), _)) if page.page_type == PageType::Leaf => {
                (page, leaf)
            }
            Some((page, ..)) if page.page_type == PageType::Interior => {
                for link in self.tree.pages.links(number) {
                    let here = (snapshot, path.clone());
                    self.paths.entry(*link).or_insert(here);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let positions = page_positions(&page);
        for node in &leaf.entries {
            let path = join(&path, &node.name);
            match node.kind {
                NodeKind::File | NodeKind::Stream => {
                    let entry = Entry {
                        page: number,
                        snapshot,
                        path,
                        size: node.size,
                    };
                    self.file(entry, &page, &positions, node)?;
                }
                NodeKind::Directory => {
                    if let Some(child) = self.child(number, &positions, node) {
                        self.paths.entry(child).or_insert((snapshot, path));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the page that the first reference of an entry is to.
    fn child(&self, number: u32, positions: &[Option<usize>], node: &Node) -> Option<u32> {
        let at = positions.get(node.first_ref as usize).copied().flatten()?;
        self.tree.pages.links(number).get(at).copied()
    }

    fn file(
        &mut self,
        entry: Entry,
        page: &Page,
        positions: &[Option<usize>],
        node: &Node,
    ) -> Result<()> {
        let Some(refs) = refs_of(page, node) else {
            // Said when the names were looked at.
            return Ok(());
        };
        let number = entry.page;
        self.window.begin(entry);
        if let [reference] = refs
            && reference.kind == RefKind::Page
        {
            let recipe = self.child(number, positions, node);
            self.recipe(recipe.unwrap_or(MISSING))?;
        } else {
            for reference in refs {
                self.piece(reference)?;
            }
        }
        self.window.end();
        Ok(())
    }

    /// Gathers the content that a recipe lists, page by page.
    fn recipe(&mut self, number: u32) -> Result<()> {
        let mut open = vec![number];
        while let Some(number) = open.pop() {
            let info = self.tree.pages.get(number).copied();
            let Some(info) = info.filter(|info| number != MISSING && info.is_recipe()) else {
                self.window.fail();
                continue;
            };
            let Some(page) = self.reader.page(info.pack, info.frame, &info.id)? else {
                self.window.fail();
                continue;
            };
            if info.height == 0 {
                for reference in &page.refs {
                    self.piece(reference)?;
                }
                continue;
            }
            // References to content between those to pages would have to wait for the pages before them.
            self.mixed(&page, number, &mut open)?;
        }
        Ok(())
    }

    fn mixed(&mut self, page: &Page, number: u32, open: &mut Vec<u32>) -> Result<()> {
        let links = self.tree.pages.links(number).to_vec();
        if page.refs.iter().all(|r| r.kind == RefKind::Page) {
            open.extend(links.iter().rev());
            return Ok(());
        }
        let mut links = links.into_iter();
        for reference in &page.refs {
            match reference.kind {
                // Heights strictly decrease, so that this ends after sixteen of them.
                RefKind::Page => self.recipe(links.next().unwrap_or(MISSING))?,
                _ => self.piece(reference)?,
            }
        }
        Ok(())
    }

    fn piece(&mut self, reference: &Ref) -> Result<()> {
        let table = self.shared.table;
        let place = match reference.kind {
            RefKind::Data => find(reference, table, self.holdings),
            _ => None,
        };
        let bytes = place.map_or(0, |place| plain_len(table, place));
        if self.window.is_full(place, bytes) {
            self.flush()?;
        }
        self.window.push(reference, place, bytes);
        Ok(())
    }

    /// Reads what the window needs and puts its files together.
    fn flush(&mut self) -> Result<()> {
        self.reader.load(self.window.frames())?;
        let observer = Arc::clone(&self.sink.observer);
        let threads = self.shared.threads;
        let wrong = self
            .window
            .assemble(&mut self.reader, threads, observer.as_ref())?;
        for wrong in wrong {
            if let Some(id) = &wrong.lost {
                self.tree.pages.hit(wrong.entry.page, Level::Rebuilt);
                if self.tree.lose(id) {
                    let (problem, level) = (Problem::BlobMissing, Level::Rebuilt);
                    let detail = "could be read before and cannot be read again";
                    let subject = Subject::Blob(*id);
                    self.sink
                        .say(Severity::Loss, subject, problem, level, detail);
                }
            }
            let (is, says) = (wrong.len, wrong.entry.size);
            let subject = Subject::File {
                snapshot: wrong.entry.snapshot,
                path: wrong.entry.path,
            };
            let detail = format!("{is} of {says} bytes could be put together");
            let (problem, level) = (Problem::BadFile, Level::Rebuilt);
            self.sink
                .say(Severity::Damage, subject, problem, level, detail);
        }
        self.sink
            .advanced(Stage::Files, self.done, self.of, self.reader.fetched());
        Ok(())
    }
}

/// Finds a good copy of a piece.
fn find(reference: &Ref, table: &PackTable, holdings: &Holdings) -> Option<(u32, u32)> {
    let mut copies = holdings
        .copies(&reference.id)
        .filter(|row| row.kind() == 0 && u64::from(row.len()) == reference.len);
    let good = copies.find(|row| table.is_good(row.pack, row.frame))?;
    Some((good.pack, good.frame))
}
