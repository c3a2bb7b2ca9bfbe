//! The content of files of a snapshot that is copied.

use bytes::Bytes;

use super::source::{Carried, CopySource};
use crate::error::Result;
use crate::source::{Content, Entry, Piece, SourceError};
use crate::tree::PiecesAhead;

/// The content of one large file, from front to back.
#[derive(Debug)]
pub(super) struct CopyContent<'s> {
    source: &'s CopySource,
    pieces: PiecesAhead,
    rest: Bytes,
}

impl<'s> CopyContent<'s> {
    pub(super) fn new(source: &'s CopySource, carried: &Carried) -> Self {
        let Carried { node, refs } = carried;
        Self {
            source,
            pieces: PiecesAhead::of_size(source.blobs(), refs, node.size),
            rest: Bytes::new(),
        }
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<Piece> {
        if self.rest.is_empty() {
            let Some(piece) = self.pieces.next()? else {
                return Ok(Piece::End);
            };
            let len = piece.range.end - piece.range.start;
            match piece.blob() {
                Some(id) => self.rest = self.source.blob(&id, len)?,
                None => return Ok(Piece::Hole(len)),
            }
        }
        let now = self.rest.split_to(self.rest.len().min(buf.len()));
        if let Some(front) = buf.get_mut(..now.len()) {
            front.copy_from_slice(&now);
        }
        Ok(Piece::Data(now.len()))
    }
}

impl Content for CopyContent<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        let read = self.read_some(buf);
        read.map_err(|error| self.source.report(error))
    }

    fn finish(&mut self, _entry: &mut Entry) -> Result<bool, SourceError> {
        Ok(false)
    }
}
