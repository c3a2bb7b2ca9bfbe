//! Who is told how an operation goes.

use std::time::Duration;

use strongroom_crypt::Id;

use crate::source::Problem;
use crate::warm_up::WarmUpProgress;

/// Is told what an operation does.
///
/// Called often, from any of the operation's threads; it must not block. `()` is silence, a closure is an observer.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn on_event(&self, event: &Event<'_>);
}

impl Observer for () {
    fn on_event(&self, _event: &Event<'_>) {}
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn on_event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Something that happened in an operation.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A phase begins.
    Phase(Phase),
    /// How far it is; sent a few times a second at most.
    Progress(&'a Progress),
    /// A backup took note of an entry.
    Entry {
        /// Relative path.
        path: &'a [u8],
        /// Its content was known from the parent snapshot and not read.
        unchanged: bool,
        /// Its size in bytes.
        bytes: u64,
    },
    /// An exclude rule left something out.
    Excluded {
        /// Relative path.
        path: &'a [u8],
        /// The rule.
        rule: &'a str,
    },
    /// A copy comes to a snapshot.
    Snapshot {
        /// Its id in the source.
        id: &'a Id,
        /// Snapshots before it.
        done: u64,
        /// Snapshots in all.
        of: u64,
    },
    /// The repository takes one writer at a time, since its store does not decide races: what two write at once may be lost. Sent by every
    /// operation that writes to the journal and has an observer, before it does. Show it to the user each time.
    SingleWriter,
    /// A warm-up has asked how far the store is.
    WarmUp(&'a WarmUpProgress),
    /// Something was skipped, changed while it was read, or was restored only in part.
    Problem(&'a Problem),
}

/// A part of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Reads the journal and the index.
    Prepare,
    /// Walks, reads and stores.
    Store,
    /// Waits for the store and writes the journal entry.
    Commit,
    /// Walks the snapshot's tree.
    Plan,
    /// Fetches and writes.
    Restore,
    /// Sets the metadata of directories.
    Finish,
    /// Waits until objects are out of cold storage.
    WarmUp,
}

/// How far an operation is.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Entries done.
    pub entries: u64,
    /// Entries in all, once known; an estimate from the parent before.
    pub entries_total: Option<u64>,
    /// Bytes of content done, read or known to be unchanged.
    pub bytes: u64,
    /// Bytes in all, once known; an estimate from the parent before.
    pub bytes_total: Option<u64>,
    /// Bytes put to or got from the store.
    pub transferred: u64,
    /// Relative path of an entry being worked on.
    pub current: Vec<u8>,
    /// Time since the beginning.
    pub elapsed: Duration,
}

impl Progress {
    /// Estimates the time that is left from what is done so far; `None` without a total or a beginning.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let total = self.bytes_total.filter(|total| *total > 0)?;
        if self.bytes == 0 {
            return None;
        }
        let left = total.saturating_sub(self.bytes);
        Some(self.elapsed.mul_f64(left as f64 / self.bytes as f64))
    }
}
