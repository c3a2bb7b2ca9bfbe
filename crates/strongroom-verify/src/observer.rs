//! Who is told how a check goes.

use crate::{Finding, Report};

/// Is told what a check does.
///
/// Called often, from any of the check's threads; it must not block. `()` is silence, a closure is an observer.
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

/// Something that happened in a check.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A stage begins.
    Started(Stage<'a>),
    /// How far the stage is.
    Advanced {
        /// The stage.
        stage: Stage<'a>,
        /// Objects, or entries, done so far.
        done: u64,
        /// Of so many, as far as is known.
        of: u64,
        /// Bytes read so far.
        bytes: u64,
    },
    /// Something was found. What a second look does not confirm is not in the report.
    Found(&'a Finding),
    /// A file was put together whole (L4), so that it can be compared with what the source has. Directories that snapshots share, or that
    /// occur in one more than once, are told of once.
    Rebuilt {
        /// A snapshot that has it.
        snapshot: strongroom_crypt::Id,
        /// Its path, `/` between its parts.
        path: &'a [u8],
        /// Bytes of its content, holes included.
        bytes: u64,
        /// Their BLAKE3 hash; of a hole of more than a tebibyte, only that much was hashed.
        hash: strongroom_format::ObjectHash,
    },
    /// The check is at its end.
    Finished(&'a Report),
}

/// A part of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage<'a> {
    /// The store is listed.
    Listing,
    /// Objects are read and hashed, without keys.
    Hashing,
    /// The journal is opened and followed, and what it announces compared with what is there.
    Journal,
    /// Index segments and headers of packs are compared.
    Index,
    /// Packs are read.
    Packs,
    /// Trees of snapshots are walked.
    Trees,
    /// Files of snapshots are put together.
    Files,
    /// A check of the embedder's.
    Custom(&'a str),
    /// What was missing is looked for again.
    SecondLook,
}
