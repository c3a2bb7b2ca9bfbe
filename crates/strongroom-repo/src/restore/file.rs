//! Files, and other entries that are no directories, that are being restored.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_crypt::Id;
use strongroom_format::Node;

use crate::restore::dir::Dir;
use crate::restore::links::LinkSet;
use crate::restore::report::Failure;
use crate::target::TargetFile;

/// An entry that is being restored: as long as pieces of it are pending, several threads may write it.
#[derive(Debug)]
pub(super) struct FileTask {
    pub(super) dir: Arc<Dir>,
    pub(super) node: Node,
    /// Nothing was there under its name.
    pub(super) fresh: bool,
    /// It is a copy of what should have been one file.
    pub(super) is_copy: bool,
    /// The names that become links to it.
    pub(super) links: Option<Arc<LinkSet>>,
    /// Pieces not done, and one for the planner as long as there may be more.
    pending: AtomicU64,
    /// Something was written.
    touched: AtomicBool,
    failure: Mutex<Option<Failure>>,
    handle: Mutex<Option<Arc<dyn TargetFile>>>,
    /// Its number among the files that were opened.
    opened: AtomicU64,
}

/// What is known of a file before it becomes a task.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) dir: Arc<Dir>,
    pub(super) node: Node,
    pub(super) fresh: bool,
    pub(super) is_copy: bool,
    pub(super) links: Option<Arc<LinkSet>>,
}

impl FileTask {
    /// Makes a task with the planner's piece pending. The directory was held for it.
    pub(super) fn new(file: NewFile) -> Arc<Self> {
        Arc::new(Self {
            dir: file.dir,
            node: file.node,
            fresh: file.fresh,
            is_copy: file.is_copy,
            links: file.links,
            pending: AtomicU64::new(1),
            touched: AtomicBool::new(false),
            failure: Mutex::default(),
            handle: Mutex::default(),
            opened: AtomicU64::new(0),
        })
    }

    /// Writes its path over `out`.
    pub(super) fn path(&self, out: &mut Vec<u8>) {
        self.dir.path_of(&self.node.name, out);
    }

    /// Adds a pending piece.
    pub(super) fn hold(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes away a pending piece; true when that was the last.
    pub(super) fn release(&self) -> bool {
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Records why it fails; the first reason stays.
    pub(super) fn fail(&self, failure: Failure) {
        lock(&self.failure).get_or_insert(failure);
    }

    pub(super) fn has_failed(&self) -> bool {
        lock(&self.failure).is_some()
    }

    pub(super) fn take_failure(&self) -> Option<Failure> {
        lock(&self.failure).take()
    }

    pub(super) fn handle(&self) -> MutexGuard<'_, Option<Arc<dyn TargetFile>>> {
        lock(&self.handle)
    }

    pub(super) fn was_touched(&self) -> bool {
        self.touched.load(Ordering::Acquire)
    }

    /// Says that it has been opened for writing.
    pub(super) fn touch(&self) {
        self.touched.store(true, Ordering::Release);
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) fn set_opened(&self, number: u64) {
        self.opened.store(number, Ordering::Relaxed);
    }
}

/// A piece of a file that is wanted.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) file: Arc<FileTask>,
    /// The blob; `None` means zeros.
    pub(super) blob: Option<Id>,
    /// Where it is in the file.
    pub(super) range: Range<u64>,
    /// It is all of the file.
    pub(super) whole: bool,
    /// What is there may be it.
    pub(super) check: bool,
}

impl Use {
    pub(super) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
