//! Hard links: the first name is restored as a file, the others are linked to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_format::{Node, Ref};

use crate::restore::dir::Dir;
use crate::restore::report::Failure;

/// The sets of one snapshot that the walk has met.
#[derive(Debug, Default)]
pub(super) struct Links {
    sets: HashMap<u64, Arc<LinkSet>>,
    bytes: usize,
}

/// What the walk does with an entry of a set.
#[derive(Debug)]
pub(super) enum Membership {
    /// It restores it; the others wait for it.
    First(Arc<LinkSet>),
    /// It is linked, at once or later.
    Later(Arc<LinkSet>),
    /// There are too many sets to remember: it is restored as a file of its own.
    Forgotten,
}

/// Names that are one inode.
#[derive(Debug)]
pub(super) struct LinkSet(Mutex<Fate>);

/// What became of the first name of a set.
#[derive(Debug)]
enum Fate {
    /// It is not restored yet; these wait for it.
    Pending(Vec<LinkTask>),
    /// It is there, under this path.
    Restored(Arc<[u8]>),
    /// It is lost, and so is the content of all.
    Lost(Failure),
}

/// A name that is to become a link; or a copy, if the target makes no link.
#[derive(Debug)]
pub(super) struct LinkTask {
    pub(super) dir: Arc<Dir>,
    pub(super) node: Node,
    pub(super) refs: Vec<Ref>,
    pub(super) fresh: bool,
}

/// What is to be done with a name now.
#[derive(Debug)]
pub(super) enum LinkNow {
    /// Nothing: it waits.
    Waits,
    /// Link it to this path.
    To(LinkTask, Arc<[u8]>),
    /// It is lost.
    Lost(LinkTask, Failure),
}

impl Links {
    /// Tells what to do with the next entry of the set `number`, whose path has `path_len` bytes.
    pub(super) fn join(&mut self, number: u64, path_len: usize) -> Membership {
        if let Some(set) = self.sets.get(&number) {
            return Membership::Later(Arc::clone(set));
        }
        let cost = path_len + SET_BYTES;
        if self.bytes + cost > MAX_BYTES {
            return Membership::Forgotten;
        }
        self.bytes += cost;
        let set = Arc::new(LinkSet(Mutex::new(Fate::Pending(Vec::new()))));
        self.sets.insert(number, Arc::clone(&set));
        Membership::First(set)
    }
}

impl LinkSet {
    /// Adds a name, which waits if the first one is not decided.
    pub(super) fn add(&self, task: LinkTask) -> LinkNow {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Fate::Pending(waiting) => {
                waiting.push(task);
                LinkNow::Waits
            }
            Fate::Restored(path) => LinkNow::To(task, Arc::clone(path)),
            Fate::Lost(failure) => LinkNow::Lost(task, failure.clone()),
        }
    }

    /// Says that the first name is restored; returns those that waited.
    pub(super) fn restored(&self, path: &Arc<[u8]>) -> Vec<LinkTask> {
        self.decide(Fate::Restored(Arc::clone(path)))
    }

    /// Says that the first name is lost; returns those that waited.
    pub(super) fn lost(&self, failure: Failure) -> Vec<LinkTask> {
        self.decide(Fate::Lost(failure))
    }

    fn decide(&self, fate: Fate) -> Vec<LinkTask> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *held, fate) {
            Fate::Pending(waiting) => waiting,
            Fate::Restored(_) | Fate::Lost(_) => Vec::new(),
        }
    }
}

/// What is remembered of link sets; the entries of further sets become copies, and are reported.
const MAX_BYTES: usize = 32 << 20;
const SET_BYTES: usize = 128;
