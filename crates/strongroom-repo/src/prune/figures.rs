//! What of each pack is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_format::{ObjectHash, PackRef};

use crate::error::Result;
use crate::index::{Marks, WeakFrames};
use crate::packs::PackInfo;
use crate::prune::options::Unused;
use crate::state::State;

/// What of each pack in force is needed, by name.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) packs: Vec<PackFigures>,
}

/// What of a pack is needed.
///
/// Lengths of frames are of the segments that map it, what is trapped is of its own header. Where the two disagree, one of them is
/// wrong, and sums of both are figures only.
#[derive(Debug, Clone)]
pub(crate) struct PackFigures {
    pub(crate) pack: PackRef,
    /// Where its parts are; `None` if no segment maps it.
    pub(crate) info: Option<Arc<PackInfo>>,
    /// The part of the index that maps it, if it is one only.
    pub(crate) part: Option<u32>,
    /// Stored bytes of its frames.
    pub(crate) frame_bytes: u64,
    /// Stored bytes of frames with something needed in them.
    pub(crate) live_bytes: u64,
    /// Stored bytes of frames with something that the newest snapshots need.
    pub(crate) newest_bytes: u64,
    /// Frames of which only a part is needed.
    pub(crate) mixed: Positions,
    /// How many of the index's rows of it are needed.
    pub(crate) needed_rows: u64,
    /// A frame that is known to be damaged, or sealed under a retired epoch, has the only copy of something needed; or it
    /// [is missing](Self::is_missing).
    pub(crate) needs_damaged: bool,
    /// The store does not list it as it should be, and it has the only copy of something needed.
    pub(crate) is_missing: bool,
    /// What is in the mixed frames.
    pub(crate) trapped: Trapped,
}

/// What nothing needs and is in frames with something that is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Trapped {
    /// Bytes of blobs, as they were before compression.
    pub(crate) plain: u64,
    /// Their share of the frames' stored bytes.
    pub(crate) stored: u64,
    /// Of `plain`, what framing anew would free.
    pub(crate) plain_to_free: u64,
    /// Of `stored`, what framing anew would free.
    pub(crate) stored_to_free: u64,
    /// Of `plain`, what framing anew would free as well, at a price that is paid only where [too much](Figures::is_too_much) would stay.
    pub(crate) plain_sparse: u64,
    /// The same of `stored`.
    pub(crate) stored_sparse: u64,
}

/// Positions of frames in a pack, in little memory: from 63 on they are not told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Positions(u64);

impl Positions {
    fn add(&mut self, position: u32) {
        self.0 |= Self::bit(position);
    }

    /// Says whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Says whether a position may be among them.
    pub(crate) fn may_have(self, position: u32) -> bool {
        self.0 & Self::bit(position) != 0
    }

    fn bit(position: u32) -> u64 {
        1 << position.min(u64::BITS - 1)
    }
}

impl Figures {
    /// Adds up what is marked.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn new(
        marks: &Marks,
        state: &State,
        weak: &WeakFrames,
        newest: &NewestUse,
    ) -> Result<Self> {
        let mut figures = Self {
            packs: state
                .packs
                .iter()
                .map(|pack| Ok(PackFigures::new(&pack?)))
                .collect::<Result<_>>()?,
        };
        let mut mapped = vec![0_u32; figures.packs.len()];
        for (part, info) in marks.packs() {
            let Some(at) = figures.position(&info.name) else {
                continue;
            };
            if let (Some(mapped), Some(pack)) = (mapped.get_mut(at), figures.packs.get_mut(at)) {
                *mapped += 1;
                let only = u32::try_from(part).ok();
                pack.part = only.filter(|_| *mapped == 1);
                pack.info.get_or_insert_with(|| Arc::clone(info));
            }
        }
        // Frames of packs that more than one segment maps are put together first, so that each counts once.
        let mut shared: BTreeMap<(usize, u32), Frame> = BTreeMap::new();
        marks.tally(|tally| {
            let Some(at) = figures.position(&tally.pack.name) else {
                return Ok(());
            };
            let frame = Frame {
                stored_len: tally.stored_len,
                live_rows: tally.live_rows,
                is_dead: tally.is_dead,
            };
            if mapped.get(at).is_some_and(|mapped| *mapped > 1) {
                shared.entry((at, tally.position)).or_default().join(frame);
            } else {
                figures.add(at, tally.position, frame, (state, weak));
            }
            Ok(())
        })?;
        for ((at, position), frame) in shared {
            figures.add(at, position, frame, (state, weak));
        }
        for (pack, newest) in figures.packs.iter_mut().zip(&newest.bytes) {
            pack.newest_bytes = (*newest).min(pack.frame_bytes);
        }
        Ok(figures)
    }

    /// Says whether so much is not needed that what is dear to free is to be freed too: more than twice what may stay.
    pub(crate) fn is_too_much(&self, counts_trapped: bool, may_stay: Unused) -> bool {
        let live = || self.packs.iter().filter(|pack| !pack.is_dead());
        let unused: u64 = live().map(|pack| pack.unused_bytes(counts_trapped)).sum();
        let frames: u64 = live().map(|pack| pack.frame_bytes).sum();
        let limit = may_stay.bytes_beside(frames.saturating_sub(unused));
        unused > limit.saturating_mul(2)
    }

    /// Counts what is dear to free among what is to be freed.
    pub(crate) fn free_sparse(&mut self) {
        for pack in &mut self.packs {
            let trapped = &mut pack.trapped;
            trapped.plain_to_free += std::mem::take(&mut trapped.plain_sparse);
            trapped.stored_to_free += std::mem::take(&mut trapped.stored_sparse);
        }
    }

    fn add(
        &mut self,
        at: usize,
        position: u32,
        frame: Frame,
        (state, weak): (&State, &WeakFrames),
    ) {
        let Some(pack) = self.packs.get_mut(at) else {
            return;
        };
        let stored = u64::from(frame.stored_len);
        pack.frame_bytes += stored;
        if frame.live_rows > 0 {
            pack.needed_rows += u64::from(frame.live_rows);
            pack.live_bytes += stored;
            if frame.is_dead {
                pack.mixed.add(position);
            }
            let damaged = state.damaged.get(&pack.pack.name);
            pack.needs_damaged |=
                damaged.is_some_and(|frames| frames.is_empty() || frames.contains(&position));
            let weak = weak.get(&pack.pack.name);
            pack.is_missing = weak.is_some_and(BTreeSet::is_empty);
            pack.needs_damaged |=
                pack.is_missing || weak.is_some_and(|frames| frames.contains(&position));
        }
    }

    fn position(&self, name: &ObjectHash) -> Option<usize> {
        self.packs
            .binary_search_by(|pack| pack.pack.name.cmp(name))
            .ok()
    }
}

/// What the newest snapshot of each series needs of each pack in force.
#[derive(Debug)]
pub(crate) struct NewestUse {
    /// Stored bytes of frames, by the packs' names.
    bytes: Vec<u64>,
}

impl NewestUse {
    /// Adds up what is marked when nothing but the newest snapshots is.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn new(marks: &Marks, state: &State) -> Result<Self> {
        let names: Vec<ObjectHash> = state.packs.names().collect::<Result<_>>()?;
        let mut bytes = vec![0; names.len()];
        marks.tally(|tally| {
            let at = names.binary_search(&tally.pack.name).ok();
            if let Some(bytes) = at
                .and_then(|at| bytes.get_mut(at))
                .filter(|_| tally.live_rows > 0)
            {
                *bytes += u64::from(tally.stored_len);
            }
            Ok(())
        })?;
        Ok(Self { bytes })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    stored_len: u32,
    live_rows: u32,
    is_dead: bool,
}

impl Frame {
    fn join(&mut self, other: Self) {
        self.stored_len = other.stored_len;
        self.live_rows = self.live_rows.saturating_add(other.live_rows);
        self.is_dead |= other.is_dead;
    }
}

impl PackFigures {
    fn new(pack: &PackRef) -> Self {
        Self {
            pack: *pack,
            info: None,
            part: None,
            frame_bytes: 0,
            live_bytes: 0,
            newest_bytes: 0,
            mixed: Positions::default(),
            needed_rows: 0,
            needs_damaged: false,
            is_missing: false,
            trapped: Trapped::default(),
        }
    }

    /// Says whether nothing in it is needed.
    pub(crate) fn is_dead(&self) -> bool {
        self.live_bytes == 0
    }

    /// Returns the stored bytes that writing it anew would free.
    pub(crate) fn freed_by_repack(&self) -> u64 {
        let dead = self.frame_bytes.saturating_sub(self.live_bytes);
        dead.saturating_add(self.trapped.stored_to_free)
    }

    /// Returns the stored bytes that nothing needs and that count against what may stay.
    pub(crate) fn counted_bytes(&self, counts_trapped: bool) -> u64 {
        let trapped = if counts_trapped {
            self.trapped.stored_to_free
        } else {
            0
        };
        let dead = self.frame_bytes.saturating_sub(self.live_bytes);
        dead.saturating_add(trapped)
    }

    /// Returns the stored bytes that nothing needs and that could be freed, now or with other options.
    pub(crate) fn unused_bytes(&self, counts_trapped: bool) -> u64 {
        let trapped = if counts_trapped {
            self.trapped.stored
        } else {
            0
        };
        let dead = self.frame_bytes.saturating_sub(self.live_bytes);
        dead.saturating_add(trapped)
    }

    /// Returns the stored bytes of frames that writing it anew would write.
    pub(crate) fn bytes_to_write(&self) -> u64 {
        self.live_bytes.saturating_sub(self.trapped.stored_to_free)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_format::PackClass;

    use super::*;

    #[test]
    fn a_segment_that_disagrees_with_a_pack_makes_no_sum_overflow() {
        let mut figures = PackFigures::new(&PackRef {
            name: ObjectHash::of(b"pack"),
            len: 100,
            class: PackClass::Data,
        });
        figures.frame_bytes = 10;
        figures.live_bytes = 10;
        figures.trapped.stored = 90;
        figures.trapped.stored_to_free = 80;
        assert_eq!(figures.bytes_to_write(), 0);
        assert_eq!(figures.freed_by_repack(), 80);
        assert_eq!(figures.unused_bytes(true), 90);
        assert_eq!(figures.unused_bytes(false), 0);
    }
}
