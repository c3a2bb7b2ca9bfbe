//! Files larger than a batch: read and cut by a thread of their own, hashed and sealed by the workers.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, Sender};
use strongroom_format::Ref;

use super::Run;
use super::recipe::Recipe;
use super::worker::{Chunks, Job};
use crate::buffers::OneOfFew;
use crate::edge::cancelled;
use crate::error::Result;
use crate::outlet::Outlet;
use crate::source::{Batch, BatchItem, Content, Entry, Fill, Piece, SourceError};

/// A file waiting for a reader.
#[derive(Debug)]
pub(super) struct LargeJob {
    pub(super) entry: Entry,
    pub(super) reply: Sender<Result<LargeFile>>,
}

/// What became of a large file.
#[derive(Debug)]
pub(super) struct LargeFile {
    pub(super) entry: Entry,
    pub(super) outcome: std::result::Result<Whole, SourceError>,
}

/// A large file that was read to its end.
#[derive(Debug)]
pub(super) struct Whole {
    /// What the directory's page refers to: its chunks, or the page of its recipe.
    pub(super) refs: Vec<Ref>,
    pub(super) changed: bool,
}

/// Batches of one file on their way through the workers, at most; how many there are depends on the buffers.
const AHEAD: usize = 64;
/// A buffer holds a chunk of the largest size, and at least this.
const LEAST_BUFFER_BYTES: usize = 1 << 20;

/// Takes files until there are none left.
pub(super) fn read_all(
    run: &Run<'_>,
    files: &Receiver<LargeJob>,
    jobs: &Outlet<'_, Job>,
) -> Result<()> {
    for LargeJob { entry, reply } in files {
        let result = read(run, entry, jobs);
        let failed = result.is_err();
        // The tree builder finds the error where it waits for the file.
        reply.send(result).map_err(|_| cancelled())?;
        if failed {
            return Err(cancelled());
        }
    }
    Ok(())
}

/// Reads a file. One that the source cannot read is an outcome; an error is the end of the run.
pub(super) fn read(run: &Run<'_>, mut entry: Entry, jobs: &Outlet<'_, Job>) -> Result<LargeFile> {
    let outcome = match read_file(run, &mut entry, jobs) {
        Ok(whole) => Ok(whole),
        Err(Failure::Source(error)) => Err(error),
        Err(Failure::Run(error)) => return Err(error),
    };
    Ok(LargeFile { entry, outcome })
}

enum Failure {
    Source(SourceError),
    Run(crate::error::Error),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::Run(error)
    }
}

fn read_file(run: &Run<'_>, entry: &mut Entry, jobs: &Outlet<'_, Job>) -> Result<Whole, Failure> {
    let filled_changed = complete(run, entry)?;
    let mut content = run.source.open(entry)?;
    let mut file = Pending {
        run,
        jobs,
        owner: entry.node.uid,
        waiting: VecDeque::new(),
        recipe: Recipe::new(),
    };
    let size = run.chunker.sizes().max().max(LEAST_BUFFER_BYTES);
    let mut buffer = run.buffers.reads.take_filled(size);
    let mut filled = 0;
    let mut bytes = 0;
    loop {
        run.remote.before_step()?;
        let before = filled;
        let hole = match read_some(content.as_mut(), &mut buffer.bytes, &mut filled)? {
            Stop::Full => None,
            Stop::Hole(len) => Some(len),
            Stop::End => Some(0),
        };
        run.remote.has_read((filled - before) as u64)?;
        // Content on either side of a hole is cut for itself.
        let ended = hole.is_some();
        bytes += file.cut(&mut buffer, &mut filled, size, ended)?;
        match hole {
            None => {}
            Some(0) => break,
            Some(len) => {
                file.hole(len)?;
                bytes += len;
            }
        }
    }
    let changed = content.finish(entry)?;
    drop(content);
    entry.node.size = bytes;
    drop(buffer);
    file.drain(0)?;
    let refs = file.recipe.finish(run)?;
    Ok(Whole {
        refs,
        changed: changed || filled_changed,
    })
}

/// Asks the source for the metadata that a walk does not bring.
fn complete(run: &Run<'_>, entry: &mut Entry) -> Result<bool, SourceError> {
    let item = BatchItem {
        entry: entry.clone(),
        want_content: false,
        fill: Fill::Pending,
    };
    let mut batch = Batch {
        items: vec![item],
        data: Vec::new(),
    };
    run.source.fill(&mut batch);
    let unanswered = || {
        SourceError::new(
            strongroom_format::SkipReason::Other,
            "the source gave no answer",
        )
    };
    let item = batch.items.pop().ok_or_else(unanswered)?;
    *entry = item.entry;
    match item.fill {
        Fill::Done { changed, .. } => Ok(changed),
        Fill::Failed(error) => Err(error),
        Fill::Pending => Err(unanswered()),
    }
}

enum Stop {
    Full,
    Hole(u64),
    End,
}

fn read_some(
    content: &mut dyn Content,
    buffer: &mut [u8],
    filled: &mut usize,
) -> Result<Stop, SourceError> {
    while let Some(free) = buffer.get_mut(*filled..).filter(|free| !free.is_empty()) {
        match content.read(free)? {
            Piece::Data(len) => *filled += len.min(free.len()),
            Piece::Hole(len) => return Ok(Stop::Hole(len)),
            Piece::End => return Ok(Stop::End),
        }
    }
    Ok(Stop::Full)
}

/// A file whose chunks are on their way through the workers.
struct Pending<'r, 'a> {
    run: &'r Run<'a>,
    jobs: &'r Outlet<'r, Job>,
    owner: u32,
    waiting: VecDeque<Part>,
    recipe: Recipe,
}

/// What comes next in the recipe.
enum Part {
    Chunks(Receiver<Vec<Ref>>),
    Hole(u64),
}

impl Pending<'_, '_> {
    /// Cuts what can be cut of the buffer and sends it; the rest moves to the front of the next buffer. Returns the bytes sent.
    fn cut(
        &mut self,
        buffer: &mut OneOfFew,
        filled: &mut usize,
        size: usize,
        ended: bool,
    ) -> Result<u64> {
        let chunker = self.run.chunker;
        let max = chunker.sizes().max();
        let mut ends = Vec::new();
        let mut start = 0;
        while start < *filled {
            let rest = buffer.bytes.get(start..*filled).unwrap_or_default();
            let len = chunker.cut(rest).clamp(1, rest.len().max(1));
            // A cut before the end of what is there is one whatever follows (law 6 of chunkers).
            if len == rest.len() && len < max && !ended {
                break;
            }
            start += len;
            ends.push(start);
        }
        if start == 0 {
            return Ok(0);
        }
        let mut next = self.run.buffers.reads.take_filled(size);
        let rest = buffer.bytes.get(start..*filled).unwrap_or_default();
        if let Some(front) = next.bytes.get_mut(..rest.len()) {
            front.copy_from_slice(rest);
        }
        *filled = rest.len();
        let (reply, answer) = crossbeam_channel::bounded(1);
        let data = std::mem::replace(buffer, next);
        let chunks = Chunks {
            data,
            ends,
            owner: self.owner,
            reply,
        };
        self.jobs.send(Job::Chunks(chunks))?;
        self.waiting.push_back(Part::Chunks(answer));
        self.drain(AHEAD)?;
        Ok(start as u64)
    }

    fn hole(&mut self, len: u64) -> Result<()> {
        self.waiting.push_back(Part::Hole(len));
        self.run.progress.read(len);
        // Holes hold no buffer, but a file may be nothing else.
        self.drain(4096)
    }

    /// Takes answers until at most `most` parts are waiting.
    fn drain(&mut self, most: usize) -> Result<()> {
        while self.waiting.len() > most {
            match self.waiting.pop_front() {
                Some(Part::Chunks(answer)) => {
                    let refs = self.run.workers.wait(&answer)?;
                    for one in refs {
                        self.recipe.push(self.run, one)?;
                    }
                }
                Some(Part::Hole(len)) => {
                    self.recipe.push(self.run, Ref::zeros(len))?;
                }
                None => break,
            }
        }
        Ok(())
    }
}
