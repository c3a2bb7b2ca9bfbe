//! Reads directories before the walk gets to them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use strongroom_repo::SourceError;

use super::scan::{Lister, Listing, Mount, Place, Scan, ScanError};
use super::select::Selection;
use crate::dirs;

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
    /// Whether the walk waits for it.
    Running {
        awaited: bool,
    },
    Done {
        listing: Result<Box<Listing>, SourceError>,
        cost: usize,
    },
    Taken,
}

/// Bytes of directories that may be read ahead; beyond it the threads wait for the walk.
const MAX_AHEAD_BYTES: usize = 4 << 20;

/// And go on when it is down to this: they are woken for many directories, not for each.
const RESUME_BYTES: usize = MAX_AHEAD_BYTES / 4 * 3;

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
    /// So much is held that nothing is begun.
    full: bool,
    /// Threads that sleep.
    waiting: usize,
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
        let mut ahead = Self {
            scan,
            shared: Arc::default(),
            threads: Vec::new(),
        };
        ahead.grow(threads);
        ahead
    }

    /// Makes it so many threads, if there are fewer.
    pub(crate) fn grow(&mut self, threads: usize) {
        while self.threads.len() < threads {
            let (scan, shared) = (Arc::clone(&self.scan), Arc::clone(&self.shared));
            let thread = std::thread::Builder::new().name("strongroom-scan".to_owned());
            match thread.spawn(move || run(&scan, &shared)) {
                Ok(thread) => self.threads.push(thread),
                Err(_) => break,
            }
        }
    }

    /// Returns the listing of a directory: the one read ahead, or one made now.
    pub(crate) fn take(
        &self,
        task: &Task,
        place: &Place,
        lister: &mut Lister,
    ) -> Result<Box<Listing>, SourceError> {
        let mut state = task.state();
        while let State::Running { awaited } = &mut *state {
            *awaited = true;
            state = task
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let found = std::mem::replace(&mut *state, State::Taken);
        drop(state);
        if let State::Done { listing, cost } = found {
            self.shared.release(cost);
            return listing;
        }
        let listing = self.list_now(place, lister)?;
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
        lister: &mut Lister,
    ) -> Result<Box<Listing>, SourceError> {
        match self.scan.list(place, lister, usize::MAX) {
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
        let sleepers = if queue.full { 0 } else { queue.waiting };
        drop(queue);
        match added.min(sleepers) {
            0 => {}
            1 => self.wake.notify_one(),
            _ => self.wake.notify_all(),
        }
    }

    /// Takes note of a listing that is held.
    fn hold(&self, cost: usize) {
        let mut queue = self.queue();
        queue.held_bytes += cost;
        queue.full |= queue.held_bytes >= MAX_AHEAD_BYTES;
    }

    /// Takes note of a listing that is not held any more.
    fn release(&self, cost: usize) {
        let mut queue = self.queue();
        queue.held_bytes = queue.held_bytes.saturating_sub(cost);
        let has_room = queue.full && queue.held_bytes <= RESUME_BYTES;
        queue.full &= !has_room;
        drop(queue);
        if has_room {
            self.wake.notify_all();
        }
    }

    /// Waits for a task; `None` at the end.
    fn next(&self) -> Option<Arc<Task>> {
        let mut queue = self.queue();
        loop {
            if queue.stop {
                return None;
            }
            if !queue.full
                && let Some(task) = queue.tasks.pop()
            {
                return Some(task);
            }
            queue.waiting += 1;
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.waiting -= 1;
        }
    }
}

fn run(scan: &Scan, shared: &Shared) {
    let mut lister = Lister::new();
    while let Some(task) = shared.next() {
        {
            let mut state = task.state();
            if !matches!(*state, State::Waiting) {
                continue;
            }
            *state = State::Running { awaited: false };
        }
        let given_back = GiveBack(&task);
        let place = task.place();
        let listing = match scan.list(&place, &mut lister, MAX_NAMES_BYTES) {
            Ok(listing) => Ok(Box::new(listing)),
            Err(ScanError::Source(error)) => Err(error),
            Err(ScanError::TooLarge) => continue,
        };
        let cost = listing
            .as_ref()
            .map_or(0, |listing| listing.cost() + 2 * place.path.len());
        shared.hold(cost);
        if let Ok(listing) = &listing {
            shared.offer(listing);
        }
        given_back.done(State::Done { listing, cost });
    }
}

/// Gives a task back that was not done, also when its thread panics, so that nobody waits for it for ever.
struct GiveBack<'t>(&'t Task);

impl GiveBack<'_> {
    fn done(self, done: State) {
        self.leave(done);
    }

    fn leave(&self, next: State) {
        let mut state = self.0.state();
        let State::Running { awaited } = *state else {
            return;
        };
        *state = next;
        drop(state);
        if awaited {
            self.0.ready.notify_all();
        }
    }
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        self.leave(State::Waiting);
    }
}
