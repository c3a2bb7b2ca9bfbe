//! Fetching parts of packs, several at once within a budget of bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, TryRecvError};
use strongroom_format::PackHeader;

use crate::blobs::HeaderTicket;
use crate::edge::Ticket;
use crate::error::Result;
use crate::index::is_loss;
use crate::outlet::Outlet;
use crate::packs::PackInfo;
use crate::restore::file::Use;
use crate::restore::plan::{FramePlan, PartPlan, Plan};
use crate::restore::run::Run;
use crate::restore::work::Job;

/// A part of a pack that is in memory, and its share of the budget.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) pack: Arc<PackInfo>,
    pub(super) header: Arc<PackHeader>,
    bytes: Bytes,
    /// Where in the pack the bytes begin.
    start: u64,
    _permit: Permit,
}

impl Part {
    /// Returns the sealed bytes of a frame, as far as they are there.
    pub(super) fn sealed(&self, frame: &FramePlan) -> &[u8] {
        let bounds = || {
            let start = usize::try_from(u64::from(frame.offset).checked_sub(self.start)?).ok()?;
            self.bytes
                .get(start..start.checked_add(frame.stored_len as usize)?)
        };
        bounds().unwrap_or_default()
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
            budget: Arc::default(),
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
                    Ok(plan) => self.waiting.extend(plan.parts),
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

/// A part on its way.
struct Flight {
    part: PartPlan,
    bytes: Ticket<Bytes>,
    /// Comes with the rest when the pack is fetched whole.
    header: Option<HeaderTicket>,
    permit: Permit,
}

impl Flight {
    fn begin(run: &Run, part: PartPlan, permit: Permit) -> Result<Self> {
        let bytes = run.remote.get_later(&part.pack.key()?, part.range.clone());
        let header = match part.range {
            Some(_) => Some(run.blobs.header_later(&part.pack)?),
            None => None,
        };
        Ok(Self {
            part,
            bytes,
            header,
            permit,
        })
    }

    /// Waits for the part and hands its frames out. What does not come is looked for elsewhere, blob by blob.
    fn land(self, run: &Run, jobs: &Outlet<'_, Job>) {
        let Self {
            part,
            bytes,
            header,
            permit,
        } = self;
        let PartPlan {
            pack,
            range,
            frames,
        } = part;
        let landed = bytes.wait().and_then(|bytes| {
            run.tally.fetched(bytes.len() as u64);
            let header = match header {
                Some(ticket) => ticket.wait(&run.blobs, &pack)?,
                None => run.blobs.header_of_whole(&pack, &bytes)?,
            };
            Ok((bytes, header))
        });
        match landed {
            Ok((bytes, header)) => {
                let start = range.map_or(0, |range| range.start);
                let part = Arc::new(Part {
                    pack,
                    header,
                    bytes,
                    start,
                    _permit: permit,
                });
                for frame in frames {
                    send(run, jobs, Job::Frame(Arc::clone(&part), frame));
                }
            }
            Err(error) if is_loss(&error) => {
                drop(permit);
                for frame in frames {
                    send(run, jobs, Job::Rescue(frame.uses));
                }
            }
            Err(error) => run.stop(error),
        }
    }
}

/// Hands a job to the workers; they end only after everybody who has jobs for them.
pub(super) fn send(run: &Run, jobs: &Outlet<'_, Job>, job: Job) {
    if jobs.send(job).is_err() {
        run.stop(crate::edge::panicked("restore", &"the workers have gone"));
    }
}

/// Returns what a part weighs in the budget while uses of it are pending.
#[derive(Debug, Default)]
struct Budget {
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
    /// Takes a share; the first one may be more than there is. `None` when there is not enough and `wait` is
    /// false, or everything ends.
    fn take(self: &Arc<Self>, bytes: u64, wait: bool, run: &Run) -> Option<Permit> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && *used + bytes > BUDGET_BYTES {
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

/// Fetched bytes in memory at once: two full packs and some.
const BUDGET_BYTES: u64 = 72 << 20;
/// Parts on their way at once.
const MAX_FLYING: usize = 8;
