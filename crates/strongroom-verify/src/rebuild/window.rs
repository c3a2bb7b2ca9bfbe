//! Files that are put together at the same time.

use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, Ref, RefKind};

use crate::error::Result;
use crate::observer::{Event, Observer};
use crate::pack::{FrameReader, Holdings, PackTable};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number of the directory's page.
    pub(super) page: u32,
    /// A snapshot that has it.
    pub(super) snapshot: Id,
    pub(super) path: Vec<u8>,
    /// As its entry says.
    pub(super) size: u64,
}

/// A file that is not as its entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) entry: Entry,
    /// Bytes that could be put together.
    pub(super) len: u64,
    /// A blob that was thought to be good and could not be read.
    pub(super) lost: Option<Id>,
}

/// Files in order, and their content piece by piece.
#[derive(Debug)]
pub(super) struct Window {
    steps: Vec<Step>,
    pending: u64,
    most: u64,
    open: Option<Open>,
    /// Files that need content for which there is no key.
    pub(super) closed: u64,
    /// Files that were put together whole.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

#[derive(Debug)]
enum Step {
    Begin(Entry),
    Zeros(u64),
    Piece {
        id: Id,
        len: u64,
        place: Option<(u32, u32)>,
    },
    /// A part that cannot be known.
    Fail,
    End,
}

/// A file of which the beginning is there.
#[derive(Debug)]
struct Open {
    entry: Entry,
    hasher: blake3::Hasher,
    len: u64,
    is_whole: bool,
    is_closed: bool,
    lost: Option<Id>,
}

impl Window {
    /// Makes an empty one for about `most` bytes of content.
    pub(super) fn new(most: u64) -> Self {
        Self {
            steps: Vec::new(),
            pending: 0,
            most,
            open: None,
            closed: 0,
            files: 0,
            bytes: 0,
        }
    }

    pub(super) fn begin(&mut self, entry: Entry) {
        self.steps.push(Step::Begin(entry));
    }

    pub(super) fn end(&mut self) {
        self.steps.push(Step::End);
    }

    pub(super) fn fail(&mut self) {
        self.steps.push(Step::Fail);
    }

    /// Whether this piece belongs into the next window.
    pub(super) fn is_full(&self, next: &Ref) -> bool {
        let next = if next.kind == RefKind::Data {
            next.len
        } else {
            0
        };
        self.steps.len() >= MOST_STEPS
            || (self.pending > 0 && self.pending.saturating_add(next) > self.most)
    }

    pub(super) fn push(&mut self, reference: Ref) {
        match reference.kind {
            RefKind::Zeros => self.steps.push(Step::Zeros(reference.len)),
            RefKind::Data => {
                self.pending = self.pending.saturating_add(reference.len);
                self.steps.push(Step::Piece {
                    id: reference.id,
                    len: reference.len,
                    place: None,
                });
            }
            RefKind::Names | RefKind::Page => self.fail(),
        }
    }

    /// Finds a good copy of every piece.
    pub(super) fn locate(&mut self, table: &PackTable, holdings: &Holdings) {
        for step in &mut self.steps {
            if let Step::Piece { id, len, place } = step {
                *place = holdings
                    .copies(id)
                    .filter(|row| row.kind() == 0 && u64::from(row.len()) == *len)
                    .find(|row| table.is_good(row.pack, row.frame))
                    .map(|row| (row.pack, row.frame));
            }
        }
    }

    /// Returns the frames that are needed.
    pub(super) fn frames(&self) -> Vec<(u32, u32)> {
        let of = |step: &Step| match step {
            Step::Piece { place, .. } => *place,
            _ => None,
        };
        self.steps.iter().filter_map(of).collect()
    }

    /// Puts the files together and empties the window. A file of which more is to come stays open.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(super) fn assemble(
        &mut self,
        reader: &mut FrameReader<'_>,
        observer: &dyn Observer,
    ) -> Result<Vec<Wrong>> {
        let mut wrong = Vec::new();
        self.pending = 0;
        for step in std::mem::take(&mut self.steps) {
            match (step, &mut self.open) {
                (Step::Begin(entry), open) => *open = Some(Open::new(entry)),
                (Step::Zeros(len), Some(open)) => open.zeros(len),
                (Step::Piece { id, len, place }, Some(open)) => {
                    open.piece(reader, &id, len, place)?;
                }
                (Step::Fail, Some(open)) => open.is_whole = false,
                (Step::End, open) => {
                    if let Some(open) = open.take() {
                        self.finish(open, observer, &mut wrong);
                    }
                }
                (_, None) => {}
            }
        }
        Ok(wrong)
    }

    fn finish(&mut self, open: Open, observer: &dyn Observer, wrong: &mut Vec<Wrong>) {
        self.closed += u64::from(open.is_closed);
        // What is lost was named when the references were looked at; here counts what could not be known before.
        if open.lost.is_some() || (open.is_whole && open.len != open.entry.size) {
            wrong.push(Wrong {
                entry: open.entry,
                len: open.len,
                lost: open.lost,
            });
        } else if open.is_whole {
            self.files += 1;
            self.bytes = self.bytes.saturating_add(open.len);
            observer.on_event(&Event::Rebuilt {
                snapshot: open.entry.snapshot,
                path: &open.entry.path,
                bytes: open.len,
                hash: ObjectHash::from_bytes(*open.hasher.finalize().as_bytes()),
            });
        }
    }
}

impl Open {
    fn new(entry: Entry) -> Self {
        Self {
            entry,
            hasher: blake3::Hasher::new(),
            len: 0,
            is_whole: true,
            is_closed: false,
            lost: None,
        }
    }

    fn zeros(&mut self, len: u64) {
        self.len = self.len.saturating_add(len);
        // A hole of many terabytes would be hashed for days, and there is nothing to see in it.
        let mut left = len.min(MOST_ZEROS);
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
            self.hasher.update(ZEROS.get(..part).unwrap_or_default());
            left -= part as u64;
        }
    }

    fn piece(
        &mut self,
        reader: &mut FrameReader<'_>,
        id: &Id,
        len: u64,
        place: Option<(u32, u32)>,
    ) -> Result<()> {
        let Some((pack, frame)) = place else {
            self.is_whole = false;
            return Ok(());
        };
        let is_closed = reader.is_closed(pack);
        let frame = reader.frame(pack, frame)?;
        match frame.as_ref().and_then(|frame| frame.blob(id)) {
            Some(bytes) if bytes.len() as u64 == len => {
                self.hasher.update(bytes);
                self.len = self.len.saturating_add(len);
            }
            _ if is_closed => {
                self.is_whole = false;
                self.is_closed = true;
            }
            _ => {
                self.is_whole = false;
                self.lost.get_or_insert(*id);
            }
        }
        Ok(())
    }
}

/// Pieces of a window: with many tiny files memory is for them.
const MOST_STEPS: usize = 262_144;
static ZEROS: [u8; 65_536] = [0; 65_536];
/// Bytes of one hole that are hashed: a tebibyte takes minutes.
const MOST_ZEROS: u64 = 1 << 40;
