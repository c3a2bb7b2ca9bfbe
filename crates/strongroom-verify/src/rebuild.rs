//! Every file of the selected snapshots, put together for real.
//!
//! Pages that snapshots share are rebuilt once. Files are taken in the order of the trees and gathered in windows; the frames that a
//! window needs are read in the order in which they lie in packs, each once, and what the next window needs as well is still there.

mod window;

use strongroom_format::{Names, Node, NodeKind, Page, PageType, Ref, RefKind};

use crate::content::{Shared, Sink};
use crate::error::Result;
use crate::observer::Stage;
use crate::pack::{FrameReader, Holdings};
use crate::tree::{MISSING, Tree, page_positions, refs_of};
use crate::{Area, Level, Problem, Severity, Subject};
use window::{Entry, Window};

/// Puts together every file of the selected snapshots.
///
/// Memory: half of what the reader may hold, for the content of a window; a file of any size is put together piece by piece. The table of
/// all blobs must fit into memory: where it does not, nothing is rebuilt, and that is said.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at.
pub(crate) fn rebuild(
    shared: Shared<'_>,
    holdings: &Holdings,
    tree: &mut Tree,
    sink: &mut Sink,
) -> Result<()> {
    if !holdings.is_all() {
        let (problem, level) = (Problem::NotRebuilt, Level::Rebuilt);
        let detail = "the table of all blobs is larger than the memory that was granted";
        sink.say(Severity::Note, Subject::Repository, problem, level, detail);
        return Ok(());
    }
    sink.started(Stage::Files);
    let roots = tree.roots.iter().filter_map(|root| root.page);
    let order = tree.pages.bottom_up(roots);
    let mut places = vec![None; tree.pages.len()];
    for (pack, frame, number) in &tree.names_at {
        if let Some(slot) = places.get_mut(*number as usize) {
            *slot = Some((*pack, *frame));
        }
    }
    let mut builder = Builder {
        reader: FrameReader::new(shared),
        shared,
        holdings,
        tree,
        sink,
        window: Window::new(shared.reader_bytes / 4),
        done: 0,
        of: order.len() as u64,
    };
    for batch in order.chunks(BATCH) {
        builder.load(batch, &places)?;
        for number in batch {
            if let Some(Some(place)) = places.get(*number as usize) {
                builder.page(*number, *place)?;
            }
            builder.done += 1;
        }
    }
    builder.flush()?;
    let (files, bytes) = (builder.window.files, builder.window.bytes);
    sink.count(Area::Files, Level::Rebuilt, files, bytes);
    Ok(())
}

struct Builder<'a, 'b> {
    reader: FrameReader<'a>,
    shared: Shared<'a>,
    holdings: &'b Holdings,
    tree: &'b mut Tree,
    sink: &'b mut Sink,
    window: Window,
    done: u64,
    of: u64,
}

impl Builder<'_, '_> {
    /// Reads pages and names together.
    fn load(&mut self, batch: &[u32], places: &[Option<(u32, u32)>]) -> Result<()> {
        let mut wanted = Vec::new();
        for number in batch {
            if let Some(Some(place)) = places.get(*number as usize) {
                wanted.push(*place);
                let page = self.tree.pages.get(*number);
                wanted.extend(page.map(|page| (page.pack, page.frame)));
            }
        }
        self.reader.load(wanted)
    }

    /// Gathers the files of a directory's page.
    fn page(&mut self, number: u32, place: (u32, u32)) -> Result<()> {
        let read = self.tree.read(&mut self.reader, place, number)?;
        let Some((page, Ok(Names::Leaf(leaf)), _)) = read else {
            return Ok(());
        };
        if page.page_type != PageType::Leaf {
            return Ok(());
        }
        let positions = page_positions(&page);
        for node in &leaf.entries {
            if matches!(node.kind, NodeKind::File | NodeKind::Stream) {
                self.file(number, &page, &positions, node)?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        number: u32,
        page: &Page,
        positions: &[Option<usize>],
        node: &Node,
    ) -> Result<()> {
        let Some(refs) = refs_of(page, node) else {
            // Said when the names were looked at.
            return Ok(());
        };
        self.window.begin(Entry {
            page: number,
            name: node.name.clone(),
            size: node.size,
        });
        if let [reference] = refs
            && reference.kind == RefKind::Page
        {
            let at = positions.get(node.first_ref as usize).copied().flatten();
            let links = self.tree.pages.links(number);
            let recipe = at.and_then(|at| links.get(at)).copied();
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
        if self.window.is_full(reference) {
            self.flush()?;
        }
        self.window.push(*reference);
        Ok(())
    }

    /// Reads what the window needs and puts its files together.
    fn flush(&mut self) -> Result<()> {
        let table = self.shared.table;
        self.window.locate(table, self.holdings);
        self.reader.load(self.window.frames())?;
        for wrong in self.window.assemble(&mut self.reader)? {
            if let Some(id) = &wrong.lost {
                self.tree.pages.hit(wrong.entry.page);
                if self.tree.lose(id) {
                    let (problem, level) = (Problem::BlobMissing, Level::Rebuilt);
                    let detail = "could be read before and cannot be read again";
                    let subject = Subject::Blob(*id);
                    self.sink
                        .say(Severity::Loss, subject, problem, level, detail);
                }
            }
            let Some(info) = self.tree.pages.get(wrong.entry.page) else {
                continue;
            };
            let subject = Subject::Page(info.id);
            let detail = format!(
                "{}: {} of {} bytes could be put together",
                wrong.entry.name.escape_ascii(),
                wrong.len,
                wrong.entry.size
            );
            let (problem, level) = (Problem::BadFile, Level::Rebuilt);
            self.sink
                .say(Severity::Damage, subject, problem, level, detail);
        }
        self.sink
            .advanced(Stage::Files, self.done, self.of, self.reader.fetched());
        Ok(())
    }
}

/// Pages that are read together.
const BATCH: usize = 256;
