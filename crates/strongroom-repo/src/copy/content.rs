//! The content of files of a snapshot that is copied.

use bytes::Bytes;

use super::source::{Carried, CopySource};
use crate::error::Result;
use crate::index::is_loss;
use crate::source::{Content, Entry, Piece as Read, SourceError};
use crate::tree::{Piece, RecipeReader};

/// The pieces of a file, read on in a later state of the repository when a page of its recipe has moved.
#[derive(Debug)]
pub(super) struct Pieces<'s> {
    source: &'s CopySource,
    carried: Carried,
    reader: RecipeReader,
    offset: u64,
}

impl<'s> Pieces<'s> {
    pub(super) fn new(source: &'s CopySource, carried: &Carried) -> Self {
        let reader = RecipeReader::of_size(&source.blobs(), &carried.refs, carried.node.size);
        Self {
            source,
            carried: carried.clone(),
            reader,
            offset: 0,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Piece>> {
        let blobs = self.source.blobs();
        let piece = match self.reader.next() {
            Err(error) if is_loss(&error) && self.source.renew(&blobs)? => self.resume()?,
            other => other?,
        };
        if let Some(piece) = &piece {
            self.offset = piece.range.end;
        }
        Ok(piece)
    }

    fn resume(&mut self) -> Result<Option<Piece>> {
        let Carried { node, refs } = &self.carried;
        self.reader = RecipeReader::of_size(&self.source.blobs(), refs, node.size);
        loop {
            match self.reader.next()? {
                Some(piece) if piece.range.end <= self.offset => {}
                other => return Ok(other),
            }
        }
    }
}

/// The content of one large file, from front to back.
#[derive(Debug)]
pub(super) struct CopyContent<'s> {
    pieces: Pieces<'s>,
    rest: Bytes,
}

impl<'s> CopyContent<'s> {
    pub(super) fn new(source: &'s CopySource, carried: &Carried) -> Self {
        Self {
            pieces: Pieces::new(source, carried),
            rest: Bytes::new(),
        }
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<Read> {
        if self.rest.is_empty() {
            let Some(piece) = self.pieces.next()? else {
                return Ok(Read::End);
            };
            let len = piece.range.end - piece.range.start;
            match piece.blob() {
                Some(id) => self.rest = self.pieces.source.blob(&id, len)?,
                None => return Ok(Read::Hole(len)),
            }
        }
        let now = self.rest.split_to(self.rest.len().min(buf.len()));
        if let Some(front) = buf.get_mut(..now.len()) {
            front.copy_from_slice(&now);
        }
        Ok(Read::Data(now.len()))
    }
}

impl Content for CopyContent<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Read, SourceError> {
        let read = self.read_some(buf);
        read.map_err(|error| self.pieces.source.report(error))
    }

    fn finish(&mut self, _entry: &mut Entry) -> Result<bool, SourceError> {
        Ok(false)
    }
}
