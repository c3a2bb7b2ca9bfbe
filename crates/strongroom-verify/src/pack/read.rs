//! Reads packs, several at once, and checks each on a thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use strongroom_format::{PackHeader, PackRef};

use super::check::{Depth, HeaderSpot, PackChecker, PackOutcome, Spare};
use super::header::{HeaderPlace, Place};
use super::keys::Keyset;
use super::stream::Streamed;
use crate::edge::{Remote, Ticket, Unread, crew};
use crate::error::Result;

/// How packs are read.
///
/// Memory: each thread holds the pack that it checks and those that it has asked for; all together `memory_bytes`, but at least two packs a
/// thread, and the plaintext of one frame each. Where requests cost next to nothing it holds two pieces of a pack in their place: about 2 MiB, or two
/// frames where those are larger.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) keys: Option<Arc<Keyset>>,
    pub(crate) depth: Depth,
    pub(crate) threads: usize,
    pub(crate) memory_bytes: u64,
    /// For frames that will be needed again.
    pub(crate) spare: Spare,
}

/// A pack to be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// Its number in the table.
    pub(crate) number: u32,
    pub(crate) pack: PackRef,
    /// Read it whole, not its header alone.
    pub(crate) whole: bool,
    /// Where its header is, if that is known.
    pub(crate) spot: Option<HeaderSpot>,
}

/// What looking at a pack gave.
#[derive(Debug)]
pub(crate) enum PackSeen {
    /// It could not be read.
    Unread(Unread),
    /// It was read whole.
    Whole {
        bytes: u64,
        outcome: Box<PackOutcome>,
    },
    /// Only its header was read, which is good.
    Header(HeaderSpot, PackHeader),
}

/// Looks at packs, in any order, and hands over what was seen of each.
///
/// A header that is not as it must be is not judged by itself: its pack is read whole, because only the hash of the whole tells a later
/// version from damage.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at, and those of `take`.
pub(crate) fn read(
    reading: &Reading<'_>,
    jobs: &[Job],
    take: impl FnMut((u32, PackSeen)) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let threads = reading.threads.clamp(1, jobs.len().max(1));
    crew(
        threads,
        |sender| Worker::new(reading, jobs, &next, threads)?.run(sender),
        take,
    )
}

struct Worker<'a> {
    reading: &'a Reading<'a>,
    jobs: &'a [Job],
    next: &'a AtomicUsize,
    checker: PackChecker,
    asked: VecDeque<(Job, Asked)>,
    asked_bytes: u64,
    ahead: usize,
    ahead_bytes: u64,
}

enum Asked {
    Whole(Ticket),
    Header(HeaderPlace),
    /// The header first, and then everything, piece by piece.
    Pieces(HeaderPlace),
}

impl<'a> Worker<'a> {
    fn new(
        reading: &'a Reading<'a>,
        jobs: &'a [Job],
        next: &'a AtomicUsize,
        threads: usize,
    ) -> Result<Self> {
        let share = threads as u64;
        Ok(Self {
            reading,
            jobs,
            next,
            checker: PackChecker::new(reading.keys.clone(), reading.depth)?
                .keeping(reading.spare.clone()),
            asked: VecDeque::new(),
            asked_bytes: 0,
            ahead: reading.remote.concurrency().div_ceil(threads).max(1),
            ahead_bytes: reading.memory_bytes / share,
        })
    }

    fn run(&mut self, sender: &Sender<(u32, PackSeen)>) -> Result<()> {
        loop {
            self.reading.remote.before_batch()?;
            self.ask_ahead();
            let Some((job, asked)) = self.asked.pop_front() else {
                return Ok(());
            };
            let seen = match asked {
                Asked::Whole(ticket) => {
                    self.asked_bytes -= u64::from(job.pack.len);
                    // The next one is on its way while this one is checked.
                    let got = ticket.wait()?;
                    self.ask_ahead();
                    self.whole(&job, got)
                }
                Asked::Header(place) => self.header(&job, place)?,
                Asked::Pieces(place) => self.pieces(&job, place)?,
            };
            if sender.send((job.number, seen)).is_err() {
                return Ok(());
            }
        }
    }

    /// Asks for as many packs as may wait, and for one in any case.
    fn ask_ahead(&mut self) {
        while self.asked.is_empty()
            || (self.asked.len() < self.ahead && self.asked_bytes < self.ahead_bytes)
        {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = self.jobs.get(at) else {
                return;
            };
            let remote = self.reading.remote;
            let has_header = self.reading.keys.is_some() && self.reading.depth > Depth::Hashed;
            let asked = if job.whole && has_header && remote.is_near() {
                Asked::Pieces(HeaderPlace::ask(remote, &job.pack, job.spot))
            } else if job.whole || self.reading.keys.is_none() {
                self.asked_bytes += u64::from(job.pack.len);
                Asked::Whole(remote.get_pack_later(&job.pack, None))
            } else {
                Asked::Header(HeaderPlace::ask(remote, &job.pack, job.spot))
            };
            self.asked.push_back((*job, asked));
        }
    }

    fn whole(&mut self, job: &Job, got: crate::edge::Got) -> PackSeen {
        match got {
            Err(unread) => PackSeen::Unread(unread),
            Ok(bytes) => {
                let len = bytes.len() as u64;
                // Without a copy, unless the store keeps the bytes itself.
                let bytes = Vec::from(bytes);
                let outcome = self.checker.check(&job.pack.name, Some(&job.pack), bytes);
                PackSeen::Whole {
                    bytes: len,
                    outcome: Box::new(outcome),
                }
            }
        }
    }

    fn header(&mut self, job: &Job, place: HeaderPlace) -> Result<PackSeen> {
        let remote = self.reading.remote;
        if let Some(keys) = &self.reading.keys {
            match place.wait(remote, keys)? {
                Place::Found(spot, header, _) => return Ok(PackSeen::Header(spot, *header)),
                Place::Cold => return Ok(PackSeen::Unread(Unread::Cold)),
                Place::Unsure => {}
            }
        }
        let got = remote.get_pack_later(&job.pack, None).wait()?;
        Ok(self.whole(job, got))
    }

    /// Looks at a pack piece by piece; at the whole where that finds anything that is not as it must be.
    fn pieces(&mut self, job: &Job, place: HeaderPlace) -> Result<PackSeen> {
        let remote = self.reading.remote;
        if let Some(keys) = self.reading.keys.clone()
            && let Place::Found(spot, header, sealed) = place.wait(remote, &keys)?
        {
            let streamed = Streamed {
                remote,
                keys: &keys,
                pack: &job.pack,
                spot,
                header: *header,
                sealed,
            };
            if let Some(outcome) = streamed.check(&mut self.checker)? {
                return Ok(PackSeen::Whole {
                    bytes: u64::from(job.pack.len),
                    outcome: Box::new(outcome),
                });
            }
        }
        let got = remote.get_pack_later(&job.pack, None).wait()?;
        Ok(self.whole(job, got))
    }
}
