//! Fetching parts of packs, several at once within a budget of bytes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, TryRecvError};
use strongroom_format::PackHeader;

use crate::blobs::frame_range;
use crate::edge::Ticket;
use crate::error::Result;
use crate::index::is_out_of_reach;
use crate::outlet::Outlet;
use crate::packs::PackInfo;
use crate::ranges::Reads;
use crate::restore::file::Use;
use crate::restore::plan::{FramePlan, PartPlan, Plan};
use crate::restore::run::Run;
use crate::restore::work::Job;

/// What was fetched of a pack, and its share of the budget.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) pack: Arc<PackInfo>,
    pub(super) header: Arc<PackHeader>,
    pieces: Pieces,
    _permit: Permit,
}

impl Part {
    /// Returns the sealed bytes of a frame; none if they are not all there.
    pub(super) fn sealed(&self, frame: &FramePlan) -> Bytes {
        let range = frame_range(frame.offset, frame.stored_len);
        self.pieces.get(range).unwrap_or_default()
    }
}

/// Bytes of a pack, with where in it they begin.
#[derive(Debug)]
struct Pieces(Vec<(u64, Bytes)>);

impl Pieces {
    /// Returns a part that lies within one piece.
    fn get(&self, range: Range<u64>) -> Option<Bytes> {
        self.0.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(range.start.checked_sub(*start)?).ok()?;
            let to = usize::try_from(range.end.checked_sub(*start)?).ok()?;
            (from <= to && to <= bytes.len()).then(|| bytes.slice(from..to))
        })
    }
}

/// Fetches what the planner sends and hands the frames to the workers, until the planner has ended.
pub(super) fn run(run: &Run, plans: &Receiver<Plan>, jobs: Outlet<'_, Job>) {
    Fetcher::new(run, jobs).fetch(&mut |wait| next_plan(plans, wait));
    // The planner must not wait for somebody to take its plans.
    while plans.recv().is_ok() {}
}

fn next_plan(plans: &Receiver<Plan>, wait: bool) -> Result<Plan, TryRecvError> {
    if wait {
        plans.recv().map_err(|_| TryRecvError::Disconnected)
    } else {
        plans.try_recv()
    }
}

/// Fetches the parts that plans name, in their order.
pub(super) struct Fetcher<'a> {
    run: &'a Run,
    jobs: Outlet<'a, Job>,
    budget: Arc<Budget>,
    waiting: VecDeque<PartPlan>,
    flying: VecDeque<Flight>,
}

/// Gives the next plan, or says that there is none now or none any more. Told to wait, it gives one or says that there is none
/// any more.
type NextPlan<'n> = dyn FnMut(bool) -> Result<Plan, TryRecvError> + 'n;

impl<'a> Fetcher<'a> {
    pub(super) fn new(run: &'a Run, jobs: Outlet<'a, Job>) -> Self {
        Self {
            run,
            jobs,
            budget: Arc::new(Budget::new(run)),
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
        }
    }

    /// Fetches everything of one plan.
    pub(super) fn fetch_one(&mut self, plan: Plan) {
        let mut only = Some(plan);
        self.fetch(&mut |_| only.take().ok_or(TryRecvError::Disconnected));
    }

    /// Fetches until there is no further plan, or the restore ends.
    fn fetch(&mut self, next: &mut NextPlan<'_>) {
        let mut open = true;
        loop {
            self.begin(next, &mut open);
            if self.run.is_stopped() {
                return;
            }
            match self.flying.pop_front() {
                Some(flight) => flight.land(self.run, &self.jobs),
                None if open => {}
                None => return,
            }
        }
    }

    /// Begins to fetch as many parts as may be on their way.
    fn begin(&mut self, next: &mut NextPlan<'_>, open: &mut bool) {
        while self.flying.len() < MAX_FLYING && !self.run.is_stopped() {
            let idle = self.flying.is_empty();
            if self.waiting.is_empty() && *open {
                match next(idle) {
                    Ok(plan) => {
                        let parts = plan.parts.into_iter();
                        self.waiting
                            .extend(parts.flat_map(|part| part.slices(&self.run.blobs)));
                    }
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => *open = false,
                }
            }
            let Some(part) = self.waiting.front() else {
                return;
            };
            let Some(permit) = self.budget.take(part.len(), idle, self.run) else {
                return;
            };
            let Some(part) = self.waiting.pop_front() else {
                return;
            };
            match Flight::begin(self.run, part, permit) {
                Ok(flight) => self.flying.push_back(flight),
                Err(error) => self.run.stop(error),
            }
        }
    }
}

/// Parts of a pack on their way.
struct Flight {
    part: PartPlan,
    /// With where in the pack each begins.
    pieces: Vec<(u64, Ticket<Bytes>)>,
    permit: Permit,
}

impl Flight {
    fn begin(run: &Run, part: PartPlan, permit: Permit) -> Result<Self> {
        let key = part.pack.key()?;
        let pieces = match &part.reads {
            Reads::Whole => vec![(0, run.remote.get_pack_later(&key, part.pack.class, None))],
            Reads::Ranges(ranges) => ranges
                .iter()
                .map(|range| {
                    let class = part.pack.class;
                    let ticket = run.remote.get_pack_later(&key, class, Some(range.clone()));
                    (range.start, ticket)
                })
                .collect(),
        };
        Ok(Self {
            part,
            pieces,
            permit,
        })
    }

    /// Waits for the parts and hands the frames out. What does not come is looked for elsewhere, blob by blob.
    fn land(self, run: &Run, jobs: &Outlet<'_, Job>) {
        let Self {
            part,
            pieces,
            permit,
        } = self;
        let PartPlan { pack, frames, .. } = part;
        let landed = wait(run, pieces).and_then(|pieces| {
            let header = run.blobs.header_among(&pack, |range| pieces.get(range))?;
            Ok((pieces, header))
        });
        match landed {
            Ok((pieces, header)) => {
                let part = Arc::new(Part {
                    pack,
                    header,
                    pieces,
                    _permit: permit,
                });
                for frame in frames {
                    send(run, jobs, Job::Frame(Arc::clone(&part), frame));
                }
            }
            Err(error) if is_out_of_reach(&error) => {
                drop(permit);
                run.blobs.note_archived(&pack, &error);
                for frame in frames {
                    send(run, jobs, Job::Rescue(frame.uses));
                }
            }
            Err(error) => run.stop(error),
        }
    }
}

/// Waits for all of them.
fn wait(run: &Run, pieces: Vec<(u64, Ticket<Bytes>)>) -> Result<Pieces> {
    let mut landed = Vec::with_capacity(pieces.len());
    for (start, ticket) in pieces {
        let bytes = ticket.wait()?;
        run.tally.fetched(bytes.len() as u64);
        landed.push((start, bytes));
    }
    Ok(Pieces(landed))
}

/// Hands a job to the workers; they end only after everybody who has jobs for them.
pub(super) fn send(run: &Run, jobs: &Outlet<'_, Job>, job: Job) {
    if jobs.send(job).is_err() {
        run.stop(crate::edge::panicked("restore", &"the workers have gone"));
    }
}

/// Returns what a part weighs in the budget while uses of it are pending.
#[derive(Debug)]
struct Budget {
    bytes: u64,
    used: Mutex<u64>,
    changed: Condvar,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
struct Permit {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    fn new(run: &Run) -> Self {
        let most = run.blobs.shares().fetched_bytes;
        Self {
            bytes: match run.blobs.is_near() {
                true => most.min(NEAR_BUDGET_BYTES),
                false => most,
            },
            used: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Takes a share; the first one may be more than there is. `None` when there is not enough and `wait` is
    /// false, or everything ends.
    fn take(self: &Arc<Self>, bytes: u64, wait: bool, run: &Run) -> Option<Permit> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && *used + bytes > self.bytes {
            if !wait || run.is_stopped() {
                return None;
            }
            // The time limit is for cancellation, which tells nobody.
            let waited = self.changed.wait_timeout(used, Duration::from_millis(50));
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        drop(used);
        Some(Permit {
            budget: Arc::clone(self),
            bytes,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut used = self
            .budget
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.bytes);
        drop(used);
        self.budget.changed.notify_all();
    }
}

/// Counts what a plan would fetch, and settles its files as if it had been.
pub(super) fn pretend(run: &Run, plan: Plan, mut done: impl FnMut(Use)) {
    for part in plan.parts {
        run.tally.fetched(part.len());
        part.frames
            .into_iter()
            .flat_map(|frame| frame.uses)
            .for_each(&mut done);
    }
}

/// Fetched bytes in memory at once, of a near store: a slice for each worker and those to come. Of others two full packs and some.
const NEAR_BUDGET_BYTES: u64 = 12 << 20;
/// Packs of which parts are on their way at once.
const MAX_FLYING: usize = 8;
