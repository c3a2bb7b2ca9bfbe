//! What the state says of the packs of segments.

use std::sync::Arc;

use crate::error::Result;
use crate::index::segment::{Hit, Segment};
use crate::packs::{Location, PackInfo};
use crate::state::State;

/// A segment, and what the state says of its packs.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    /// What is said of its packs.
    pub(super) standing: Standings,
    /// It stands in for segments that cannot be read: good for reading, no ground to leave anything out of a backup.
    pub(super) rebuilt: bool,
}

/// What the state says of the packs of a segment. Nearly all are in force, and those take no memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Standings(Arc<[(u32, Standing)]>);

/// What the state says of a pack.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    InForce,
    /// In force, but will be dropped soon: good for reading, no ground to leave anything out of a backup.
    Condemned,
    /// In force, but these frames are damaged; all of them when there are none.
    Damaged(Arc<[u32]>),
    /// Not in force: it may have been deleted.
    Gone,
}

impl Standings {
    /// Looks up what the state says of each pack of a segment, and checks the rows of these.
    pub(super) fn of(segment: &Segment, state: Option<&State>) -> Result<Self> {
        let mut others = Vec::new();
        segment.each_pack(|row, pack| {
            match Standing::of(&pack, state) {
                Standing::InForce => {}
                other => others.push((row, other)),
            }
            Ok(())
        })?;
        Ok(Self(others.into()))
    }

    pub(super) fn are_all_in_force(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what is said of the pack in a row, which the segment must have.
    pub(super) fn get(&self, row: u32) -> &Standing {
        let at = self.0.binary_search_by_key(&row, |(row, _)| *row);
        let found = at.ok().and_then(|at| self.0.get(at));
        found.map_or(&Standing::InForce, |(_, standing)| standing)
    }
}

impl Standing {
    pub(super) fn of(pack: &PackInfo, state: Option<&State>) -> Self {
        let Some(state) = state else {
            return Self::InForce;
        };
        let known = state.packs.get(&pack.name);
        // What a segment says of a pack that is not what the journal says is said of no pack that exists.
        if known.is_none_or(|known| (known.len, known.class) != (pack.len, pack.class)) {
            return Self::Gone;
        }
        match state.damaged.get(&pack.name) {
            Some(frames) => Self::Damaged(frames.iter().copied().collect()),
            None if state.condemned.contains(&pack.name) => Self::Condemned,
            None => Self::InForce,
        }
    }
}

/// How good a copy is; the best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Good,
    Damaged,
    Gone,
}

impl Part {
    pub(super) fn share(&self) -> Self {
        Self {
            segment: Arc::clone(&self.segment),
            standing: self.standing.clone(),
            rebuilt: self.rebuilt,
        }
    }

    pub(super) fn rank(&self, hit: &Hit) -> Rank {
        match self.standing.get(hit.pack) {
            Standing::InForce | Standing::Condemned => Rank::Good,
            Standing::Damaged(frames)
                if !frames.is_empty() && !frames.contains(&hit.frame.position) =>
            {
                Rank::Good
            }
            Standing::Damaged(_) => Rank::Damaged,
            Standing::Gone => Rank::Gone,
        }
    }

    /// Says whether a backup may build on a copy.
    pub(super) fn is_ground(&self, hit: &Hit) -> bool {
        let condemned = matches!(self.standing.get(hit.pack), Standing::Condemned);
        !condemned && self.rank(hit) == Rank::Good
    }

    pub(super) fn location(&self, hit: &Hit) -> Result<Option<Location>> {
        let pack = self.segment.pack(hit.pack)?;
        let frame = hit.frame;
        let end = u64::from(frame.offset) + u64::from(frame.stored_len);
        // A row that points outside its pack is as good as none.
        Ok((end <= u64::from(pack.header_offset)).then_some(Location {
            pack,
            position: frame.position,
            offset: frame.offset,
            stored_len: frame.stored_len,
        }))
    }
}
