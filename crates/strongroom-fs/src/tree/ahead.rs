//! Reads directories before the walk gets to them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use strongroom_repo::SourceError;

use super::scan::{Listing, Mount, Place, Scan, ScanError, list_flags};
use super::select::Selection;
use crate::dirs::{self, DirCursor};

/// A directory that somebody will list: a thread that reads ahead, or else the walk itself.
#[derive(Debug)]
pub(crate) struct Task {
    dir: Arc<[u8]>,
    name: Vec<u8>,
    mount: Arc<Mount>,
    selection: Selection,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug)]
enum State {
    Waiting,
    Running,
    Done {
        listing: Result<Box<Listing>, SourceError>,
        cost: usize,
    },
    Taken,
}

/// Bytes of directories that may be read ahead; beyond it the threads wait for the walk.
const MAX_AHEAD_BYTES: usize = 16 << 20;

/// A directory with more bytes of names is left to the walk, so that a few huge ones do not fill the memory.
const MAX_NAMES_BYTES: usize = 1 << 20;

/// Tasks that may wait; what is beyond is listed by the walk when it gets there.
const MAX_TASKS: usize = 32 << 10;

/// Threads that read ahead, the directory that the walk needs first before all others.
#[derive(Debug)]
pub(crate) struct Ahead {
    scan: Arc<Scan>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// The next one is the last.
    tasks: Vec<Arc<Task>>,
    held_bytes: usize,
    stop: bool,
}

impl Task {
    pub(crate) fn new(
        dir: Arc<[u8]>,
        name: Vec<u8>,
        mount: Arc<Mount>,
        selection: Selection,
    ) -> Self {
        Self {
            dir,
            name,
            mount,
            selection,
            state: Mutex::new(State::Waiting),
            ready: Condvar::new(),
        }
    }

    /// Returns the directory that it is about.
    pub(crate) fn place(&self) -> Place {
        Place {
            path: dirs::join(&self.dir, &self.name).into(),
            mount: Arc::clone(&self.mount),
            selection: self.selection.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_waiting(&self) -> bool {
        matches!(*self.state(), State::Waiting)
    }
}

impl Ahead {
    /// Starts `threads` threads; with none, or when the system gives none, the walk lists everything itself.
    pub(crate) fn start(scan: Arc<Scan>, threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let mut started = Vec::new();
        for _ in 0..threads {
            let (scan, shared) = (Arc::clone(&scan), Arc::clone(&shared));
            let thread = std::thread::Builder::new().name("strongroom-walk".to_owned());
            match thread.spawn(move || run(&scan, &shared)) {
                Ok(thread) => started.push(thread),
                Err(_) => break,
            }
        }
        Self {
            scan,
            shared,
            threads: started,
        }
    }

    /// Returns the listing of a directory: the one read ahead, or one made now.
    pub(crate) fn take(
        &self,
        task: &Task,
        place: &Place,
        cursor: &mut DirCursor,
    ) -> Result<Box<Listing>, SourceError> {
        let mut state = task.state();
        while matches!(*state, State::Running) {
            state = task
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let found = std::mem::replace(&mut *state, State::Taken);
        drop(state);
        if let State::Done { listing, cost } = found {
            let mut queue = self.shared.queue();
            queue.held_bytes = queue.held_bytes.saturating_sub(cost);
            drop(queue);
            self.shared.wake.notify_all();
            return listing;
        }
        let listing = self.list_now(place, cursor)?;
        self.offer(&listing);
        Ok(listing)
    }

    /// Offers the directories of a listing's slice to the threads.
    pub(crate) fn offer(&self, listing: &Listing) {
        if !self.threads.is_empty() {
            self.shared.offer(listing);
        }
    }

    pub(crate) fn list_now(
        &self,
        place: &Place,
        cursor: &mut DirCursor,
    ) -> Result<Box<Listing>, SourceError> {
        match self.scan.list(place, cursor, usize::MAX) {
            Ok(listing) => Ok(Box::new(listing)),
            Err(ScanError::Source(error)) => Err(error),
            Err(ScanError::TooLarge) => Err(SourceError::new(
                strongroom_format::SkipReason::NotSupported,
                "the directory is too large",
            )),
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.queue().stop = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked gave its task back; there is nothing left to do for it here.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, listing: &Listing) {
        let mut queue = self.queue();
        let before = queue.tasks.len();
        for task in listing.tasks() {
            if queue.tasks.len() >= MAX_TASKS {
                queue.tasks.retain(|task| task.is_waiting());
                if queue.tasks.len() >= MAX_TASKS {
                    break;
                }
            }
            queue.tasks.push(Arc::clone(task));
        }
        let added = queue.tasks.len().saturating_sub(before);
        drop(queue);
        match added {
            0 => {}
            1 => self.wake.notify_one(),
            _ => self.wake.notify_all(),
        }
    }

    /// Waits for a task; `None` at the end.
    fn next(&self) -> Option<Arc<Task>> {
        let mut queue = self.queue();
        loop {
            if queue.stop {
                return None;
            }
            if queue.held_bytes < MAX_AHEAD_BYTES
                && let Some(task) = queue.tasks.pop()
            {
                return Some(task);
            }
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn run(scan: &Scan, shared: &Shared) {
    let mut cursor = DirCursor::new(list_flags());
    while let Some(task) = shared.next() {
        {
            let mut state = task.state();
            if !matches!(*state, State::Waiting) {
                continue;
            }
            *state = State::Running;
        }
        let given_back = GiveBack(&task);
        let place = task.place();
        let listing = match scan.list(&place, &mut cursor, MAX_NAMES_BYTES) {
            Ok(listing) => Ok(Box::new(listing)),
            Err(ScanError::Source(error)) => Err(error),
            Err(ScanError::TooLarge) => continue,
        };
        let cost = listing
            .as_ref()
            .map_or(0, |listing| listing.cost() + 2 * place.path.len());
        shared.queue().held_bytes += cost;
        if let Ok(listing) = &listing {
            shared.offer(listing);
        }
        *task.state() = State::Done { listing, cost };
        drop(given_back);
    }
}

/// Gives a task back that was not done, also when its thread panics, so that nobody waits for it for ever.
struct GiveBack<'t>(&'t Task);

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if matches!(*state, State::Running) {
            *state = State::Waiting;
        }
        drop(state);
        self.0.ready.notify_all();
    }
}
