//! The names of all needed pages.

use strongroom_format::{Names, Page};

use super::nodes::{Below, NamesSeen, look};
use super::{MISSING, Tree};
use crate::content::{Shared, Sink};
use crate::error::Result;
use crate::pack::FrameReader;
use crate::{Area, Level, Problem, Severity, Subject};

impl Tree {
    /// Reads the names of every needed page and compares them with its references, and with the pages above and below.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn check_names(&mut self, shared: Shared<'_>, sink: &mut Sink) -> Result<()> {
        let mut places = std::mem::take(&mut self.names_at);
        places.sort_unstable();
        self.counts = vec![None; self.pages.len()];
        let mut reader = FrameReader::new(shared);
        let mut bytes = 0;
        for batch in places.chunks(BATCH) {
            let mut wanted: Vec<(u32, u32)> = batch.iter().map(|(p, f, _)| (*p, *f)).collect();
            let pages = batch.iter().filter_map(|(.., page)| self.pages.get(*page));
            wanted.extend(pages.map(|page| (page.pack, page.frame)));
            reader.load(wanted)?;
            for (pack, frame, number) in batch {
                bytes += self.names(&mut reader, (*pack, *frame), *number, sink)?;
            }
        }
        sink.count(Area::Pages, Level::Decoded, places.len() as u64, bytes);
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

    /// Looks at the names of one page. Returns their bytes.
    fn names(
        &mut self,
        reader: &mut FrameReader<'_>,
        (pack, frame): (u32, u32),
        number: u32,
        sink: &mut Sink,
    ) -> Result<u64> {
        let Some((page, names, bytes)) = self.read(reader, (pack, frame), number)? else {
            return Ok(0);
        };
        let names = match names {
            Ok(names) => names,
            Err((severity, problem, what)) => {
                if let Some(info) = self.pages.get(number) {
                    let subject = Subject::Page(info.id);
                    sink.say(severity, subject, problem, Level::Decoded, what);
                }
                self.pages.hit(number, Level::Decoded);
                return Ok(bytes);
            }
        };
        let below = self.below(number);
        let seen = look(&page, &names, &below);
        self.divisions += seen.divisions;
        self.say_flaws(number, &seen, sink);
        if let Some(counts) = self.counts.get_mut(number as usize) {
            *counts = Some(seen.counts);
        }
        if let Some(slot) = self.own_links.get_mut(number as usize) {
            *slot = seen.counts.has_links;
        }
        if self.is_below_interior(number)
            && let Some(bounds) = bounds(&names)
        {
            self.bounds.insert(number, bounds);
        }
        Ok(bytes)
    }

    /// Reads a page and its names; none if either cannot be read, which was said.
    #[expect(
        clippy::type_complexity,
        reason = "three things that are read together"
    )]
    pub(crate) fn read(
        &self,
        reader: &mut FrameReader<'_>,
        (pack, frame): (u32, u32),
        number: u32,
    ) -> Result<
        Option<(
            Page,
            std::result::Result<Names, (Severity, Problem, &'static str)>,
            u64,
        )>,
    > {
        let Some(info) = self.pages.get(number) else {
            return Ok(None);
        };
        let Some(page) = reader.page(info.pack, info.frame, &info.id)? else {
            return Ok(None);
        };
        let (Some(names), Some(reference)) = (reader.frame(pack, frame)?, page.refs.first()) else {
            return Ok(None);
        };
        let Some(bytes) = names.blob(&reference.id) else {
            return Ok(None);
        };
        let len = bytes.len() as u64;
        let names = Names::decode(bytes).map_err(|error| match error.kind() {
            strongroom_format::DecodeErrorKind::Unsupported => {
                (Severity::Note, Problem::NewerVersion, error.what())
            }
            _ => (Severity::Damage, Problem::BadTree, error.what()),
        });
        Ok(Some((page, names, len)))
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

fn bounds(names: &Names) -> Option<(Vec<u8>, Vec<u8>)> {
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

/// Pages whose names are read together.
const BATCH: usize = 512;
