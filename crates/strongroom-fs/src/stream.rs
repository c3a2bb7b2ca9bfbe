//! Anything that can be read as a source of one entry.

use std::fmt;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use strongroom_format::{NodeKind, SkipReason};
use strongroom_repo::{Batch, Content, Entry, Piece, Source, SourceError, Walk};

use crate::single::{self, SingleWalk};

/// One stream of bytes, as the only entry of a snapshot. It can be read once.
pub struct StreamSource {
    name: Vec<u8>,
    reader: Mutex<Option<Box<dyn Read + Send>>>,
}

impl StreamSource {
    /// Makes a source of a reader.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when `name` is not a legal name of an entry: empty, a dot or two, or with a slash or NUL.
    pub fn new(
        name: impl Into<Vec<u8>>,
        reader: impl Read + Send + 'static,
    ) -> std::io::Result<Self> {
        let name = single::check_name(name.into())?;
        Ok(Self {
            name,
            reader: Mutex::new(Some(Box::new(reader))),
        })
    }
}

impl fmt::Debug for StreamSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSource")
            .field("name", &self.name.escape_ascii().to_string())
            .finish_non_exhaustive()
    }
}

impl Source for StreamSource {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        Ok(Box::new(SingleWalk::new(&self.name)))
    }

    fn fill(&self, batch: &mut Batch) {
        single::fill(batch);
    }

    fn open(&self, _entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        let reader = self
            .reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let reader = reader
            .ok_or_else(|| SourceError::fatal(SkipReason::Other, "the stream was read before"))?;
        Ok(Box::new(StreamContent { reader, len: 0 }))
    }

    fn owner_name(&self, _uid: u32) -> Option<Vec<u8>> {
        None
    }

    fn group_name(&self, _gid: u32) -> Option<Vec<u8>> {
        None
    }
}

struct StreamContent {
    reader: Box<dyn Read + Send>,
    len: u64,
}

impl fmt::Debug for StreamContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamContent")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Content for StreamContent {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        let piece = single::read(&mut self.reader, buf)?;
        if let Piece::Data(count) = piece {
            self.len += count as u64;
        }
        Ok(piece)
    }

    fn finish(&mut self, entry: &mut Entry) -> Result<bool, SourceError> {
        debug_assert_eq!(entry.node.kind, NodeKind::Stream);
        entry.node.size = self.len;
        Ok(false)
    }
}
