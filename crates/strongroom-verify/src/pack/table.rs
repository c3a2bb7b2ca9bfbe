//! The packs in force, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_format::{ObjectHash, PackClass, PackHeader, PackRef};

use super::check::HeaderSpot;
use crate::{Level, Tally};

/// Every pack in force by number, in the order of their names. It takes about 150 bytes a pack and 12 bytes a frame.
#[derive(Debug, Default)]
pub(crate) struct PackTable {
    packs: Vec<PackState>,
    frames: Vec<FramePlace>,
    /// Frames that are no good copies: seen damaged, or recorded as damaged and not seen to be good.
    bad: BTreeMap<u32, BTreeMap<u32, Level>>,
    /// Packs of which frames could not be opened for want of a key.
    closed: BTreeSet<u32>,
    has_cold: bool,
}

/// A pack in force.
#[derive(Clone, Debug)]
pub(crate) struct PackState {
    /// As the journal names it.
    pub(crate) pack: PackRef,
    /// Whether it is read whole in this check.
    pub(crate) chosen: bool,
    /// What became of looking at it.
    pub(crate) presence: Presence,
    /// Its bytes are not what they were, so that its header may be another one's.
    pub(crate) is_altered: bool,
    /// The journal says that all of it is damaged.
    pub(crate) recorded: bool,
    first_frame: usize,
    frames: u32,
}

/// What became of looking at a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It was not looked at: there is no key for headers, or only the listing was asked for.
    Listed,
    /// Its bytes were compared with its name, and no more was asked for.
    Hashed,
    /// Its header is known, and with it what the pack holds.
    Known(HeaderSpot),
    /// It is there, and its header is of no use.
    Unusable,
    /// A later version wrote it: it may hold anything.
    Unsupported,
    /// It is in cold storage and was not looked at: it may hold anything.
    Cold,
    /// It is not there.
    Missing,
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePlace {
    pub(crate) offset: u32,
    pub(crate) stored_len: u32,
    pub(crate) plain_len: u32,
}

impl PackTable {
    /// Makes the table of these packs.
    pub(crate) fn new(packs: impl IntoIterator<Item = (PackRef, bool)>) -> Self {
        let mut packs: Vec<PackState> = packs
            .into_iter()
            .map(|(pack, chosen)| PackState {
                pack,
                chosen,
                presence: Presence::Listed,
                is_altered: false,
                recorded: false,
                first_frame: 0,
                frames: 0,
            })
            .collect();
        packs.sort_unstable_by_key(|state| state.pack.name);
        packs.dedup_by_key(|state| state.pack.name);
        Self {
            packs,
            frames: Vec::new(),
            bad: BTreeMap::new(),
            closed: BTreeSet::new(),
            has_cold: false,
        }
    }

    /// Takes note of what the journal records as damaged; no frames means all.
    pub(crate) fn record_damage(&mut self, pack: &ObjectHash, frames: &BTreeSet<u32>) {
        let Some(number) = self.number(pack) else {
            return;
        };
        if frames.is_empty() {
            if let Some(state) = self.packs.get_mut(number as usize) {
                state.recorded = true;
            }
        } else {
            let frames = frames.iter().map(|frame| (*frame, Level::Authenticated));
            self.bad.entry(number).or_default().extend(frames);
        }
    }

    /// Forgets what was recorded of a pack, of which every frame was seen now. Returns whether anything was.
    pub(crate) fn clear_recorded(&mut self, number: u32) -> bool {
        let all = self
            .packs
            .get_mut(number as usize)
            .is_some_and(|state| std::mem::take(&mut state.recorded));
        self.bad.remove(&number).is_some() || all
    }

    /// Chooses further packs to be read whole. Returns whether there are any that were not chosen before.
    pub(crate) fn choose(&mut self, names: &BTreeSet<ObjectHash>) -> bool {
        let mut is_more = false;
        for state in &mut self.packs {
            if !state.chosen && names.contains(&state.pack.name) {
                state.chosen = true;
                is_more = true;
            }
        }
        is_more
    }

    /// Takes note of a damaged frame.
    pub(crate) fn set_bad(&mut self, number: u32, frame: u32, level: Level) {
        self.bad.entry(number).or_default().insert(frame, level);
    }

    /// Returns the level at which it is noticed that a frame is no good copy.
    pub(crate) fn bad_level(&self, number: u32, frame: u32) -> Level {
        let frames = self.bad.get(&number);
        let level = frames.and_then(|frames| frames.get(&frame)).copied();
        level.unwrap_or(Level::Authenticated)
    }

    /// Takes note that frames of a pack could not be opened for want of a key.
    pub(crate) fn set_closed(&mut self, number: u32) {
        self.closed.insert(number);
    }

    /// Whether frames of a pack could not be opened for want of a key.
    pub(crate) fn is_closed(&self, number: u32) -> bool {
        self.closed.contains(&number)
    }

    /// Takes note of what became of looking at a pack.
    pub(crate) fn set_presence(&mut self, number: u32, presence: Presence) {
        if let Some(state) = self.packs.get_mut(number as usize) {
            state.presence = presence;
            self.has_cold |= presence == Presence::Cold;
        }
    }

    /// Whether there are packs in cold storage.
    pub(crate) fn has_cold(&self) -> bool {
        self.has_cold
    }

    /// Takes note that its bytes are not what they were.
    pub(crate) fn set_altered(&mut self, number: u32) {
        if let Some(state) = self.packs.get_mut(number as usize) {
            state.is_altered = true;
        }
    }

    /// Takes note of a header.
    pub(crate) fn set_header(&mut self, number: u32, spot: HeaderSpot, header: &PackHeader) {
        let first_frame = self.frames.len();
        self.frames
            .extend(header.frames.iter().map(|frame| FramePlace {
                offset: frame.offset,
                stored_len: frame.stored_len,
                plain_len: frame.plain_len,
            }));
        if let Some(state) = self.packs.get_mut(number as usize) {
            state.presence = Presence::Known(spot);
            state.first_frame = first_frame;
            state.frames = u32::try_from(header.frames.len()).unwrap_or(u32::MAX);
        }
    }

    /// Returns the number of a pack.
    pub(crate) fn number(&self, name: &ObjectHash) -> Option<u32> {
        let at = self
            .packs
            .binary_search_by_key(name, |state| state.pack.name)
            .ok()?;
        u32::try_from(at).ok()
    }

    /// Returns a pack.
    pub(crate) fn get(&self, number: u32) -> Option<&PackState> {
        self.packs.get(number as usize)
    }

    /// Returns the packs in the order of their numbers.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u32, &PackState)> {
        // A journal names fewer packs than that: an entry for each would be beyond every limit.
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let numbered = self.packs.iter().enumerate();
        numbered.map(move |(at, state)| (number(at), state))
    }

    /// Returns a frame of a pack whose header is known.
    pub(crate) fn frame(&self, number: u32, frame: u32) -> Option<FramePlace> {
        let state = self.get(number)?;
        if frame >= state.frames {
            return None;
        }
        self.frames.get(state.first_frame + frame as usize).copied()
    }

    /// Whether a frame is a good copy of what it holds, as far as this check has looked.
    pub(crate) fn is_good(&self, number: u32, frame: u32) -> bool {
        let whole = self
            .get(number)
            .is_some_and(|state| matches!(state.presence, Presence::Known(_)) && !state.recorded);
        whole
            && !self
                .bad
                .get(&number)
                .is_some_and(|frames| frames.contains_key(&frame))
    }

    /// Returns the packs in cold storage: how many, and their bytes.
    pub(crate) fn cold(&self) -> Tally {
        let mut tally = Tally::default();
        for state in self
            .packs
            .iter()
            .filter(|state| state.presence == Presence::Cold)
        {
            tally.count += 1;
            tally.bytes += u64::from(state.pack.len);
        }
        tally
    }

    /// Whether there are packs in cold storage other than of content, without which trees are not known.
    pub(crate) fn has_cold_trees(&self) -> bool {
        let is_cold_tree = |state: &PackState| {
            state.presence == Presence::Cold && state.pack.class != PackClass::Data
        };
        self.packs.iter().any(is_cold_tree)
    }

    /// Whether every frame that is known is a good copy, and every pack's header is known.
    pub(crate) fn is_sound(&self) -> bool {
        let known = |state: &PackState| matches!(state.presence, Presence::Known(_));
        self.bad.is_empty()
            && self
                .packs
                .iter()
                .all(|state| known(state) && !state.recorded)
    }
}
