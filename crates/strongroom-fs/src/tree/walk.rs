//! Turns listings into the events of a walk, depth first.

use std::sync::Arc;

use strongroom_repo::{Entry, Problem, SourceError, Walk, WalkEvent};

use super::ahead::Ahead;
use super::scan::{Listing, Mount, Place, Scan, Seen, list_flags};
use super::select::Selection;
use crate::dirs::{self, DirCursor};

/// A walk of a file tree.
#[derive(Debug)]
pub(crate) struct TreeWalk {
    scan: Arc<Scan>,
    ahead: Ahead,
    cursor: DirCursor,
    /// The root, until it was entered.
    root: Option<Root>,
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
            cursor: DirCursor::new(list_flags()),
            root: Some(root),
            frames: Vec::new(),
            path: Vec::new(),
        }
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
        let listing = self.ahead.list_now(&place, &mut self.cursor);
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
        let Some(seen) = frame.listing.slice.next() else {
            self.next_slice(events);
            return true;
        };
        let dir = Arc::clone(
            frame
                .dir
                .get_or_insert_with(|| Arc::from(self.path.as_slice())),
        );
        match seen {
            Seen::Item(node) => events.push(WalkEvent::Item(Entry { dir, node })),
            Seen::Problem { name, error } => {
                events.push(WalkEvent::Problem(Problem {
                    path: dirs::join(&dir, &name),
                    error,
                }));
            }
            Seen::Excluded { name, rule } => {
                events.push(WalkEvent::Excluded {
                    path: dirs::join(&dir, &name),
                    rule,
                });
            }
            Seen::Pruned { node, rule } => {
                let path = dirs::join(&dir, &node.name);
                events.push(WalkEvent::Enter(Entry { dir, node }));
                events.push(WalkEvent::Excluded { path, rule });
                events.push(WalkEvent::Leave);
            }
            Seen::Directory { node, task } => {
                events.push(WalkEvent::Enter(Entry { dir, node }));
                let place = task.place();
                let listing = self.ahead.take(&task, &place, &mut self.cursor);
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
            .next_slice(&place, &mut self.cursor, &mut frame.listing)
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
