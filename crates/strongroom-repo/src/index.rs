//! Which pack and frame a blob is in.

mod bitmap;
mod contents;
mod filter;
mod marks;
mod merge;
mod rebuilt;
mod routes;
mod routing;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod scale;
mod search;
mod segment;
mod standing;
mod storage;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError};

use bytes::Bytes;
use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, SegmentRef, object_name};

pub(crate) use self::contents::Prefix;
pub(crate) use self::marks::{Kind, Marks, Needed, WeakFrames};
pub(crate) use self::rebuilt::{
    builder as builder_of_headers, pack_found, push as push_header, segment as segment_of_headers,
};
pub(crate) use self::search::Vicinity;
pub(crate) use self::storage::{read_at, temporary_beside, write_at, write_file};
pub(crate) use self::walk::in_order;
use crate::context::{Context, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::routes::Routes;
use crate::index::routing::Routing;
use crate::index::segment::{Opening, PageCache, Segment};
use crate::index::standing::{Inquiry, Part, Rank, Standings};
use crate::index::storage::{SegmentCache, Storage};
use crate::packs::{Location, PackInfo};
use crate::repository::Repository;
use crate::state::State;

/// Maps ids to copies of blobs, as of one state of the repository.
///
/// It holds 9 bits a blob for the filters and, without a local cache, 24 bytes a blob for the segments
/// themselves; and at most 16 MiB of decrypted pages. Look-ups read the local cache, never the store.
#[derive(Debug)]
pub(crate) struct Index {
    parts: Vec<Part>,
    cache: Option<SegmentCache>,
    pages: Arc<PageCache>,
    problems: Vec<Error>,
    /// Made by the first look-up.
    routing: OnceLock<Routing>,
    /// Packs of which the state is to be asked before the index is used.
    unasked: Inquiry,
    /// What an index before this one had open.
    known_routes: Vec<Arc<Routes>>,
}

/// How much of an index is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// All segments in force.
    Whole,
    /// What is at hand, and of the rest the few that know most blobs: enough for a backup, which stores once more what it does not know of. All if
    /// nothing is at hand.
    Enough,
}

impl Repository {
    /// Returns the index as of `state`, loading what is not loaded yet.
    ///
    /// # Errors
    ///
    /// As [`Index::load`].
    pub(crate) fn index(&self, remote: &Remote, state: &State) -> Result<Arc<Index>> {
        self.index_as_wide_as(Breadth::Whole, remote, state)
    }

    fn index_as_wide_as(
        &self,
        breadth: Breadth,
        remote: &Remote,
        state: &State,
    ) -> Result<Arc<Index>> {
        let slot = || {
            self.index_slot()
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let previous = slot().clone();
        let index = Arc::new(Index::load(
            remote,
            self.context(),
            state,
            previous.as_deref(),
            breadth,
        )?);
        *slot() = Some(Arc::clone(&index));
        Ok(index)
    }

    /// Reads what others have done, and the index as of then; again, when a segment is missing because others have replaced it
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Journal::refresh`](crate::journal::Journal::refresh) and [`Index::load`].
    pub(crate) fn current(&self, remote: &Remote) -> Result<(Arc<State>, Arc<Index>)> {
        self.current_as_wide_as(Breadth::Whole, remote)
    }

    /// Like [`current`](Self::current), with as much of the index as that.
    pub(crate) fn current_as_wide_as(
        &self,
        breadth: Breadth,
        remote: &Remote,
    ) -> Result<(Arc<State>, Arc<Index>)> {
        let mut state = self.journal().refresh(remote, self.context())?;
        loop {
            let index = self.index_as_wide_as(breadth, remote, &state)?;
            let is_missing = |problem: &Error| problem.kind() == ErrorKind::NotFound;
            if !index.problems().iter().any(is_missing) {
                return Ok((state, index));
            }
            let now = self.journal().refresh(remote, self.context())?;
            if now.head == state.head {
                return Ok((state, index));
            }
            state = now;
        }
    }

    /// Takes an index whose segments the next one need not fetch.
    pub(crate) fn keep_index(&self, index: Arc<Index>) {
        *self
            .index_slot()
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(index);
    }
}

impl Index {
    /// Loads the segments in force. What `previous` has is taken from there, what the local cache has from there; the rest is
    /// fetched, and kept in the cache if there is one.
    ///
    /// A segment that is missing or damaged does not fail this: the packs that only it mapped are read
    /// for their headers instead, and [`problems`](Self::problems) says so.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(crate) fn load(
        remote: &Remote,
        context: &Context,
        state: &State,
        previous: Option<&Self>,
        breadth: Breadth,
    ) -> Result<Self> {
        let cache = context
            .settings
            .cache
            .as_deref()
            .and_then(|folder| SegmentCache::open(folder, &context.repository));
        let pages = previous.map_or_else(
            || Arc::new(PageCache::new(CACHED_PAGES)),
            |index| Arc::clone(&index.pages),
        );
        let mut index = Self {
            parts: Vec::new(),
            cache,
            pages,
            problems: Vec::new(),
            routing: OnceLock::new(),
            unasked: Inquiry::default(),
            known_routes: previous.map(Self::routes).unwrap_or_default(),
        };
        let known: HashMap<ObjectHash, &Part> = previous
            .map(|index| {
                index
                    .parts
                    .iter()
                    .map(|part| (part.segment.name, part))
                    .collect()
            })
            .unwrap_or_default();
        let mut missing = Vec::new();
        for reference in state.segments.values() {
            match known.get(&reference.name) {
                Some(part) => match index.add(Arc::clone(&part.segment), false) {
                    Ok(()) => index.ask_if_many(state)?,
                    // The local cache has lost it meanwhile.
                    Err(_) => missing.push(*reference),
                },
                None => missing.push(*reference),
            }
        }
        if breadth == Breadth::Enough {
            missing = index.enough_of(missing);
        }
        for batch in missing.chunks(FETCHED_AT_ONCE) {
            index.fetch(remote, context, state, batch)?;
        }
        if !index.problems.is_empty() || state.has_unmapped_packs {
            index.rebuild(remote, context, state)?;
        }
        index.ask(state)?;
        if let Some(cache) = &index.cache {
            cache.retain(|name| state.segments.contains_key(name));
        }
        Ok(index)
    }

    /// Returns of the segments that are not loaded yet those that are in the local cache, and of the others the few with most blobs; all if nothing
    /// else is known.
    fn enough_of(&self, missing: Vec<SegmentRef>) -> Vec<SegmentRef> {
        let is_here = |one: &SegmentRef| {
            let cache = self.cache.as_ref();
            cache.is_some_and(|cache| cache.segment(&one.name, u64::from(one.len)).is_some())
        };
        let (mut wanted, mut away): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_here);
        let knows_nothing = self.parts.is_empty() && wanted.is_empty();
        if !knows_nothing && away.len() > FETCHED_FOR_A_BACKUP {
            away.sort_by_key(|one| std::cmp::Reverse(one.entries));
            away.truncate(FETCHED_FOR_A_BACKUP);
        }
        wanted.append(&mut away);
        wanted
    }

    /// Returns this index and one more segment, whose packs are taken to be in force.
    ///
    /// # Errors
    ///
    /// `Damaged` when the bytes are not that segment.
    pub(crate) fn with_segment(
        &self,
        segment: &SegmentRef,
        bytes: Bytes,
        context: &Context,
    ) -> Result<Self> {
        let mut index = Self {
            parts: self.parts.iter().map(Part::share).collect(),
            cache: self.cache.clone(),
            pages: Arc::clone(&self.pages),
            problems: Vec::new(),
            routing: OnceLock::new(),
            unasked: Inquiry::default(),
            known_routes: self.routes(),
        };
        let opened = index.open_bytes(segment, bytes, context)?;
        index.add(Arc::new(opened), false)?;
        index.unasked = Inquiry::default();
        Ok(index)
    }

    /// Says whether there is a copy, not known to be damaged, in a pack in force that is not condemned.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page of a segment cannot be read.
    pub(crate) fn contains(&self, id: &Id) -> Result<bool> {
        let mut hits = Vec::new();
        let mut rows = Vec::new();
        for part in self.candidates(id).filter(|part| !part.rebuilt) {
            if part.standing.are_all_in_force() {
                // Whichever pack it is in will do, so nobody asks for the frame.
                part.segment.find_rows(id, &mut rows)?;
                if !rows.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            hits.clear();
            part.segment.find(id, &mut hits)?;
            if hits.iter().any(|hit| part.is_ground(hit)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the copies that a snapshot may rely on: in a pack in force, condemned or not, not known to be damaged, and mapped by
    /// a segment that can be read; each with the name of that segment.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page of a segment cannot be read.
    pub(crate) fn grounds(&self, id: &Id) -> Result<Vec<(Location, ObjectHash)>> {
        let mut found = Vec::new();
        let mut hits = Vec::new();
        for part in self.candidates(id).filter(|part| !part.rebuilt) {
            hits.clear();
            part.segment.find(id, &mut hits)?;
            for hit in hits.iter().filter(|hit| part.rank(hit) == Rank::Good) {
                let location = part.location(hit)?;
                found.extend(location.map(|location| (location, part.segment.name)));
            }
        }
        Ok(found)
    }

    /// Returns the parts that may have a blob.
    fn candidates(&self, id: &Id) -> impl Iterator<Item = &Part> {
        let numbers = self.routing().candidates(id).into_iter();
        numbers.filter_map(|part| self.parts.get(part))
    }

    fn routing(&self) -> &Routing {
        let make = || Routing::of(&self.parts, self.cache.as_ref(), &self.known_routes);
        self.routing.get_or_init(make)
    }

    /// Looks blobs up by the filters of all segments, for somebody who has these in memory anyway; unless it has begun otherwise.
    fn route_by_filters(&self) {
        self.routing
            .get_or_init(|| Routing::by_filters(&self.parts));
    }

    /// Returns the routes that are open.
    fn routes(&self) -> Vec<Arc<Routes>> {
        let routing = self.routing.get();
        routing.map_or_else(|| self.known_routes.clone(), Routing::routes)
    }

    /// Puts a segment and its filter into the local cache.
    ///
    /// # Errors
    ///
    /// `Damaged` when the bytes are not that segment.
    #[cfg(feature = "testing")]
    pub(crate) fn keep_locally(context: &Context, bytes: Bytes) -> Result<()> {
        let cache = context.settings.cache.as_deref();
        let index = Self {
            parts: Vec::new(),
            cache: cache.and_then(|folder| SegmentCache::open(folder, &context.repository)),
            pages: Arc::new(PageCache::new(CACHED_PAGES)),
            problems: Vec::new(),
            routing: OnceLock::new(),
            unasked: Inquiry::default(),
            known_routes: Vec::new(),
        };
        let segment = SegmentRef {
            name: ObjectHash::of(&bytes),
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            entries: 0,
        };
        index.open_bytes(&segment, bytes, context).map(|_| ())
    }

    /// Returns the segments that map nothing but packs that are gone. One whose local copy cannot be read is none of them.
    pub(crate) fn exhausted(&self, is_gone: impl Fn(&ObjectHash) -> bool) -> Vec<ObjectHash> {
        let is_exhausted = |part: &&Part| {
            let mut has_any = false;
            let read = part.segment.each_pack(|_, pack| {
                has_any |= !is_gone(&pack.name);
                Ok(())
            });
            read.is_ok() && !has_any
        };
        let parts = self.parts.iter().filter(|part| !part.rebuilt);
        let exhausted = parts.filter(is_exhausted);
        exhausted.map(|part| part.segment.name).collect()
    }

    /// Returns the packs that its segments map, as often as they do: about 80 bytes each.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn packs(&self) -> Result<Vec<Arc<PackInfo>>> {
        let mut packs = Vec::new();
        for part in &self.parts {
            packs.append(&mut part.segment.all_packs()?);
        }
        Ok(packs)
    }

    /// Returns the names of the packs that segments map of which `counts` says so.
    fn mapped(&self, counts: impl Fn(&Part) -> bool) -> Result<HashSet<ObjectHash>> {
        let mut mapped = HashSet::new();
        for part in self.parts.iter().filter(|part| counts(part)) {
            part.segment.each_pack(|_, pack| {
                mapped.insert(pack.name);
                Ok(())
            })?;
        }
        Ok(mapped)
    }

    /// Returns how often a page of a segment was asked for, by this index and those that it was made from.
    #[cfg(test)]
    pub(crate) fn page_turns(&self) -> u64 {
        self.pages.turns()
    }

    /// Returns what is wrong with segments in force.
    pub(crate) fn problems(&self) -> &[Error] {
        &self.problems
    }

    fn fetch(
        &mut self,
        remote: &Remote,
        context: &Context,
        state: &State,
        batch: &[SegmentRef],
    ) -> Result<()> {
        let mut tickets = Vec::new();
        for reference in batch {
            let cached = self.open_cached(reference, context);
            if cached.is_some_and(|segment| self.takes(segment)) {
                self.ask_if_many(state)?;
                continue;
            }
            let key = object_key(&object_name::index(&reference.name))?;
            tickets.push((reference, remote.get_later(&key, None)));
        }
        for (reference, ticket) in tickets {
            let opened = ticket
                .wait()
                .and_then(|bytes| self.open_bytes(reference, bytes, context))
                .and_then(|segment| self.add(Arc::new(segment), false));
            match opened {
                Ok(()) => self.ask_if_many(state)?,
                Err(error) if is_loss(&error) => self.problems.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Adds a segment out of the local cache; false when that has no good copy.
    fn takes(&mut self, segment: Segment) -> bool {
        let name = segment.name;
        let added = self.add(Arc::new(segment), false);
        if let (Err(error), Some(cache)) = (&added, &self.cache) {
            tracing::debug!(%error, "a cached segment is damaged and is fetched again");
            cache.discard(&name);
        }
        added.is_ok()
    }

    fn open_cached(&self, reference: &SegmentRef, context: &Context) -> Option<Segment> {
        let cache = self.cache.as_ref()?;
        let len = u64::from(reference.len);
        let storage = cache.segment(&reference.name, len)?;
        match Segment::open(reference.name, len, storage, &self.opening(context)) {
            Ok(segment) => Some(segment),
            Err(error) => {
                tracing::debug!(%error, "a cached segment is damaged and is fetched again");
                cache.discard(&reference.name);
                None
            }
        }
    }

    fn open_bytes(
        &self,
        reference: &SegmentRef,
        bytes: Bytes,
        context: &Context,
    ) -> Result<Segment> {
        if ObjectHash::of(&bytes) != reference.name {
            return Err(
                Error::new(ErrorKind::Damaged, "a segment does not match its name")
                    .object_named(object_name::index(&reference.name)),
            );
        }
        let len = bytes.len() as u64;
        let storage = match &self.cache {
            Some(cache) => cache.keep_segment(&reference.name, bytes),
            None => Storage::Memory(bytes),
        };
        let segment = Segment::open(reference.name, len, storage, &self.opening(context))?;
        // Whoever wrote it may have written entries out of order: making the filter finds that.
        segment.filter()?;
        Ok(segment)
    }

    fn opening<'a>(&'a self, context: &'a Context) -> Opening<'a> {
        Opening {
            context,
            cache: self.cache.as_ref(),
            pages: &self.pages,
        }
    }

    /// Reads the headers of packs that no segment maps any more.
    fn rebuild(&mut self, remote: &Remote, context: &Context, state: &State) -> Result<()> {
        let mapped = self.mapped(|_| true)?;
        let mut unmapped = Vec::new();
        for pack in state.packs.iter() {
            let pack = pack?;
            if !mapped.contains(&pack.name) {
                unmapped.push(pack);
            }
        }
        if let Some(bytes) = rebuilt::segment(remote, context, unmapped.iter())? {
            let (name, len) = (ObjectHash::of(&bytes), bytes.len() as u64);
            let opening = Opening {
                context,
                cache: None,
                pages: &self.pages,
            };
            let segment = Segment::open(name, len, Storage::Memory(bytes), &opening)?;
            segment.filter()?;
            self.add(Arc::new(segment), true)?;
        }
        Ok(())
    }

    /// Adds a segment, whose packs are taken to be in force until the state is [asked](Self::ask).
    fn add(&mut self, segment: Arc<Segment>, rebuilt: bool) -> Result<()> {
        self.unasked.add(self.parts.len(), &segment)?;
        self.parts.push(Part {
            segment,
            standing: Standings::default(),
            rebuilt,
        });
        Ok(())
    }

    fn ask_if_many(&mut self, state: &State) -> Result<()> {
        match self.unasked.is_large() {
            true => self.ask(state),
            false => Ok(()),
        }
    }

    /// Asks the state what is with the packs of segments that were added.
    fn ask(&mut self, state: &State) -> Result<()> {
        let parts = &mut self.parts;
        self.unasked.answer(state, |at, standing| {
            if let Some(part) = parts.get_mut(at) {
                part.standing = standing;
            }
        })
    }
}

/// Says whether an error means that something stored is lost, rather than out of reach.
pub(crate) fn is_loss(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Damaged | ErrorKind::NotFound | ErrorKind::Incompatible | ErrorKind::Invalid
    )
}

/// Says whether an error means that a copy cannot be read now, and another one may be: it is lost, or in cold storage.
pub(crate) fn is_out_of_reach(error: &Error) -> bool {
    is_loss(error) || error.kind() == ErrorKind::Archived
}

/// 256 pages of 64 KiB: 700,000 entries.
const CACHED_PAGES: usize = 256;
/// Segments that a backup fetches of those that others have added, at most: each costs it a request, and most know a few blobs that it does not have.
const FETCHED_FOR_A_BACKUP: usize = 32;
/// Segments on their way at once.
const FETCHED_AT_ONCE: usize = 4;
