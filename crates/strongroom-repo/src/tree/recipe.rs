//! The content of a file, piece by piece.

use std::ops::Range;

use strongroom_crypt::Id;
use strongroom_format::limits::{MAX_BLOB_BYTES, MAX_PAGE_HEIGHT};
use strongroom_format::{Page, PageType, Ref, RefKind};

use crate::blobs::{Blobs, PAGE};
use crate::error::{Error, ErrorKind, Result};

/// A piece of a file's content: a blob, or zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The bytes of the file that it is.
    pub(crate) range: Range<u64>,
    /// Data or zeros.
    pub(crate) kind: RefKind,
    /// The blob, if it is data.
    pub(crate) id: Id,
}

impl Piece {
    /// Returns the blob; `None` means zeros.
    pub(crate) fn blob(&self) -> Option<Id> {
        (self.kind == RefKind::Data).then_some(self.id)
    }
}

/// Yields the pieces of a file in order, without a gap, and makes sure that they add up to its size if that is given.
///
/// One recipe page of each height is in memory. A reader that has failed stays failed.
#[derive(Debug)]
pub(crate) struct RecipeReader {
    blobs: Blobs,
    levels: Vec<Level>,
    offset: u64,
    failed: bool,
}

#[derive(Debug)]
struct Level {
    refs: Vec<Ref>,
    next: usize,
    /// Pages below are lower than this.
    height: u8,
    /// Where the content of this page ends, if that is known.
    end: Option<u64>,
}

impl RecipeReader {
    /// Begins to read the content that `refs` of a directory's entry stand for, whatever its size.
    pub(crate) fn new(blobs: &Blobs, refs: &[Ref]) -> Self {
        let level = Level {
            refs: refs.to_vec(),
            next: 0,
            height: MAX_PAGE_HEIGHT + 1,
            end: None,
        };
        Self {
            blobs: blobs.clone(),
            levels: vec![level],
            offset: 0,
            failed: false,
        }
    }

    /// Begins to read the content of a file of this size.
    pub(crate) fn of_size(blobs: &Blobs, refs: &[Ref], size: u64) -> Self {
        let mut reader = Self::new(blobs, refs);
        if let Some(level) = reader.levels.last_mut() {
            level.end = Some(size);
        }
        reader
    }

    /// Returns the next piece.
    ///
    /// # Errors
    ///
    /// As [`Blobs::read`] for recipe pages; `Damaged` when lengths do not add up or a page breaks a rule of the format.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        if self.failed {
            return Err(invalid("the content of a file cannot be read"));
        }
        let piece = self.advance();
        self.failed = piece.is_err();
        piece
    }

    fn advance(&mut self) -> Result<Option<Piece>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(reference) = level.refs.get(level.next).copied() else {
                if level.end.is_some_and(|end| end != self.offset) {
                    return Err(invalid("the pieces of a file do not add up to its size"));
                }
                self.levels.pop();
                continue;
            };
            level.next += 1;
            let start = self.offset;
            let limit = level.end.unwrap_or(u64::MAX);
            let end = start.checked_add(reference.len).filter(|end| *end <= limit);
            let end = end.ok_or_else(|| invalid("the pieces of a file exceed its size"))?;
            // Pieces of no length could be had by the billion.
            if reference.len == 0 {
                return Err(invalid("a piece of a file is empty"));
            }
            match reference.kind {
                RefKind::Data if reference.len <= MAX_BLOB_BYTES as u64 => {}
                RefKind::Zeros => {}
                RefKind::Page if self.levels.len() == 1 && self.is_mixed() => {
                    return Err(invalid("a file has a recipe and more"));
                }
                RefKind::Page => {
                    self.enter(&reference.id, end)?;
                    continue;
                }
                _ => return Err(invalid("a piece of a file is not content")),
            }
            self.offset = end;
            return Ok(Some(Piece {
                range: start..end,
                kind: reference.kind,
                id: reference.id,
            }));
        }
        Ok(None)
    }

    fn is_mixed(&self) -> bool {
        self.levels
            .first()
            .is_some_and(|level| level.refs.len() != 1)
    }

    fn enter(&mut self, id: &Id, end: u64) -> Result<()> {
        let above = self.levels.last().map_or(0, |level| level.height);
        let page = Page::decode(&self.blobs.read(PAGE, id)?).map_err(|error| {
            Error::new(ErrorKind::Damaged, "a recipe breaks the format").caused_by(error)
        })?;
        if page.page_type != PageType::Recipe || page.height >= above {
            return Err(invalid("the pages of a recipe do not descend"));
        }
        self.levels.push(Level {
            refs: page.refs,
            next: 0,
            height: page.height,
            end: Some(end),
        });
        Ok(())
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}
