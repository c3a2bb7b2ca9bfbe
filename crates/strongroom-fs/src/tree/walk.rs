//! Turns listings into the events of a walk, depth first.

use std::sync::Arc;

use strongroom_repo::{Entry, Problem, SourceError, Walk, WalkEvent};

use super::ahead::Ahead;
use super::scan::{Lister, Listing, Mount, Place, Pruned, Scan, Seen};
use super::select::Selection;
use crate::dirs;

/// A walk of a file tree.
#[derive(Debug)]
pub(crate) struct TreeWalk {
    scan: Arc<Scan>,
    ahead: Ahead,
    lister: Lister,
    /// The root, until it was entered.
    root: Option<Root>,
    /// Events from before the first was asked for.
    early: Vec<WalkEvent>,
    frames: Vec<Frame>,
    /// Path of the directory of the last frame.
    path: Vec<u8>,
}

/// The tree's root, as it was looked at when the walk began.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) entry: Entry,
    pub(crate) device: (u32, u32),
}

/// A directory that was entered and not yet left.
#[derive(Debug)]
struct Frame {
    listing: Box<Listing>,
    mount: Arc<Mount>,
    selection: Selection,
    path_len: usize,
    /// Its path, shared by its entries; made again after a deep descent, which would else keep one long path for each level.
    dir: Option<Arc<[u8]>>,
}

/// Events of one call of `next`, about.
const EVENTS: usize = 512;

/// Paths up to this length are kept while the walk is further down.
const MAX_KEPT_PATH_BYTES: usize = 1_024;

impl TreeWalk {
    pub(crate) fn new(scan: Arc<Scan>, threads: usize, root: Root) -> Self {
        let ahead = Ahead::start(Arc::clone(&scan), threads);
        Self {
            scan,
            ahead,
            lister: Lister::new(),
            root: Some(root),
            early: Vec::new(),
            frames: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Lists the root, so that the threads have something to do before anybody asks for events.
    pub(crate) fn begin(&mut self) {
        if let Some(root) = self.root.take() {
            let mut events = Vec::new();
            self.enter_root(root, &mut events);
            self.early = events;
        }
    }

    /// Lets so many threads read ahead, if there are fewer.
    pub(crate) fn grow(&mut self, threads: usize) {
        self.ahead.grow(threads);
    }

    fn enter_root(&mut self, root: Root, events: &mut Vec<WalkEvent>) {
        let mount = Arc::new(Mount {
            device: root.device,
            path: Vec::new(),
        });
        let place = Place {
            path: Arc::from([]),
            mount,
            selection: self.scan.selection.clone(),
        };
        events.push(WalkEvent::Enter(root.entry));
        let listing = self.ahead.list_now(&place, &mut self.lister);
        if let Ok(listing) = &listing {
            self.ahead.offer(listing);
        }
        self.descend(place, listing, events);
    }

    /// Begins with a directory's entries, or says why there are none.
    fn descend(
        &mut self,
        place: Place,
        listing: Result<Box<Listing>, SourceError>,
        events: &mut Vec<WalkEvent>,
    ) {
        let mut listing = match listing {
            Ok(listing) => listing,
            Err(error) => {
                events.push(WalkEvent::Problem(Problem {
                    path: place.path.to_vec(),
                    error,
                }));
                events.push(WalkEvent::Leave);
                return;
            }
        };
        if let Some(rule) = listing.pruned.take() {
            events.push(WalkEvent::Excluded {
                path: place.path.to_vec(),
                rule,
            });
        }
        if let Some(parent) = self.frames.last_mut()
            && parent.path_len > MAX_KEPT_PATH_BYTES
        {
            parent.dir = None;
        }
        self.path.clear();
        self.path.extend_from_slice(&place.path);
        self.frames.push(Frame {
            listing,
            mount: place.mount,
            selection: place.selection,
            path_len: place.path.len(),
            dir: Some(place.path),
        });
    }

    /// Takes one step; false when the walk is over.
    fn step(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        self.path.truncate(frame.path_len);
        let dir = Arc::clone(
            frame
                .dir
                .get_or_insert_with(|| Arc::from(self.path.as_slice())),
        );
        let Some((name, seen)) = frame.listing.take() else {
            self.next_slice(events);
            return true;
        };
        match seen {
            Seen::Item(look) => {
                let node = look.into_node(name.to_vec());
                events.push(WalkEvent::Item(Entry { dir, node }));
            }
            Seen::Problem(error) => {
                let path = dirs::join(&dir, name);
                events.push(WalkEvent::Problem(Problem { path, error }));
            }
            Seen::Excluded(rule) => {
                let path = dirs::join(&dir, name);
                events.push(WalkEvent::Excluded { path, rule });
            }
            Seen::Pruned(pruned) => {
                let Pruned { look, rule } = *pruned;
                let path = dirs::join(&dir, name);
                let node = look.into_node(name.to_vec());
                events.push(WalkEvent::Enter(Entry { dir, node }));
                events.push(WalkEvent::Excluded { path, rule });
                events.push(WalkEvent::Leave);
            }
            Seen::Directory { look, task } => {
                let node = look.into_node(name.to_vec());
                events.push(WalkEvent::Enter(Entry { dir, node }));
                let place = task.place();
                let listing = self.ahead.take(&task, &place, &mut self.lister);
                self.descend(place, listing, events);
            }
        }
        true
    }

    /// Goes on with the current directory, or leaves it.
    fn next_slice(&mut self, events: &mut Vec<WalkEvent>) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let path = Arc::clone(
            frame
                .dir
                .get_or_insert_with(|| Arc::from(self.path.as_slice())),
        );
        let place = Place {
            path,
            mount: Arc::clone(&frame.mount),
            selection: frame.selection.clone(),
        };
        let more = match self
            .scan
            .next_slice(&place, &mut self.lister, &mut frame.listing)
        {
            Ok(true) => {
                self.ahead.offer(&frame.listing);
                return;
            }
            Ok(false) => frame.listing.broke.take(),
            Err(error) => Some(error),
        };
        if let Some(error) = more {
            events.push(WalkEvent::Problem(Problem {
                path: place.path.to_vec(),
                error,
            }));
        }
        events.push(WalkEvent::Leave);
        self.frames.pop();
    }
}

impl Walk for TreeWalk {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        let enough = events.len() + EVENTS;
        events.append(&mut self.early);
        if let Some(root) = self.root.take() {
            self.enter_root(root, events);
        }
        while events.len() < enough {
            if !self.step(events) {
                return false;
            }
        }
        true
    }
}
