//! The pieces of a file that is read from its beginning to its end.

use std::collections::VecDeque;

use strongroom_crypt::Id;
use strongroom_format::Ref;

use crate::blobs::Blobs;
use crate::error::{Error, Result};
use crate::tree::{Piece, RecipeReader};

/// Yields the pieces of a file in order, and has the store fetch those after them meanwhile: few bytes ahead at first, then up to
/// 16 MiB.
#[derive(Debug)]
pub(crate) struct PiecesAhead {
    blobs: Blobs,
    pieces: RecipeReader,
    queue: VecDeque<Piece>,
    /// Bytes of content in the queue.
    queued: u64,
    /// How many bytes there should be.
    reach: u64,
    /// There are no more pieces, or something is wrong with the next.
    end: Option<Result<(), Error>>,
}

impl PiecesAhead {
    /// Begins to read the content of a file of this size.
    pub(crate) fn of_size(blobs: &Blobs, refs: &[Ref], size: u64) -> Self {
        Self {
            blobs: blobs.clone(),
            pieces: RecipeReader::of_size(blobs, refs, size),
            queue: VecDeque::new(),
            queued: 0,
            reach: FIRST_REACH,
            end: None,
        }
    }

    /// Returns the next piece.
    ///
    /// # Errors
    ///
    /// As [`RecipeReader::next`].
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        if self.end.is_none() && self.queued <= self.reach / 2 {
            self.look_ahead()?;
        }
        let Some(piece) = self.queue.pop_front() else {
            return match self.end.take() {
                Some(Err(error)) => Err(error),
                _ => {
                    self.end = Some(Ok(()));
                    Ok(None)
                }
            };
        };
        self.queued = self.queued.saturating_sub(stored(&piece));
        Ok(Some(piece))
    }

    fn look_ahead(&mut self) -> Result<()> {
        let mut new: Vec<Id> = Vec::new();
        while self.queued < self.reach && self.queue.len() < MAX_PIECES {
            match self.pieces.next() {
                Ok(Some(piece)) => {
                    new.extend(piece.blob());
                    self.queued += stored(&piece);
                    self.queue.push_back(piece);
                }
                Ok(None) => {
                    self.end = Some(Ok(()));
                    break;
                }
                Err(error) => {
                    self.end = Some(Err(error));
                    break;
                }
            }
        }
        self.reach = (self.reach * 2).min(MOST_REACH);
        self.blobs.expect(&new)
    }
}

/// Returns the bytes of content that have to be fetched for a piece.
fn stored(piece: &Piece) -> u64 {
    piece
        .blob()
        .map_or(0, |_| piece.range.end - piece.range.start)
}

const FIRST_REACH: u64 = 2 << 20;
const MOST_REACH: u64 = 16 << 20;
/// Pieces in the queue.
const MAX_PIECES: usize = 4_096;
