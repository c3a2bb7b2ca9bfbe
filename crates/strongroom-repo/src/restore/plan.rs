//! From pieces of files to packs and their frames.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use crate::blobs::aligned;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Index, is_loss};
use crate::packs::{Location, PREAMBLE_LEN, PackInfo};
use crate::restore::file::Use;
use crate::restore::report::Failure;

/// What a window fetches, each part once, in the order in which files need it; and the pieces of which no copy is known.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) parts: Vec<PartPlan>,
    pub(super) lost: Vec<(Use, Failure)>,
}

/// A part of a pack that is fetched at once, and the frames of it that are wanted.
#[derive(Debug)]
pub(super) struct PartPlan {
    pub(super) pack: Arc<PackInfo>,
    /// `None` means the whole pack.
    pub(super) range: Option<Range<u64>>,
    pub(super) frames: Vec<FramePlan>,
}

/// A frame and what is wanted of it.
#[derive(Debug)]
pub(super) struct FramePlan {
    pub(super) position: u32,
    pub(super) offset: u32,
    pub(super) stored_len: u32,
    /// Sorted by blob.
    pub(super) uses: Vec<Use>,
}

impl PartPlan {
    /// Returns the bytes that are fetched.
    pub(super) fn len(&self) -> u64 {
        self.range
            .as_ref()
            .map_or(u64::from(self.pack.len), |range| range.end - range.start)
    }
}

impl FramePlan {
    fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.stored_len)
    }
}

/// Plans the fetching of pieces, none of which is zeros.
///
/// # Errors
///
/// What the index says that is not the loss of a segment.
pub(super) fn plan(index: &Index, mut uses: Vec<Use>) -> Result<Plan> {
    let mut order: Vec<(Id, u32)> = Vec::with_capacity(uses.len());
    for (number, wanted) in (0_u32..).zip(&uses) {
        if let Some(id) = wanted.blob {
            order.push((id, number));
        }
    }
    order.sort_unstable();
    let mut packs = PackTable::default();
    // For each use its pack and position.
    let mut places: Vec<Option<(usize, u32)>> = vec![None; uses.len()];
    let mut failures: HashMap<u32, Failure> = HashMap::new();
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        let Some((id, first)) = same.first() else {
            continue;
        };
        let place = match index.locate(id) {
            Ok(locations) => packs.choose(locations, *first),
            Err(error) if is_loss(&error) => {
                failures.extend(
                    same.iter()
                        .map(|(_, number)| (*number, Failure::from(&error))),
                );
                continue;
            }
            Err(error) => return Err(error),
        };
        for (_, number) in same {
            if let Some(slot) = places.get_mut(*number as usize) {
                *slot = place;
            }
        }
    }
    let mut lost = Vec::new();
    for (number, (wanted, place)) in (0_u32..).zip(uses.drain(..).zip(places)) {
        match place {
            Some((pack, position)) => packs.add(pack, position, wanted),
            None => {
                let failure = failures.remove(&number).unwrap_or_else(unmapped);
                lost.push((wanted, failure));
            }
        }
    }
    Ok(Plan {
        parts: packs.into_parts(),
        lost,
    })
}

fn unmapped() -> Failure {
    Failure::from(&Error::new(ErrorKind::NotFound, "no index maps a blob"))
}

/// The packs of a window.
#[derive(Debug, Default)]
struct PackTable {
    by_name: HashMap<ObjectHash, usize>,
    packs: Vec<PackPlan>,
}

#[derive(Debug)]
struct PackPlan {
    info: Arc<PackInfo>,
    /// Number of the first use.
    first: u32,
    frames: BTreeMap<u32, FramePlan>,
}

impl PackTable {
    /// Chooses a copy: one in a pack that is needed anyway, or else the first.
    fn choose(&mut self, locations: Vec<Location>, first: u32) -> Option<(usize, u32)> {
        let known = |location: &Location| self.by_name.contains_key(&location.pack.name);
        let at = locations.iter().position(known).unwrap_or(0);
        let chosen = locations.into_iter().nth(at)?;
        let number = *self.by_name.entry(chosen.pack.name).or_insert_with(|| {
            let info = Arc::clone(&chosen.pack);
            self.packs.push(PackPlan {
                info,
                first,
                frames: BTreeMap::new(),
            });
            self.packs.len() - 1
        });
        let pack = self.packs.get_mut(number)?;
        pack.first = pack.first.min(first);
        pack.frames
            .entry(chosen.position)
            .or_insert_with(|| FramePlan {
                position: chosen.position,
                offset: chosen.offset,
                stored_len: chosen.stored_len,
                uses: Vec::new(),
            });
        Some((number, chosen.position))
    }

    fn add(&mut self, pack: usize, position: u32, wanted: Use) {
        if let Some(frame) = self
            .packs
            .get_mut(pack)
            .and_then(|pack| pack.frames.get_mut(&position))
        {
            frame.uses.push(wanted);
        }
    }

    fn into_parts(mut self) -> Vec<PartPlan> {
        self.packs.sort_by_key(|pack| pack.first);
        self.packs
            .into_iter()
            .flat_map(PackPlan::into_parts)
            .collect()
    }
}

impl PackPlan {
    /// Divides the wanted frames into parts: all in one when most of the pack is wanted, else ranges.
    fn into_parts(self) -> Vec<PartPlan> {
        let mut frames: Vec<FramePlan> = self.frames.into_values().collect();
        frames.sort_by_key(|frame| frame.offset);
        for frame in &mut frames {
            frame.uses.sort_by_key(|wanted| wanted.blob);
        }
        let wanted: u64 = frames.iter().map(|frame| u64::from(frame.stored_len)).sum();
        let held = u64::from(self.info.header_offset - PREAMBLE_LEN.min(self.info.header_offset));
        if wanted * WHOLE_FROM.1 >= held * WHOLE_FROM.0 || self.info.len <= ALWAYS_WHOLE {
            return vec![PartPlan {
                pack: self.info,
                range: None,
                frames,
            }];
        }
        let mut parts: Vec<PartPlan> = Vec::new();
        for frame in frames {
            let range = aligned(u64::from(frame.offset), frame.end(), &self.info);
            if let Some(PartPlan {
                range: Some(last),
                frames,
                ..
            }) = parts.last_mut()
                && range.start <= last.end + BRIDGED_GAP
                && range.end - last.start <= MAX_PART
            {
                last.end = last.end.max(range.end);
                frames.push(frame);
                continue;
            }
            let pack = Arc::clone(&self.info);
            parts.push(PartPlan {
                pack,
                range: Some(range),
                frames: vec![frame],
            });
        }
        parts
    }
}

/// A pack is fetched whole when this share of it is wanted. Where windows meet, each wants a part of the same packs, and what
/// one does not want is fetched for the other.
const WHOLE_FROM: (u64, u64) = (7, 8);
/// Packs up to this are always fetched whole.
const ALWAYS_WHOLE: u32 = 1 << 20;
/// Gaps up to this are fetched too.
const BRIDGED_GAP: u64 = 256 << 10;
/// The most of one range.
const MAX_PART: u64 = 16 << 20;
