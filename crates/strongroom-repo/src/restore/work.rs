//! What the workers do: decode frames, write files, compare what is there.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use strongroom_crypt::Id;

use crate::blobs::{DATA, Scratch};
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::restore::fetch::Part;
use crate::restore::file::{FileTask, Use};
use crate::restore::inspect;
use crate::restore::links::LinkNow;
use crate::restore::options::Cold;
use crate::restore::plan::FramePlan;
use crate::restore::report::Failure;
use crate::restore::run::Run;
use crate::target::SmallFile;

/// A piece of work.
#[derive(Debug)]
pub(super) enum Job {
    /// Decode a frame and write what is wanted of it.
    Frame(Arc<Part>, FramePlan),
    /// Read these blobs one by one, from whatever copy is good.
    Rescue(Vec<Use>),
    /// Compare what is there, and return what is wanted nevertheless.
    Inspect(Vec<Use>, Sender<Vec<Use>>),
    /// Do these, which need nothing of the store.
    Direct(Vec<Direct>),
}

/// Something that needs nothing of the store.
#[derive(Debug)]
pub(super) enum Direct {
    /// An empty file.
    Empty(Arc<FileTask>),
    /// A symbolic link, fifo, socket or device.
    Other(Arc<FileTask>),
    /// A further name.
    Link(Box<LinkNow>),
    /// A run of zeros.
    Zeros(Use),
    /// There will be no more pieces of a file.
    Planned(Arc<FileTask>),
}

/// Works until everybody who has jobs has ended.
pub(super) fn run(run: &Run, jobs: &Receiver<Job>) {
    match Worker::new(run) {
        Ok(mut worker) => jobs.iter().for_each(|job| worker.take(job)),
        Err(error) => run.stop(error),
    }
}

/// Does one job after another.
pub(super) struct Worker<'a> {
    run: &'a Run,
    scratch: Scratch,
}

impl<'a> Worker<'a> {
    pub(super) fn new(run: &'a Run) -> Result<Self> {
        Ok(Self {
            run,
            scratch: Scratch::new()?,
        })
    }

    /// Does a job, unless the restore has ended. One that fails or panics ends it.
    pub(super) fn take(&mut self, job: Job) {
        if let Err(error) = self.run.remote.before_batch() {
            self.run.stop(error);
        }
        if self.run.is_stopped() {
            return;
        }
        let done = catch_unwind(AssertUnwindSafe(|| self.work(job)));
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.run.stop(error),
            Err(panic) => self
                .run
                .stop(crate::edge::panicked("restore", panic.as_ref())),
        }
    }

    fn work(&mut self, job: Job) -> Result<()> {
        match job {
            Job::Frame(part, frame) => self.frame(&part, frame),
            Job::Rescue(uses) => self.rescue(uses),
            Job::Inspect(uses, reply) => {
                let wanted = inspect::compare(self.run, uses);
                // The planner may have given up.
                drop(reply.send(wanted));
                Ok(())
            }
            Job::Direct(items) => {
                self.direct(items);
                Ok(())
            }
        }
    }

    fn frame(&mut self, part: &Part, frame: FramePlan) -> Result<()> {
        let blobs = &self.run.blobs;
        let decoded = blobs.decode_frame(
            &mut self.scratch,
            &part.pack,
            &part.header,
            frame.position,
            &part.sealed(&frame),
        );
        let plain = match decoded {
            Ok(plain) => plain,
            Err(error) if is_loss(&error) || error.kind() == ErrorKind::WrongKey => {
                tracing::debug!(%error, "a frame is damaged; other copies are tried");
                return self.rescue(frame.uses);
            }
            Err(error) => return Err(error),
        };
        let mut batch = Batch::new(self.run);
        let mut wanted = frame.uses;
        let mut offset = 0;
        for blob in part.header.frame_blobs(frame.position as usize) {
            let (start, end) = (offset, offset + blob.len as usize);
            let content = plain.get(start..end).unwrap_or_default();
            offset = end;
            let from = wanted.partition_point(|one| one.blob < Some(blob.id));
            let to = wanted.partition_point(|one| one.blob <= Some(blob.id));
            if from == to || !blobs.is(DATA, &blob.id, content) {
                continue;
            }
            for one in wanted.drain(from..to) {
                batch.add(one, plain, start..end);
            }
        }
        batch.write();
        // What the header does not list or is not what its id says.
        if wanted.is_empty() {
            Ok(())
        } else {
            self.rescue(wanted)
        }
    }

    /// Reads blobs one by one, from whatever copy is good; the files of those that have none are lost.
    fn rescue(&self, uses: Vec<Use>) -> Result<()> {
        let mut known: Option<(Id, Result<bytes::Bytes, Failure>)> = None;
        for one in uses {
            let Some(id) = one.blob else { continue };
            let content = match known.take() {
                Some((last, content)) if last == id => content,
                _ => match self.run.blobs.read(DATA, &id) {
                    Ok(blob) => Ok(blob),
                    Err(error) if is_loss(&error) || error.kind() == ErrorKind::WrongKey => {
                        Err(Failure::from(&error))
                    }
                    Err(error) if error.kind() == ErrorKind::Archived => {
                        self.run.tally.cold(&error);
                        match self.run.cold {
                            Cold::Stop => return Err(error),
                            Cold::LeaveOut => Err(Failure::from(&error)),
                        }
                    }
                    Err(error) => return Err(error),
                },
            };
            match &content {
                Ok(blob) => {
                    let mut batch = Batch::new(self.run);
                    batch.add(one, blob, 0..blob.len());
                    batch.write();
                }
                Err(failure) => {
                    one.file.fail(failure.clone());
                    self.run.release_file(&one.file);
                }
            }
            known = Some((id, content));
        }
        Ok(())
    }

    fn direct(&self, items: Vec<Direct>) {
        let mut batch = Batch::new(self.run);
        for item in items {
            match item {
                Direct::Empty(file) => batch.push(file, &[]),
                Direct::Other(file) => {
                    let mut path = Vec::new();
                    file.path(&mut path);
                    let made = self.run.target.create_other(&path, &file.node);
                    let made = made.map_err(|error| self.run.target_failure(&error));
                    self.run.settle(&file, path, made);
                }
                Direct::Link(now) => self.run.link_now(*now),
                Direct::Zeros(one) => {
                    write_piece(self.run, &one.file, &one.range, None);
                    self.run.release_file(&one.file);
                }
                Direct::Planned(file) => self.run.release_file(&file),
            }
        }
        batch.write();
    }
}

/// Small files on their way to the target together, and pieces of a larger one that follow one another.
struct Batch<'a, 'c> {
    run: &'a Run,
    files: Vec<(Arc<FileTask>, Vec<u8>, &'c [u8])>,
    pieces: Option<Pieces<'c>>,
}

/// Pieces of one file that lie in a frame as they lie in the file.
struct Pieces<'c> {
    frame: &'c [u8],
    file: Arc<FileTask>,
    /// Where they are in the file.
    range: Range<u64>,
    /// Where they are in the frame.
    place: Range<usize>,
    count: usize,
}

impl<'a, 'c> Batch<'a, 'c> {
    fn new(run: &'a Run) -> Self {
        Self {
            run,
            files: Vec::new(),
            pieces: None,
        }
    }

    /// Adds a piece, which is at `place` in a frame: a whole file waits for the others, a part of one for those that follow it.
    fn add(&mut self, one: Use, frame: &'c [u8], place: Range<usize>) {
        let content = frame.get(place.clone()).unwrap_or_default();
        if one.len() != content.len() as u64 {
            let what = "a blob has not the length that a file's recipe says";
            one.file
                .fail(Failure::from(&Error::new(ErrorKind::Damaged, what)));
            self.run.release_file(&one.file);
        } else if one.whole {
            self.push(one.file, content);
        } else {
            self.piece(one, frame, place);
        }
    }

    fn piece(&mut self, one: Use, frame: &'c [u8], place: Range<usize>) {
        if let Some(pieces) = &mut self.pieces
            && Arc::ptr_eq(&pieces.file, &one.file)
            && pieces.range.end == one.range.start
            && pieces.place.end == place.start
        {
            pieces.range.end = one.range.end;
            pieces.place.end = place.end;
            pieces.count += 1;
            return;
        }
        self.write_pieces();
        self.pieces = Some(Pieces {
            frame,
            file: one.file,
            range: one.range,
            place,
            count: 1,
        });
    }

    fn write_pieces(&mut self) {
        if let Some(pieces) = self.pieces.take() {
            let content = pieces.frame.get(pieces.place);
            write_piece(self.run, &pieces.file, &pieces.range, content);
            for _ in 0..pieces.count {
                self.run.release_file(&pieces.file);
            }
        }
    }

    fn push(&mut self, file: Arc<FileTask>, content: &'c [u8]) {
        let mut path = Vec::new();
        file.path(&mut path);
        self.files.push((file, path, content));
    }

    fn write(mut self) {
        self.write_pieces();
        if self.files.is_empty() {
            return;
        }
        let small: Vec<SmallFile<'_>> = self
            .files
            .iter()
            .map(|(file, path, content)| SmallFile {
                path,
                node: &file.node,
                content,
                fresh: file.fresh,
            })
            .collect();
        let bytes = small.iter().map(|file| file.content.len() as u64);
        before_write(self.run, bytes.sum());
        let mut answers = self.run.target.write_files(&small).into_iter();
        drop(small);
        for (file, path, content) in self.files {
            let outcome = match answers.next() {
                Some(answer) => answer.map_err(|error| self.run.target_failure(&error)),
                None => Err(unanswered()),
            };
            match outcome {
                Ok(_) => self.run.tally.wrote(content.len() as u64),
                Err(_) if file.fresh => self.run.remove_half(&path),
                Err(_) => {}
            }
            self.run.settle(&file, path, outcome);
        }
    }
}

fn unanswered() -> Failure {
    Failure::new(
        crate::restore::report::LostReason::Target,
        "the target gave no answer",
    )
}

/// Waits until so much may be written. Whoever is cancelled meanwhile writes this batch, and no more.
fn before_write(run: &Run, bytes: u64) {
    if let Err(error) = run.remote.before_write(bytes) {
        run.stop(error);
    }
}

/// Writes a part of a larger file; `None` stands for zeros.
fn write_piece(run: &Run, file: &Arc<FileTask>, range: &Range<u64>, content: Option<&[u8]>) {
    if file.has_failed() {
        return;
    }
    let len = range.end - range.start;
    before_write(run, content.map_or(0, |_| len));
    let written = run.open(file).and_then(|handle| match content {
        Some(content) => handle.write_at(range.start, content),
        None => handle.write_zeros(range.start, len),
    });
    match written {
        Ok(()) => run.tally.wrote(len),
        Err(error) => file.fail(run.target_failure(&error)),
    }
}
