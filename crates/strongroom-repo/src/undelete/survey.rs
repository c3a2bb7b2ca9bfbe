//! What a forgotten snapshot needs, and where it is.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::Id;
use strongroom_format::{
    EpochState, FrameKey, ObjectHash, PackClass, PackRef, Page, Ref, RefKind, SegmentRef,
};

use super::existing;
use crate::blobs::{Blobs, PAGE};
use crate::edge::Remote;
use crate::error::Result;
use crate::index::{Index, is_loss, segment_of_headers};
use crate::packs::{Location, PackInfo};
use crate::repository::Repository;
use crate::state::State;

/// A walk through the tree of a snapshot that is not in force.
///
/// One page of each height is in memory, the ids of at most [`REMEMBERED_PAGES`] pages, and what was found.
pub(super) struct Survey<'a> {
    remote: &'a Remote,
    pub(super) state: Arc<State>,
    /// What is in force, and what this undeleting has added.
    grounds: Arc<Index>,
    /// Reads that, and what was dropped and still exists.
    pub(super) blobs: Blobs,
    dropped: BTreeMap<ObjectHash, u64>,
    retired: BTreeSet<u32>,
    visited: HashSet<Id>,
    pub(super) found: Found,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Packs and segments in force that the snapshot relies on.
    pub(super) relied: HashSet<ObjectHash>,
    /// Frames in dropped packs that have what is not in force.
    pub(super) frames: BTreeMap<ObjectHash, Frames>,
    /// References to what is in force.
    pub(super) in_force: u64,
    /// What is nowhere.
    pub(super) lost: HashSet<Id>,
}

/// Frames of one pack.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    pub(super) pack: Arc<PackInfo>,
    pub(super) positions: BTreeSet<u32>,
    /// Their bytes in the pack.
    pub(super) bytes: u64,
}

/// Segments that were stored for a snapshot which is brought back, and whose packs count as in force.
pub(super) type Own = (SegmentRef, Bytes);

impl<'a> Survey<'a> {
    /// Finds the packs that were dropped from entry `since` on and still exist, but for those that are known to be bad, and reads what is in them.
    pub(super) fn begin(
        repository: &Repository,
        remote: &'a Remote,
        state: &Arc<State>,
        since: u64,
        own: &[Own],
        bad: &HashSet<ObjectHash>,
    ) -> Result<Self> {
        let context = repository.context();
        let mut grounds = repository.index(remote, state)?;
        for (segment, bytes) in own {
            grounds = Arc::new(grounds.with_segment(segment, bytes.clone(), context)?);
        }
        // What is in force when a snapshot is committed is all that it can need.
        let is_wanted = |name: &ObjectHash| {
            state.dropped.get(name).is_some_and(|n| *n >= since) && !bad.contains(name)
        };
        let dropped = match state.dropped.keys().any(is_wanted) {
            true => existing(remote, is_wanted)?,
            false => BTreeMap::new(),
        };
        let packs: Vec<PackRef> = dropped
            .iter()
            .filter_map(|(name, len)| {
                let (name, len) = (*name, u32::try_from(*len).ok()?);
                let class = PackClass::default();
                Some(PackRef { name, len, class })
            })
            .collect();
        let readable = match segment_of_headers(remote, context, packs.iter())? {
            Some(bytes) => {
                let (name, len) = (ObjectHash::of(&bytes), bytes.len());
                let len = u32::try_from(len).unwrap_or(u32::MAX);
                let entries = 0;
                let segment = SegmentRef { name, len, entries };
                Arc::new(grounds.with_segment(&segment, bytes, context)?)
            }
            None => Arc::clone(&grounds),
        };
        let is_retired = |(_, state): &(&u32, &EpochState)| **state == EpochState::Retired;
        let retired = state.epochs.iter().filter(is_retired);
        Ok(Self {
            remote,
            state: Arc::clone(state),
            grounds,
            blobs: Blobs::new(remote.clone(), Arc::clone(context), readable, CACHE_BYTES),
            dropped,
            retired: retired.map(|(number, _)| *number).collect(),
            visited: HashSet::new(),
            found: Found::default(),
        })
    }

    /// Walks everything below a root.
    pub(super) fn walk(&mut self, root: &Id) -> Result<()> {
        let mut stack: Vec<std::vec::IntoIter<Ref>> = Vec::new();
        stack.extend(self.enter(root)?.map(Vec::into_iter));
        while let Some(level) = stack.last_mut() {
            let Some(reference) = level.next() else {
                stack.pop();
                continue;
            };
            match reference.kind {
                RefKind::Page => stack.extend(self.enter(&reference.id)?.map(Vec::into_iter)),
                RefKind::Data | RefKind::Names => self.place(&reference.id)?,
                RefKind::Zeros => {}
            }
        }
        Ok(())
    }

    /// Places a page, and returns what it refers to unless that is done or it cannot be read.
    fn enter(&mut self, page: &Id) -> Result<Option<Vec<Ref>>> {
        self.remote.before_step()?;
        if self.visited.contains(page) {
            return Ok(None);
        }
        if self.visited.len() < REMEMBERED_PAGES {
            self.visited.insert(*page);
        }
        self.place(page)?;
        let refs = match self.blobs.read(PAGE, page) {
            Ok(bytes) => Page::decode(&bytes).ok().map(|page| page.refs),
            Err(error) if is_loss(&error) => None,
            Err(error) => return Err(error),
        };
        if refs.is_none() {
            self.found.lost.insert(*page);
        }
        Ok(refs)
    }

    /// Notes where a blob is: in force, in a dropped pack, or nowhere.
    fn place(&mut self, id: &Id) -> Result<()> {
        for (location, segment) in self.grounds.grounds(id)? {
            if !self.retired.is_empty() && !self.has(&location, id)? {
                continue;
            }
            // What is not in force is what this undeleting adds.
            for name in [location.pack.name, segment] {
                if self.state.is_in_force(&name)? {
                    self.found.relied.insert(name);
                }
            }
            self.found.in_force += 1;
            return Ok(());
        }
        for location in self.blobs.index().locate(id)? {
            if self.dropped.contains_key(&location.pack.name) && self.has(&location, id)? {
                let frames = self.found.frames.entry(location.pack.name);
                let frames = frames.or_insert_with(|| Frames {
                    pack: Arc::clone(&location.pack),
                    positions: BTreeSet::new(),
                    bytes: 0,
                });
                if frames.positions.insert(location.position) {
                    frames.bytes += u64::from(location.stored_len);
                }
                return Ok(());
            }
        }
        self.found.lost.insert(*id);
        Ok(())
    }

    /// Says whether a copy is there by its pack's own word, under an epoch that is not retired.
    fn has(&self, location: &Location, id: &Id) -> Result<bool> {
        let header = match self.blobs.header(&location.pack) {
            Ok(header) => header,
            Err(error) if is_loss(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let at = location.position as usize;
        let Some(frame) = header.frames.get(at) else {
            return Ok(false);
        };
        let stands = match frame.key {
            FrameKey::Refs => true,
            FrameKey::Session(session) => header
                .sessions
                .get(usize::from(session))
                .is_some_and(|session| !self.retired.contains(&session.epoch)),
        };
        Ok(stands && header.frame_blobs(at).iter().any(|blob| blob.id == *id))
    }
}

/// Pages that are known to have been walked: 32 MiB. Beyond that, some are walked more than once.
const REMEMBERED_PAGES: usize = 1 << 20;
/// Decoded frames of pages, and of names where paths are looked for.
const CACHE_BYTES: usize = 16 << 20;
