//! Files that are put together at the same time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, Ref, RefKind};

use crate::edge::crew;
use crate::error::Result;
use crate::observer::{Event, Observer};
use crate::pack::{Frame, FrameReader};

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
    /// Frames that are needed, and the bytes of all of them.
    frames: HashSet<(u32, u32)>,
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

/// A file of which the end was reached.
#[derive(Debug)]
struct Done {
    entry: Entry,
    hash: ObjectHash,
    len: u64,
    is_whole: bool,
    is_closed: bool,
    lost: Option<Id>,
}

impl Window {
    /// Makes an empty one for frames of about `most` bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            steps: Vec::new(),
            frames: HashSet::new(),
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

    /// Whether a piece in this frame, of so many bytes, belongs into the next window.
    pub(super) fn is_full(&self, place: Option<(u32, u32)>, bytes: u64) -> bool {
        let is_new = place.is_some_and(|place| !self.frames.contains(&place));
        self.steps.len() >= MOST_STEPS
            || (is_new && self.pending > 0 && self.pending.saturating_add(bytes) > self.most)
    }

    /// Takes a piece that is in this frame, which holds so many bytes.
    pub(super) fn push(&mut self, reference: &Ref, place: Option<(u32, u32)>, bytes: u64) {
        match reference.kind {
            RefKind::Zeros => self.steps.push(Step::Zeros(reference.len)),
            RefKind::Data => {
                if let Some(place) = place
                    && self.frames.insert(place)
                {
                    self.pending = self.pending.saturating_add(bytes);
                }
                self.steps.push(Step::Piece {
                    id: reference.id,
                    len: reference.len,
                    place,
                });
            }
            RefKind::Names | RefKind::Page => self.fail(),
        }
    }

    /// Returns the frames that are needed.
    pub(super) fn frames(&self) -> Vec<(u32, u32)> {
        self.frames.iter().copied().collect()
    }

    /// Puts the files together, on all threads, and empties the window. A file of which more is to come stays open.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(super) fn assemble(
        &mut self,
        reader: &mut FrameReader<'_>,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<Vec<Wrong>> {
        let mut frames = Frames::new();
        for (pack, frame) in self.frames.drain() {
            let closed = reader.is_closed(pack);
            frames.insert((pack, frame), (reader.frame(pack, frame)?, closed));
        }
        self.pending = 0;
        let mut parts = divide(std::mem::take(&mut self.steps));
        if let Some(first) = parts.front_mut() {
            first.open = self.open.take();
        }
        let count = parts.len();
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| Mutex::new(Some(part)))
            .collect();
        let next = AtomicUsize::new(0);
        let mut done: Vec<Option<Part>> = Vec::new();
        done.resize_with(count, || None);
        let work = |sender: &Sender<(usize, Part)>| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(at) else {
                    return Ok(());
                };
                let part = part.lock().unwrap_or_else(PoisonError::into_inner).take();
                if part.is_some_and(|part| sender.send((at, part.assembled(&frames))).is_err()) {
                    return Ok(());
                }
            }
        };
        crew(threads.min(count), work, |(at, part)| {
            if let Some(slot) = done.get_mut(at) {
                *slot = Some(part);
            }
            Ok(())
        })?;
        let mut wrong = Vec::new();
        for part in done.into_iter().flatten() {
            self.open = part.open;
            for file in part.files {
                self.finish(file, observer, &mut wrong);
            }
        }
        Ok(wrong)
    }

    fn finish(&mut self, file: Done, observer: &dyn Observer, wrong: &mut Vec<Wrong>) {
        self.closed += u64::from(file.is_closed);
        // What is lost was named when the references were looked at; here counts what could not be known before.
        if file.lost.is_some() || (file.is_whole && file.len != file.entry.size) {
            wrong.push(Wrong {
                entry: file.entry,
                len: file.len,
                lost: file.lost,
            });
        } else if file.is_whole {
            self.files += 1;
            self.bytes = self.bytes.saturating_add(file.len);
            observer.on_event(&Event::Rebuilt {
                snapshot: file.entry.snapshot,
                path: &file.entry.path,
                bytes: file.len,
                hash: file.hash,
            });
        }
    }
}

/// The frames of a window, and whether those of their packs could not be opened for want of a key.
type Frames = HashMap<(u32, u32), (Option<Arc<Frame>>, bool)>;

/// Some whole files of a window, but for the first, of which more may have been before, and the last, of which more may come.
#[derive(Debug, Default)]
struct Part {
    steps: Vec<Step>,
    /// Bytes that are to be put together.
    bytes: u64,
    open: Option<Open>,
    /// Those that are complete.
    files: Vec<Done>,
}

/// Divides steps between files into parts that threads can work on.
fn divide(steps: Vec<Step>) -> VecDeque<Part> {
    let mut parts = VecDeque::new();
    let mut part = Part::default();
    for step in steps {
        part.bytes += match &step {
            Step::Piece { len, .. } | Step::Zeros(len) => (*len).min(PART_BYTES),
            _ => 1_024,
        };
        let is_end = matches!(step, Step::End);
        part.steps.push(step);
        if is_end && part.bytes >= PART_BYTES {
            parts.push_back(std::mem::take(&mut part));
        }
    }
    if !part.steps.is_empty() || parts.is_empty() {
        parts.push_back(part);
    }
    parts
}

impl Part {
    /// Takes all steps.
    fn assembled(mut self, frames: &Frames) -> Self {
        for step in std::mem::take(&mut self.steps) {
            match (step, &mut self.open) {
                (Step::Begin(entry), open) => *open = Some(Open::new(entry)),
                (Step::Zeros(len), Some(open)) => open.zeros(len),
                (Step::Piece { id, len, place }, Some(open)) => open.piece(frames, &id, len, place),
                (Step::Fail, Some(open)) => open.is_whole = false,
                (Step::End, open) => self.files.extend(open.take().map(Open::done)),
                (_, None) => {}
            }
        }
        self
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

    fn done(self) -> Done {
        Done {
            entry: self.entry,
            hash: ObjectHash::from_bytes(*self.hasher.finalize().as_bytes()),
            len: self.len,
            is_whole: self.is_whole,
            is_closed: self.is_closed,
            lost: self.lost,
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

    fn piece(&mut self, frames: &Frames, id: &Id, len: u64, place: Option<(u32, u32)>) {
        let Some(place) = place else {
            self.is_whole = false;
            return;
        };
        let (frame, is_closed) = match frames.get(&place) {
            Some((frame, is_closed)) => (frame.as_ref(), *is_closed),
            None => (None, false),
        };
        match frame.and_then(|frame| frame.blob(id)) {
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
    }
}

/// Bytes that a thread puts together at a time.
const PART_BYTES: u64 = 512 << 10;
/// Pieces of a window: with many tiny files memory is for them.
const MOST_STEPS: usize = 65_536;
static ZEROS: [u8; 65_536] = [0; 65_536];
/// Bytes of one hole that are hashed: a tebibyte takes minutes.
const MOST_ZEROS: u64 = 1 << 40;
