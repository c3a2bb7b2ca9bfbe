//! How work behaves towards the machine it runs on, and towards those who use it.
//!
//! [`Manners`] are given to whoever works: a repository, an auditor, a store. All of them ask before each batch of work, which is a
//! megabyte or two, and before each request of a store, and wait while the answer is that they should.
//!
//! ```
//! use std::time::Duration;
//!
//! use strongroom_store::manners::{Advice, Manners};
//! use strongroom_store::wrap::{BandwidthLimits, Rate};
//!
//! // At most 50 MiB a second from the disk that is backed up, and half a second's rest before each batch while users are about.
//! let disk = BandwidthLimits::new(None, Some(Rate::new(50 << 20)));
//! let users = || false;
//! let guard = move || match users() {
//!     true => Advice::Ease(Duration::from_millis(500)),
//!     false => Advice::Proceed,
//! };
//! let manners = Manners::new().with_disk(disk).with_guard(std::sync::Arc::new(guard));
//!
//! // Somebody else has a handle on the pause.
//! let pause = manners.pause().clone();
//! pause.pause();
//! assert!(manners.before_batch().is_some());
//! pause.resume();
//! assert!(manners.before_batch().is_none());
//! ```
//!
//! What has begun is done: a pause takes effect at the next batch or request of each thread, and what is on its way to the store arrives.
//! While an operation rests it holds its memory, its threads and its open files, and nothing of it is lost by that, however long it takes.

mod guard;
mod pause;
mod setup;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};

pub use self::guard::{Advice, LoadGuard};
pub use self::pause::{Pause, Resumed};
pub use self::setup::ThreadSetup;
use crate::wrap::{BandwidthLimits, Sleep, TimerSleep};

/// Who is asked before work goes on. A clone is a handle on the same pause, guard, limits and counts.
///
/// The default lets everything go on at once.
#[derive(Clone)]
#[must_use]
pub struct Manners {
    pause: Pause,
    guard: Option<Arc<dyn LoadGuard>>,
    disk: Option<BandwidthLimits>,
    setup: Option<Arc<dyn ThreadSetup>>,
    sleep: Arc<dyn Sleep>,
    counters: Arc<Counters>,
}

/// What must be awaited before work goes on. Dropped, it leaves no trace.
pub type Wait = BoxFuture<'static, ()>;

/// How often work was asked to wait, since the [`Manners`] were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MannersCounts {
    /// Batches of work that were asked for.
    pub batches: u64,
    /// Small steps that were asked for: requests of stores, and pages of trees.
    pub steps: u64,
    /// Times that one of them waited to be resumed.
    pub paused: u64,
    /// Times that the guard eased one.
    pub eased: u64,
    /// Times that the guard held one.
    pub held: u64,
    /// How long the guard asked them to wait, all together: on two threads at once it counts twice.
    pub guarded: Duration,
    /// Bytes read from sources.
    pub read_bytes: u64,
    /// Bytes written to targets.
    pub written_bytes: u64,
}

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    steps: AtomicU64,
    paused: AtomicU64,
    eased: AtomicU64,
    held: AtomicU64,
    guarded_micros: AtomicU64,
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

/// What is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Batch,
    Step,
}

impl Manners {
    /// Returns manners that ask nobody, with a [`Pause`] of their own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the pause, for several to be paused together.
    pub fn with_pause(mut self, pause: Pause) -> Self {
        self.pause = pause;
        self
    }

    /// Asks a guard whether there is room for more work.
    pub fn with_guard(mut self, guard: Arc<dyn LoadGuard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Bounds what is read from sources, which is *down*, and written to targets, which is *up*. Stores have a
    /// [wrapper](crate::wrap::Bandwidth) for that.
    pub fn with_disk(mut self, limits: BandwidthLimits) -> Self {
        self.disk = Some(limits);
        self
    }

    /// Sets up each thread that is started for an operation.
    pub fn with_thread_setup(mut self, setup: Arc<dyn ThreadSetup>) -> Self {
        self.setup = Some(setup);
        self
    }

    /// Replaces how the waits that a guard asks for are waited. Default: by a [`TimerSleep`].
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// Returns the pause.
    #[must_use]
    pub fn pause(&self) -> &Pause {
        &self.pause
    }

    /// Returns how often work was asked to wait.
    #[must_use]
    pub fn counts(&self) -> MannersCounts {
        let counters = &self.counters;
        MannersCounts {
            batches: counters.batches.load(Relaxed),
            steps: counters.steps.load(Relaxed),
            paused: counters.paused.load(Relaxed),
            eased: counters.eased.load(Relaxed),
            held: counters.held.load(Relaxed),
            guarded: Duration::from_micros(counters.guarded_micros.load(Relaxed)),
            read_bytes: counters.read_bytes.load(Relaxed),
            written_bytes: counters.written_bytes.load(Relaxed),
        }
    }

    /// Asks whether the next batch of work may begin: `None`, or what must be awaited first.
    #[must_use]
    pub fn before_batch(&self) -> Option<Wait> {
        self.counters.batches.fetch_add(1, Relaxed);
        self.before(Work::Batch)
    }

    /// Asks whether the next small step may be made, such as a request of a store: `None`, or what must be awaited first. Steps are paused
    /// and held, but not eased: there may be thousands of them where there is one batch.
    #[must_use]
    pub fn before_step(&self) -> Option<Wait> {
        self.counters.steps.fetch_add(1, Relaxed);
        self.before(Work::Step)
    }

    /// Counts bytes that were read from a source, or are about to be, and returns what must be awaited before more are.
    #[must_use]
    pub fn read(&self, bytes: u64) -> Option<Wait> {
        self.counters.read_bytes.fetch_add(bytes, Relaxed);
        let disk = self.disk.as_ref().filter(|disk| disk.down().is_some())?;
        let disk = disk.clone();
        Some(async move { disk.take_down(bytes).await }.boxed())
    }

    /// Counts bytes that are about to be written to a target, and returns what must be awaited first.
    #[must_use]
    pub fn write(&self, bytes: u64) -> Option<Wait> {
        self.counters.written_bytes.fetch_add(bytes, Relaxed);
        let disk = self.disk.as_ref().filter(|disk| disk.up().is_some())?;
        let disk = disk.clone();
        Some(async move { disk.take_up(bytes).await }.boxed())
    }

    /// Sets up the thread that calls. Whoever starts threads for work calls it first thing on each; those that such a thread starts
    /// have what they inherit.
    pub fn set_up_thread(&self) {
        if let Some(setup) = &self.setup {
            setup.set_up();
        }
    }

    fn before(&self, work: Work) -> Option<Wait> {
        let mut advice = None;
        if !self.pause.is_paused() {
            advice = Some(self.advice(work));
            if advice == Some(Advice::Proceed) {
                return None;
            }
        }
        let this = self.clone();
        Some(async move { this.wait(work, advice).await }.boxed())
    }

    async fn wait(self, work: Work, mut advice: Option<Advice>) {
        loop {
            self.rest().await;
            match advice.take().unwrap_or_else(|| self.advice(work)) {
                Advice::Proceed => return,
                Advice::Ease(time) => {
                    self.counters.eased.fetch_add(1, Relaxed);
                    self.sleep(time).await;
                    return self.rest().await;
                }
                Advice::Hold(time) => {
                    self.counters.held.fetch_add(1, Relaxed);
                    self.sleep(time).await;
                }
            }
        }
    }

    /// Waits while there is a pause.
    async fn rest(&self) {
        if self.pause.is_paused() {
            self.counters.paused.fetch_add(1, Relaxed);
            self.pause.resumed().await;
        }
    }

    async fn sleep(&self, time: Duration) {
        let time = time.clamp(SHORTEST, LONGEST);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counters.guarded_micros.fetch_add(micros, Relaxed);
        self.sleep.sleep(time).await;
    }

    fn advice(&self, work: Work) -> Advice {
        match self.guard.as_ref().map(|guard| guard.advice()) {
            None => Advice::Proceed,
            Some(Advice::Ease(_)) if work == Work::Step => Advice::Proceed,
            Some(advice) => advice,
        }
    }
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            pause: Pause::new(),
            guard: None,
            disk: None,
            setup: None,
            sleep: Arc::new(TimerSleep::new()),
            counters: Arc::default(),
        }
    }
}

impl fmt::Debug for Manners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manners")
            .field("pause", &self.pause)
            .field("guard", &self.guard.is_some())
            .field("disk", &self.disk)
            .field("setup", &self.setup.is_some())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// A guard that asks to wait for no time would be asked again and again without any.
const SHORTEST: Duration = Duration::from_millis(1);
/// Whoever waited so long asks again, or goes on.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests;
