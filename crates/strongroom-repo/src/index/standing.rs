//! What the state says of the packs of segments.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_format::PackRef;

use crate::error::Result;
use crate::index::segment::{Hit, Segment};
use crate::packs::Location;
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
    ///
    /// # Errors
    ///
    /// `Damaged` naming the segment when a page cannot be read; as [`Packs::get`](crate::state::Packs::get).
    pub(super) fn of(segment: &Segment, state: &State) -> Result<Self> {
        let mut inquiry = Inquiry::default();
        inquiry.add(0, segment)?;
        let mut standings = Self::default();
        inquiry.answer(state, |_, standing| standings = standing)?;
        Ok(standings)
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

/// Packs of segments of which the state has not been asked yet. It is asked of many at once, in the order of their names: a table in a file is then read
/// from its beginning to its end, and not a page for each.
#[derive(Debug, Default)]
pub(super) struct Inquiry(Vec<Asked>);

/// A pack in a row of a segment, as that says it is.
#[derive(Debug)]
struct Asked {
    pack: PackRef,
    row: u32,
    part: usize,
}

impl Inquiry {
    /// Adds the packs of a segment, and checks their rows.
    ///
    /// # Errors
    ///
    /// `Damaged` naming the segment when a page cannot be read; then none is added.
    pub(super) fn add(&mut self, part: usize, segment: &Segment) -> Result<()> {
        let before = self.0.len();
        let added = segment.each_pack(|row, info| {
            let pack = PackRef {
                name: info.name,
                len: info.len,
                class: info.class,
            };
            self.0.push(Asked { pack, row, part });
            Ok(())
        });
        if added.is_err() {
            self.0.truncate(before);
        }
        added
    }

    /// Says whether it is time to ask.
    pub(super) fn is_large(&self) -> bool {
        self.0.len() >= ASKED_AT_ONCE
    }

    /// Asks, and calls `tell` with what is said of the packs of each part of which anything but that they are in force is.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](crate::state::Packs::get).
    pub(super) fn answer(
        &mut self,
        state: &State,
        mut tell: impl FnMut(usize, Standings),
    ) -> Result<()> {
        let mut asked = std::mem::take(&mut self.0);
        if state.packs.changes().is_some() {
            asked.sort_unstable_by_key(|asked| asked.pack.name);
        }
        let mut others: BTreeMap<usize, Vec<(u32, Standing)>> = BTreeMap::new();
        for Asked { pack, row, part } in &asked {
            match Standing::of(pack, state)? {
                Standing::InForce => {}
                other => others.entry(*part).or_default().push((*row, other)),
            }
        }
        for (part, mut standings) in others {
            standings.sort_unstable_by_key(|(row, _)| *row);
            tell(part, Standings(standings.into()));
        }
        Ok(())
    }
}

impl Standing {
    fn of(pack: &PackRef, state: &State) -> Result<Self> {
        // What a segment says of a pack that is not what the journal says is said of no pack that exists.
        if state.packs.get(&pack.name)? != Some(*pack) {
            return Ok(Self::Gone);
        }
        Ok(match state.damaged.get(&pack.name) {
            Some(frames) => Self::Damaged(frames.iter().copied().collect()),
            None if state.condemned.contains(&pack.name) => Self::Condemned,
            None => Self::InForce,
        })
    }
}

/// So many packs take 1.8 MiB; a table in a file is read once for each.
const ASKED_AT_ONCE: usize = 1 << 15;

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
