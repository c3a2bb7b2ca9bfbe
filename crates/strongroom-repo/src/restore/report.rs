//! What a restore did, and did not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use strongroom_format::{NodeKind, SkipReason};

use crate::error::Error;
use crate::observer::{Event, Observer, Progress};
use crate::source::{Problem, SourceError};
use crate::target::{Deviation, TargetError};

/// What a restore did, and did not.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "entries may be lost: look at `is_complete`"]
pub struct RestoreReport {
    /// Regular files and streams that are as recorded, those kept among them.
    pub files: u64,
    /// Of those, files whose content was there already.
    pub files_kept: u64,
    /// Directories that are as recorded.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Fifos, sockets and devices.
    pub others: u64,
    /// Further names of files restored before.
    pub hard_links: u64,
    /// Bytes of content written, holes included.
    pub bytes_restored: u64,
    /// Bytes of content that were there already.
    pub bytes_kept: u64,
    /// Bytes read from the store; in a dry run, of packs that would be read.
    pub bytes_fetched: u64,
    /// Entries removed because the snapshot has them not; in a dry run, that would be.
    pub removed: u64,
    /// Their paths, at most 10,000.
    pub removed_paths: Vec<Vec<u8>>,
    /// Entries that could not be restored, at most 10,000 of them.
    pub lost: Vec<Lost>,
    /// How many there are.
    pub lost_total: u64,
    /// Objects in cold storage that were found to be needed, sorted, at most 10,000: [warm them up](crate::Repository::warm_up) and restore
    /// again. When the restore ended early there may be more; [`plan_restore`](crate::Repository::plan_restore) names all.
    pub cold_objects: Vec<String>,
    /// Metadata that could not be restored, at most 10,000 of it.
    pub deviations: Vec<PathDeviation>,
    /// How many there are.
    pub deviations_total: u64,
    /// What ended the restore early: a full target, or a store out of reach. What the report does not name then may be
    /// missing.
    pub stopped: Option<Error>,
}

impl RestoreReport {
    /// Says whether every entry asked for is there with all its content. Metadata may deviate.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lost_total == 0 && self.stopped.is_none()
    }

    /// Returns the number of entries that are as recorded.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.files + self.directories + self.symlinks + self.others + self.hard_links
    }
}

/// An entry that could not be restored. Nothing half restored is left under its name.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Lost {
    /// Its path below the root of the target.
    pub path: Vec<u8>,
    /// Why.
    pub reason: LostReason,
    /// What happened, in words.
    pub message: String,
    /// The object of the store that is damaged or missing, if that is why.
    pub object: Option<String>,
}

/// Why an entry could not be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LostReason {
    /// Something stored is damaged or missing, and there is no other copy.
    Damaged,
    /// For a directory: it is restored, but entries of it that the list of entries did not yield are not.
    Listing,
    /// It was written by a newer version.
    Unsupported,
    /// The key of its epoch is not in the keyring.
    Key,
    /// Its content is in cold storage: nothing is lost, it must be warmed up first.
    Cold,
    /// The target refused it.
    Target,
    /// The directory that it is in could not be made.
    Directory,
    /// Directories are inside one another too deep.
    Depth,
    /// The restore ended before it was done.
    Stopped,
}

/// A deviation and where it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PathDeviation {
    /// The entry's path below the root of the target.
    pub path: Vec<u8>,
    /// What differs.
    pub deviation: Deviation,
}

/// Why one entry fails; becomes a [`Lost`].
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: LostReason,
    pub(super) message: String,
    pub(super) object: Option<String>,
}

impl Failure {
    pub(super) fn new(reason: LostReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            object: None,
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        use crate::error::ErrorKind;
        let reason = match error.kind() {
            ErrorKind::Incompatible => LostReason::Unsupported,
            ErrorKind::WrongKey => LostReason::Key,
            ErrorKind::Archived => LostReason::Cold,
            _ => LostReason::Damaged,
        };
        let object = error.object().map(str::to_owned);
        Self {
            reason,
            message: error.to_string(),
            object,
        }
    }
}

impl From<&TargetError> for Failure {
    fn from(error: &TargetError) -> Self {
        Self::new(LostReason::Target, error.to_string())
    }
}

/// The report in the making, and the progress that observers see.
pub(super) struct Tally {
    report: Mutex<RestoreReport>,
    observer: Arc<dyn Observer>,
    entries: AtomicU64,
    bytes: AtomicU64,
    fetched: AtomicU64,
    entries_total: Option<u64>,
    bytes_total: Option<u64>,
    began: Instant,
    last: Mutex<Instant>,
}

impl Tally {
    pub(super) fn new(observer: Arc<dyn Observer>, totals: Option<(u64, u64)>) -> Self {
        let now = Instant::now();
        Self {
            report: Mutex::default(),
            observer,
            entries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
            entries_total: totals.map(|(entries, _)| entries),
            bytes_total: totals.map(|(_, bytes)| bytes),
            began: now,
            last: Mutex::new(now),
        }
    }

    pub(super) fn observe(&self, event: &Event<'_>) {
        self.observer.on_event(event);
    }

    /// Takes note of an entry that is done.
    pub(super) fn restored(&self, path: &[u8], kind: NodeKind, deviations: Vec<Deviation>) {
        self.update(|report| match kind {
            NodeKind::Directory => report.directories += 1,
            NodeKind::Symlink => report.symlinks += 1,
            NodeKind::File | NodeKind::Stream => report.files += 1,
            _ => report.others += 1,
        });
        self.done(path, deviations);
    }

    /// Takes note of an object in cold storage.
    pub(super) fn cold(&self, error: &Error) {
        let Some(object) = error.object() else { return };
        self.update(|report| {
            let known = report
                .cold_objects
                .binary_search_by(|known| known.as_str().cmp(object));
            if let Err(at) = known
                && report.cold_objects.len() < MAX_LISTED
            {
                report.cold_objects.insert(at, object.to_owned());
            }
        });
    }

    /// Takes note of a further name of a file.
    pub(super) fn linked(&self, path: &[u8], deviations: Vec<Deviation>) {
        self.update(|report| report.hard_links += 1);
        self.done(path, deviations);
    }

    /// Takes note of content that was written.
    pub(super) fn wrote(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.update(|report| report.bytes_restored += bytes);
    }

    /// Takes note of content that was there.
    pub(super) fn kept(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.update(|report| report.bytes_kept += bytes);
    }

    pub(super) fn kept_file(&self) {
        self.update(|report| report.files_kept += 1);
    }

    pub(super) fn fetched(&self, bytes: u64) {
        self.fetched.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn removed(&self, path: Vec<u8>) {
        self.update(|report| {
            report.removed += 1;
            if report.removed_paths.len() < MAX_LISTED {
                report.removed_paths.push(path);
            }
        });
    }

    pub(super) fn lost(&self, path: Vec<u8>, failure: Failure) {
        self.problem(&path, &failure.message);
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.update(|report| {
            report.lost_total += 1;
            if report.lost.len() < MAX_LISTED {
                let Failure {
                    reason,
                    message,
                    object,
                } = failure;
                report.lost.push(Lost {
                    path,
                    reason,
                    message,
                    object,
                });
            }
        });
    }

    pub(super) fn deviates(&self, path: &[u8], deviations: Vec<Deviation>) {
        for deviation in deviations {
            self.problem(path, &deviation.message);
            self.update(|report| {
                report.deviations_total += 1;
                if report.deviations.len() < MAX_LISTED {
                    report.deviations.push(PathDeviation {
                        path: path.to_vec(),
                        deviation,
                    });
                }
            });
        }
    }

    /// Tells the observer how far it is, a few times a second.
    pub(super) fn progress(&self, current: &[u8]) {
        let Ok(mut last) = self.last.try_lock() else {
            return;
        };
        if last.elapsed() < REPORTED_EVERY {
            return;
        }
        *last = Instant::now();
        drop(last);
        let progress = Progress {
            entries: self.entries.load(Ordering::Relaxed),
            entries_total: self.entries_total,
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_total: self.bytes_total,
            transferred: self.fetched.load(Ordering::Relaxed),
            current: current.to_vec(),
            elapsed: self.began.elapsed(),
        };
        self.observe(&Event::Progress(&progress));
    }

    /// Returns the report; `more` is what was fetched and not counted here.
    pub(super) fn finish(&self, more: u64, stopped: Option<Error>) -> RestoreReport {
        let mut report = std::mem::take(&mut *lock(&self.report));
        report.bytes_fetched = self.fetched.load(Ordering::Relaxed) + more;
        report.stopped = stopped;
        report.lost.sort_by(|a, b| a.path.cmp(&b.path));
        report
    }

    fn done(&self, path: &[u8], deviations: Vec<Deviation>) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.deviates(path, deviations);
        self.progress(path);
    }

    fn problem(&self, path: &[u8], message: &str) {
        let error = SourceError::new(SkipReason::Other, message);
        self.observe(&Event::Problem(&Problem {
            path: path.to_vec(),
            error,
        }));
    }

    fn update(&self, change: impl FnOnce(&mut RestoreReport)) {
        change(&mut lock(&self.report));
    }
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries of each list of a report.
const MAX_LISTED: usize = 10_000;
const REPORTED_EVERY: Duration = Duration::from_millis(200);
