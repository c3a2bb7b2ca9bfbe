//! Where names and pages of the new tree go.

use std::sync::{Mutex, PoisonError};

use strongroom_crypt::Id;
use strongroom_format::{BlobRecord, Names, Page, Ref, RefKind};

use super::directory_pages::PageStore;
use super::known::Known;
use super::progress::Meter;
use crate::error::{Error, ErrorKind, Result};
use crate::frame_writer::FrameWriter;
use crate::keys::Keys;

/// Stores names blobs and tree pages that are not known yet, many to a frame.
#[derive(Debug)]
pub(super) struct TreeStore<'a> {
    keys: &'a Keys,
    known: &'a Known,
    progress: &'a Meter,
    names: Mutex<Collector<'a>>,
    pages: Mutex<Collector<'a>>,
}

/// Names and pages are read in small numbers when somebody browses: their frames are smaller than those of content.
const TREE_FRAME_BYTES: usize = 512 << 10;

/// Kinds of blobs, docs/format.md §3.5.
pub(super) const NAMES: u8 = 1;
pub(super) const PAGE: u8 = 2;

impl<'a> TreeStore<'a> {
    pub(super) fn new(
        keys: &'a Keys,
        known: &'a Known,
        progress: &'a Meter,
        names: FrameWriter<'a>,
        pages: FrameWriter<'a>,
    ) -> Self {
        let names = Mutex::new(Collector::new(names));
        let pages = Mutex::new(Collector::new(pages));
        Self {
            keys,
            known,
            progress,
            names,
            pages,
        }
    }

    /// Stores the names of a page and returns the page's first reference.
    pub(super) fn names(&self, names: &Names) -> Result<Ref> {
        let mut plain = Vec::new();
        names
            .encode(&mut plain)
            .map_err(|error| invalid("names", error))?;
        let id = self.keys.ids.id(NAMES, &plain);
        self.add(&self.names, id, &plain)?;
        Ok(Ref {
            id,
            len: plain.len() as u64,
            kind: RefKind::Names,
        })
    }

    /// Stores a page and returns what refers to it: its length is that of the content below.
    pub(super) fn page(&self, page: &Page) -> Result<Ref> {
        let mut plain = Vec::new();
        page.encode(&mut plain)
            .map_err(|error| invalid("a page", error))?;
        let id = self.keys.structure.page_id(PAGE, &plain);
        self.add(&self.pages, id, &plain)?;
        let below = page
            .refs
            .iter()
            .filter(|below| below.kind != RefKind::Names);
        let len = below
            .fold(0u64, |sum, below| sum.saturating_add(below.len))
            .min((1 << 56) - 1);
        Ok(Ref {
            id,
            len,
            kind: RefKind::Page,
        })
    }

    /// Writes what has been gathered and closes the packs. Nothing is added afterwards.
    pub(super) fn finish(&self) -> Result<()> {
        for collector in [&self.names, &self.pages] {
            let mut collector = collector.lock().unwrap_or_else(PoisonError::into_inner);
            self.progress.stored(collector.flush()?);
            collector.frames.finish()?;
        }
        Ok(())
    }

    fn add(&self, collector: &Mutex<Collector<'a>>, id: Id, plain: &[u8]) -> Result<()> {
        if !self.known.claim(&id)? {
            return Ok(());
        }
        let stored = collector
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(id, plain)?;
        self.progress.stored(stored);
        Ok(())
    }
}

impl PageStore for &TreeStore<'_> {
    fn names(&mut self, names: &Names) -> Result<Ref> {
        TreeStore::names(self, names)
    }

    fn page(&mut self, page: &Page) -> Result<Ref> {
        TreeStore::page(self, page)
    }
}

fn invalid(what: &str, error: strongroom_format::EncodeError) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("{what} of the tree cannot be recorded"),
    )
    .caused_by(error)
}

#[derive(Debug)]
struct Collector<'a> {
    frames: FrameWriter<'a>,
    plain: Vec<u8>,
    blobs: Vec<BlobRecord>,
}

impl<'a> Collector<'a> {
    fn new(frames: FrameWriter<'a>) -> Self {
        Self {
            frames,
            plain: Vec::new(),
            blobs: Vec::new(),
        }
    }

    fn add(&mut self, id: Id, plain: &[u8]) -> Result<u64> {
        let stored = match self.plain.len() + plain.len() > TREE_FRAME_BYTES {
            true => self.flush()?,
            false => 0,
        };
        self.plain.extend_from_slice(plain);
        let len = u32::try_from(plain.len())
            .map_err(|_| Error::new(ErrorKind::Invalid, "names of a directory past the limit"))?;
        self.blobs.push(BlobRecord { id, len });
        Ok(stored)
    }

    fn flush(&mut self) -> Result<u64> {
        if self.blobs.is_empty() {
            return Ok(0);
        }
        let stored = self.frames.store(&self.plain, &self.blobs)?;
        self.plain.clear();
        self.blobs.clear();
        Ok(stored)
    }
}
