//! The names of all needed pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use strongroom_crypt::Id;
use strongroom_format::{Names, Page};

use super::nodes::{Below, NamesSeen, look};
use super::{MISSING, Tree};
use crate::content::{Shared, Sink};
use crate::edge::crew;
use crate::error::Result;
use crate::pack::{Frame, FrameReader, FrameStore};
use crate::{Area, Level, Problem, Severity, Subject};

impl Tree {
    /// Reads the names of every needed page and compares them with its references, and with the pages above and below.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn check_names(
        &mut self,
        shared: Shared<'_>,
        frames: &mut FrameStore,
        sink: &mut Sink,
    ) -> Result<()> {
        let mut places = std::mem::take(&mut self.names_at);
        places.sort_unstable();
        self.counts = vec![None; self.pages.len()];
        let mut reader = FrameReader::new(shared, frames);
        let (mut count, mut bytes) = (0, 0);
        let mut rest = places.as_slice();
        while !rest.is_empty() {
            let both = |(pack, frame, number): &(u32, u32, u32)| {
                let page = self.pages.get(*number);
                [
                    Some((*pack, *frame)),
                    page.map(|page| (page.pack, page.frame)),
                ]
            };
            let (batch, after) = rest.split_at(reader.fitting(rest.iter().map(both)));
            rest = after;
            reader.load(batch.iter().flat_map(both).flatten().collect())?;
            for seen in self.look_at(batch, &mut reader, shared.threads)? {
                count += 1;
                bytes += seen.bytes;
                self.names(seen, sink);
            }
        }
        sink.count(Area::Pages, Level::Decoded, count, bytes);
        self.names_at = places;
        self.check_interiors(&mut reader, sink)?;
        self.add_up(sink);
        self.check_links_of_files(&mut reader, sink)?;
        if self.divisions > 0 {
            let detail = format!(
                "{} places at which a page should have ended",
                self.divisions
            );
            let (problem, level) = (Problem::PageDivision, Level::Decoded);
            sink.say(Severity::Note, Subject::Repository, problem, level, detail);
        }
        Ok(())
    }

    /// Looks at the names of some pages, on all threads. What cannot be read is left out; the others are in their order.
    fn look_at(
        &self,
        batch: &[(u32, u32, u32)],
        reader: &mut FrameReader<'_>,
        threads: usize,
    ) -> Result<Vec<Seen>> {
        let mut jobs = Vec::with_capacity(batch.len());
        for (pack, frame, number) in batch {
            let Some(info) = self.pages.get(*number) else {
                continue;
            };
            let page = reader.frame(info.pack, info.frame)?;
            if let (Some(page), Some(names)) = (page, reader.frame(*pack, *frame)?) {
                jobs.push((*number, page, names));
            }
        }
        let parts: Vec<_> = jobs.chunks(PAGES_AT_ONCE).collect();
        let next = AtomicUsize::new(0);
        let mut found: Vec<Vec<Seen>> = Vec::new();
        found.resize_with(parts.len(), Vec::new);
        let work = |sender: &Sender<(usize, Vec<Seen>)>| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(at) else {
                    return Ok(());
                };
                let one = |(number, page, names): &(u32, Arc<Frame>, Arc<Frame>)| {
                    self.look_at_one(*number, page, names)
                };
                if sender
                    .send((at, part.iter().filter_map(one).collect()))
                    .is_err()
                {
                    return Ok(());
                }
            }
        };
        crew(threads.min(parts.len()), work, |(at, seen)| {
            if let Some(slot) = found.get_mut(at) {
                *slot = seen;
            }
            Ok(())
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    fn look_at_one(&self, number: u32, page: &Frame, names: &Frame) -> Option<Seen> {
        let info = self.pages.get(number)?;
        let (page, names, bytes) = decode(&info.id, page, names)?;
        let names = names.map(|names| {
            let bounds = self.is_below_interior(number).then(|| bounds(&names));
            (look(&page, &names, &self.below(number)), bounds.flatten())
        });
        Some(Seen {
            number,
            bytes,
            names,
        })
    }

    /// Takes note of what was seen of the names of one page.
    fn names(&mut self, seen: Seen, sink: &mut Sink) {
        let number = seen.number;
        let (seen, bounds) = match seen.names {
            Ok(names) => names,
            Err((severity, problem, what)) => {
                if let Some(info) = self.pages.get(number) {
                    let subject = Subject::Page(info.id);
                    sink.say(severity, subject, problem, Level::Decoded, what);
                }
                self.pages.hit(number, Level::Decoded);
                return;
            }
        };
        self.divisions += seen.divisions;
        self.say_flaws(number, &seen, sink);
        if let Some(counts) = self.counts.get_mut(number as usize) {
            *counts = Some(seen.counts);
        }
        if let Some(slot) = self.own_links.get_mut(number as usize) {
            *slot = seen.counts.has_links;
        }
        if let Some(bounds) = bounds {
            self.bounds.insert(number, bounds);
        }
    }

    /// Reads a page and its names; none if either cannot be read, which was said.
    pub(crate) fn read(
        &self,
        reader: &mut FrameReader<'_>,
        (pack, frame): (u32, u32),
        number: u32,
    ) -> Result<Option<Decoded>> {
        let Some(info) = self.pages.get(number) else {
            return Ok(None);
        };
        let page = reader.frame(info.pack, info.frame)?;
        let (Some(page), Some(names)) = (page, reader.frame(pack, frame)?) else {
            return Ok(None);
        };
        Ok(decode(&info.id, &page, &names))
    }

    /// Says what page each reference to a page is to.
    pub(crate) fn below(&self, number: u32) -> Vec<Below> {
        let of = |link: &u32| match self.pages.get(*link) {
            Some(page) if *link != MISSING && page.is_directory() => Below::Directory,
            Some(page) if *link != MISSING && page.is_recipe() => Below::Recipe,
            _ => Below::Unknown,
        };
        self.pages.links(number).iter().map(of).collect()
    }

    fn say_flaws(&mut self, number: u32, seen: &NamesSeen, sink: &mut Sink) {
        let Some(id) = self.pages.get(number).map(|page| page.id) else {
            return;
        };
        for flaw in &seen.flaws {
            let problem = match flaw.name {
                Some(_) => Problem::BadFile,
                None => Problem::BadTree,
            };
            let severity = if flaw.is_damage {
                // What is wrong with the names as a whole keeps nobody from restoring the entries.
                if flaw.name.is_some() {
                    self.pages.hit(number, Level::Decoded);
                }
                Severity::Damage
            } else {
                Severity::Note
            };
            let detail = match &flaw.name {
                Some(name) => format!("{}: {}", name.escape_ascii(), flaw.what),
                None => flaw.what.clone(),
            };
            sink.say(severity, Subject::Page(id), problem, Level::Decoded, detail);
        }
    }

    fn is_below_interior(&self, number: u32) -> bool {
        self.below_interior
            .get(number as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Compares interior pages with the pages below them: first names, their order, and how many entries there are.
    fn check_interiors(&mut self, reader: &mut FrameReader<'_>, sink: &mut Sink) -> Result<()> {
        let places = std::mem::take(&mut self.names_at);
        let mut interiors: Vec<(u8, (u32, u32), u32)> = places
            .iter()
            .filter_map(|(pack, frame, number)| {
                let page = self.pages.get(*number)?;
                (page.is_directory() && !page.is_leaf()).then_some((
                    page.height,
                    (*pack, *frame),
                    *number,
                ))
            })
            .collect();
        self.names_at = places;
        interiors.sort_unstable();
        for (_, place, number) in interiors {
            let Some((_, Ok(Names::Interior(interior)), _)) = self.read(reader, place, number)?
            else {
                continue;
            };
            let Some(id) = self.pages.get(number).map(|page| page.id) else {
                continue;
            };
            let mut last: Option<Vec<u8>> = None;
            let links = self.pages.links(number).to_vec();
            for ((name, entries), link) in interior.children.iter().zip(links) {
                let counts = self.counts.get(link as usize).copied().flatten();
                let bounds = self.bounds.get(&link);
                let mut what = None;
                if counts.is_some_and(|counts| counts.entries != *entries) {
                    what = Some("another number of entries than the page below has");
                }
                if bounds.is_some_and(|(first, _)| first != name) {
                    what = Some("another first name than the page below has");
                }
                if last.as_ref().is_some_and(|last| last >= name) {
                    what = Some("pages below that overlap");
                }
                if let Some(what) = what {
                    let (subject, problem) = (Subject::Page(id), Problem::BadTree);
                    sink.say(Severity::Damage, subject, problem, Level::Decoded, what);
                }
                last = bounds.map(|(_, last)| last.clone());
            }
        }
        self.bounds.clear();
        Ok(())
    }
}

/// A page, its names if they are what names must be, and how many bytes those take.
pub(crate) type Decoded = (
    Page,
    std::result::Result<Names, (Severity, Problem, &'static str)>,
    u64,
);

/// What was seen of the names of a page.
struct Seen {
    number: u32,
    /// Of the names.
    bytes: u64,
    names: std::result::Result<(NamesSeen, Option<Bounds>), (Severity, Problem, &'static str)>,
}

/// First and last name.
type Bounds = (Vec<u8>, Vec<u8>);

/// Takes a page and its names out of their frames.
fn decode(id: &Id, page: &Frame, names: &Frame) -> Option<Decoded> {
    let page = Page::decode(page.blob(id)?).ok()?;
    let bytes = names.blob(&page.refs.first()?.id)?;
    let len = bytes.len() as u64;
    let names = Names::decode(bytes).map_err(|error| match error.kind() {
        strongroom_format::DecodeErrorKind::Unsupported => {
            (Severity::Note, Problem::NewerVersion, error.what())
        }
        _ => (Severity::Damage, Problem::BadTree, error.what()),
    });
    Some((page, names, len))
}

fn bounds(names: &Names) -> Option<Bounds> {
    match names {
        Names::Leaf(leaf) => {
            let (first, last) = (leaf.entries.first()?, leaf.entries.last()?);
            Some((first.name.clone(), last.name.clone()))
        }
        Names::Interior(interior) => {
            let (first, last) = (interior.children.first()?, interior.children.last()?);
            // The last name below is in the last page below: the first of that page is at least known not to be greater.
            Some((first.0.clone(), last.0.clone()))
        }
    }
}

/// Pages that a thread takes at a time.
const PAGES_AT_ONCE: usize = 64;
