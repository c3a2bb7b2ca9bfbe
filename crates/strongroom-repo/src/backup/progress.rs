//! Counts what is done and tells the observer now and then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::observer::{Event, Observer, Progress};
use crate::parity::ParityCount;

/// Counters of a running operation.
pub(crate) struct Meter {
    observer: std::sync::Arc<dyn Observer>,
    began: Instant,
    entries: AtomicU64,
    bytes: AtomicU64,
    new_bytes: AtomicU64,
    stored: AtomicU64,
    transferred: AtomicU64,
    packs: AtomicU64,
    announcements: AtomicU64,
    totals: Mutex<(Option<u64>, Option<u64>)>,
    parity: Mutex<ParityCount>,
    /// Milliseconds since the beginning when the observer was told last.
    told: AtomicU64,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

/// Four times a second is as often as a person can read.
const INTERVAL_MS: u64 = 250;

/// Unchanged entries for one look at the clock.
const ENTRIES_A_LOOK: u64 = 64;

impl Meter {
    pub(crate) fn new(observer: std::sync::Arc<dyn Observer>) -> Self {
        Self {
            observer,
            began: Instant::now(),
            entries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            new_bytes: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            transferred: AtomicU64::new(0),
            packs: AtomicU64::new(0),
            announcements: AtomicU64::new(0),
            totals: Mutex::new((None, None)),
            parity: Mutex::default(),
            told: AtomicU64::new(0),
        }
    }

    /// Returns who is told.
    pub(crate) fn observer(&self) -> &dyn Observer {
        self.observer.as_ref()
    }

    /// Counts entries and what is read from the beginning, and sets what there is in all, as far as it is known or guessed.
    pub(crate) fn begin_pass(&self, totals: Option<(u64, u64)>) {
        self.entries.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner) = totals.unzip();
    }

    /// Content was read.
    pub(crate) fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Content was new to the repository.
    pub(crate) fn new_bytes(&self, bytes: u64) {
        self.new_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A frame of that size was added to a pack.
    pub(crate) fn stored(&self, bytes: u64) {
        self.stored.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An object of that size is in the store.
    pub(crate) fn transferred(&self, bytes: u64) {
        self.transferred.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A pack is on its way to the store.
    pub(crate) fn sent_pack(&self) {
        self.packs.fetch_add(1, Ordering::Relaxed);
    }

    /// What was stored so far is in the journal.
    pub(crate) fn announced(&self) {
        self.announcements.fetch_add(1, Ordering::Relaxed);
    }

    /// Parity was written, or could not be.
    pub(crate) fn parity(&self, count: ParityCount) {
        let mut sum = self.parity.lock().unwrap_or_else(PoisonError::into_inner);
        sum.add(count);
    }

    pub(crate) fn total_parity(&self) -> ParityCount {
        let sum = self.parity.lock().unwrap_or_else(PoisonError::into_inner);
        sum.clone()
    }

    pub(crate) fn total_packs(&self) -> u64 {
        self.packs.load(Ordering::Relaxed)
    }

    pub(crate) fn total_announcements(&self) -> u64 {
        self.announcements.load(Ordering::Relaxed)
    }

    pub(crate) fn total_new_bytes(&self) -> u64 {
        self.new_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn total_transferred(&self) -> u64 {
        self.transferred.load(Ordering::Relaxed)
    }

    /// An entry is done.
    pub(crate) fn entry(&self, path: &[u8], unchanged: bool, bytes: u64) {
        let before = self.entries.fetch_add(1, Ordering::Relaxed);
        if unchanged {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        self.observer.on_event(&Event::Entry {
            path,
            unchanged,
            bytes,
        });
        // Unchanged entries go by in microseconds: looking at the clock for each would be felt.
        if !unchanged || before.is_multiple_of(ENTRIES_A_LOOK) {
            self.tell(path);
        }
    }

    fn tell(&self, path: &[u8]) {
        let elapsed = self.began.elapsed();
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let told = self.told.load(Ordering::Relaxed);
        let due = now.saturating_sub(told) >= INTERVAL_MS;
        // Of several threads that find it due, one tells.
        if !due
            || self
                .told
                .compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let (entries_total, bytes_total) =
            *self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = Progress {
            entries: self.entries.load(Ordering::Relaxed),
            entries_total,
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_total,
            transferred: self.transferred.load(Ordering::Relaxed),
            current: path.to_vec(),
            elapsed,
        };
        self.observer.on_event(&Event::Progress(&progress));
    }
}
