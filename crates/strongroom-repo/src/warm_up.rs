//! Waiting until objects are out of cold storage.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use strongroom_store::{Key, Warmer, Warmth};

use crate::context::absent_is_none;
use crate::edge::{self, Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase};
use crate::repository::Repository;

/// How to wait for objects in cold storage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmUpOptions {
    /// How many objects are asked for at once. Default: 1,000.
    pub batch: usize,
    /// How long to wait before asking again how far it is; each wait is half as long again as the one before. Default: a minute.
    pub first_wait: Duration,
    /// The longest wait. Default: 15 minutes.
    pub longest_wait: Duration,
    /// How long to wait in all. Zero asks for the objects and does not wait. Default: two days.
    pub patience: Duration,
}

impl Default for WarmUpOptions {
    fn default() -> Self {
        Self {
            batch: 1_000,
            first_wait: Duration::from_secs(60),
            longest_wait: Duration::from_secs(15 * 60),
            patience: Duration::from_secs(48 * 60 * 60),
        }
    }
}

impl WarmUpOptions {
    /// Says how many objects are asked for at once; 0 counts as 1.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// Sets the first and the longest wait.
    #[must_use]
    pub fn with_waits(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_wait, self.longest_wait) = (first, longest.max(first));
        self
    }

    /// Says how long to wait in all.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// How far a warm-up is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmUpProgress {
    /// Objects that can be read.
    pub ready: u64,
    /// Objects that are on their way.
    pub warming: u64,
    /// Objects that are cold. They are asked for next, once each.
    pub cold: u64,
    /// Objects that the store does not have.
    pub missing: u64,
    /// How long was waited so far.
    pub waited: Duration,
}

/// What a warm-up has achieved.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "objects may not be ready: look at `is_complete`"]
pub struct WarmUpReport {
    /// Objects that can be read.
    pub ready: u64,
    /// Objects that were asked for in this run. What was ready or on its way is not asked for.
    pub asked: u64,
    /// Objects that cannot be read yet, sorted.
    pub not_ready: Vec<Key>,
    /// Objects that the store does not have, sorted: others have moved what is in them, or they are lost.
    pub missing: Vec<Key>,
    /// When the first of them cools down again, in seconds since 1970, if that is known.
    pub ready_until: Option<i64>,
    /// How long was waited.
    pub waited: Duration,
    /// Why it ended before all were ready: `Archived` when the patience was up.
    pub stopped: Option<Error>,
}

impl WarmUpReport {
    /// Says whether every object can be read now.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.not_ready.is_empty() && self.missing.is_empty()
    }
}

impl Repository {
    /// Asks for objects in cold storage and waits until they can be read.
    ///
    /// `objects` come from a plan, such as [`RestorePlan::keys`](crate::RestorePlan::keys). Each is looked at, and asked for if it is cold: what is
    /// ready or on its way is not, so that a warm-up which ended early is resumed by calling again. Observers get
    /// [`Event::WarmUp`] after every look.
    ///
    /// It ends early when the patience is up or the warmer fails for good; [`WarmUpReport::stopped`] says why, and what is on its way
    /// goes on warming up. A warmer that is out of reach is asked again later. Waits are those of
    /// [`Components::sleep`](crate::Components::sleep).
    ///
    /// # Errors
    ///
    /// `Cancelled` and `Internal`; everything else is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the waiting. What was asked for goes on warming up.
    pub async fn warm_up(
        &self,
        objects: Vec<Key>,
        warmer: Arc<dyn Warmer>,
        options: WarmUpOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<WarmUpReport> {
        let this = self.clone();
        let store = self.store();
        edge::run(store, "strongroom-warm-up", move |remote| {
            observer.on_event(&Event::Phase(Phase::WarmUp));
            let mut work = WarmUp::new(remote, &warmer, &options, objects);
            match work.run(&this, observer.as_ref()) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Internal) =>
                {
                    Err(error)
                }
                ended => Ok(work.into_report(ended.err())),
            }
        })
        .await
    }
}

/// Asks about objects, several at once. `None` for those that the store does not have.
///
/// # Errors
///
/// What the warmer said.
pub(crate) fn look<'k>(
    remote: &Remote,
    warmer: &Arc<dyn Warmer>,
    keys: impl Iterator<Item = &'k Key>,
) -> Result<Vec<Option<Warmth>>> {
    let mut flying: VecDeque<Ticket<Warmth>> = VecDeque::new();
    let mut found = Vec::new();
    for key in keys {
        if flying.len() >= LOOKS_AT_ONCE
            && let Some(ticket) = flying.pop_front()
        {
            found.push(absent_is_none(ticket.wait())?);
        }
        flying.push_back(remote.warmth_later(warmer, key));
    }
    for ticket in flying {
        found.push(absent_is_none(ticket.wait())?);
    }
    Ok(found)
}

/// A warm-up under way.
struct WarmUp<'a> {
    remote: &'a Remote,
    warmer: &'a Arc<dyn Warmer>,
    options: &'a WarmUpOptions,
    /// What is not known to be ready.
    pending: BTreeMap<Key, State>,
    report: WarmUpReport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was not looked at, or is cold and was not asked for.
    Unasked,
    /// It was asked for and has not been seen to warm up.
    Asked,
    Warming,
}

impl<'a> WarmUp<'a> {
    fn new(
        remote: &'a Remote,
        warmer: &'a Arc<dyn Warmer>,
        options: &'a WarmUpOptions,
        objects: Vec<Key>,
    ) -> Self {
        let objects: BTreeSet<Key> = objects.into_iter().collect();
        Self {
            remote,
            warmer,
            options,
            pending: objects
                .into_iter()
                .map(|key| (key, State::Unasked))
                .collect(),
            report: WarmUpReport::default(),
        }
    }

    fn run(&mut self, repository: &Repository, observer: &dyn Observer) -> Result<()> {
        let sleep = &repository.context().components.sleep;
        let mut wait = self.options.first_wait;
        loop {
            let failure = self.round(observer).err();
            if let Some(error) = failure.filter(|error| !error.is_retryable()) {
                return Err(error);
            }
            if self.pending.is_empty() {
                return Ok(());
            }
            let left = self.options.patience.saturating_sub(self.report.waited);
            if left.is_zero() {
                let many = self.pending.len();
                let what = format!("{many} objects are not out of cold storage yet");
                return Err(Error::new(ErrorKind::Archived, what));
            }
            let now = wait.min(left);
            self.remote.sleep(sleep, now)?;
            self.report.waited += now;
            wait = (wait * 3 / 2)
                .min(self.options.longest_wait)
                .max(SHORTEST_WAIT);
        }
    }

    /// Looks at what is not ready, tells how far it is, and asks for what is cold.
    fn round(&mut self, observer: &dyn Observer) -> Result<()> {
        let keys: Vec<Key> = self.pending.keys().cloned().collect();
        let found = look(self.remote, self.warmer, keys.iter())?;
        let mut progress = WarmUpProgress::default();
        let mut cold = Vec::new();
        for (key, warmth) in keys.into_iter().zip(found) {
            let state = self.pending.get(&key).copied();
            match warmth {
                Some(Warmth::Ready { until }) => {
                    let known = self.report.ready_until;
                    self.report.ready_until = known.into_iter().chain(until).min();
                    self.report.ready += 1;
                    self.pending.remove(&key);
                }
                None => {
                    self.pending.remove(&key);
                    self.report.missing.push(key);
                }
                // It takes a while until services say that they were asked.
                Some(Warmth::Cold) if state == Some(State::Asked) => progress.warming += 1,
                Some(Warmth::Cold) => {
                    progress.cold += 1;
                    cold.push(key);
                }
                Some(_) => {
                    progress.warming += 1;
                    self.pending.insert(key, State::Warming);
                }
            }
        }
        progress.ready = self.report.ready;
        progress.missing = self.report.missing.len() as u64;
        progress.waited = self.report.waited;
        observer.on_event(&Event::WarmUp(&progress));
        for batch in cold.chunks(self.options.batch.max(1)) {
            self.remote.warm(self.warmer, batch.to_vec())?;
            self.report.asked += batch.len() as u64;
            for key in batch {
                self.pending.insert(key.clone(), State::Asked);
            }
        }
        Ok(())
    }

    fn into_report(self, stopped: Option<Error>) -> WarmUpReport {
        let mut report = self.report;
        report.not_ready = self.pending.into_keys().collect();
        report.missing.sort();
        report.stopped = stopped;
        report
    }
}

/// Objects that are asked about at once.
const LOOKS_AT_ONCE: usize = 16;
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
