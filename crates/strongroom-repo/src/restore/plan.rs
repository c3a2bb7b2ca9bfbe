//! From pieces of files to packs and their frames.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use crate::blobs::{Blobs, frame_range};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Vicinity, is_loss};
use crate::packs::{Location, PackInfo};
use crate::ranges::Reads;
use crate::restore::file::Use;
use crate::restore::report::Failure;

/// What a window fetches, each part once, in the order in which files need it; and the pieces of which no copy is known.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) parts: Vec<PartPlan>,
    pub(super) lost: Vec<(Use, Failure)>,
}

/// What of one pack is fetched, and the frames in it that are wanted.
#[derive(Debug)]
pub(super) struct PartPlan {
    pub(super) pack: Arc<PackInfo>,
    pub(super) reads: Reads,
    pub(super) frames: Vec<FramePlan>,
    /// Number of the last use.
    last: u32,
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
        self.reads.bytes(&self.pack)
    }

    /// Plans to read the wanted frames, which are in the order of the pack, and its header if that is not known.
    fn new(
        pack: Arc<PackInfo>,
        frames: Vec<FramePlan>,
        header: Header,
        last: u32,
        request: u64,
    ) -> Self {
        let header = match header {
            Header::Wanted => Some([PackInfo::FRONT, pack.header()]),
            Header::Known => None,
        };
        let wanted = frames
            .iter()
            .map(|frame| frame_range(frame.offset, frame.stored_len))
            .chain(header.into_iter().flatten());
        Self {
            reads: Reads::choose(wanted, &pack, request),
            pack,
            frames,
            last,
        }
    }

    /// Cuts it into parts of a few megabytes, in their order, if the store is near: there nothing is gained by fetching more at once,
    /// and all of it would have to be kept.
    pub(super) fn slices(self, blobs: &Blobs) -> Vec<Self> {
        if !blobs.is_near() || self.len() < 2 * SLICE_BYTES {
            return vec![self];
        }
        let mut header = Header::of(blobs, &self.pack);
        let mut slices = Vec::new();
        let mut frames = Vec::new();
        let mut bytes = 0;
        let mut cut = |frames: &mut Vec<FramePlan>| {
            // The first one that lands brings the header for all.
            let header = std::mem::replace(&mut header, Header::Known);
            let (pack, frames) = (Arc::clone(&self.pack), std::mem::take(frames));
            slices.push(Self::new(
                pack,
                frames,
                header,
                self.last,
                blobs.request_bytes(),
            ));
        };
        for frame in self.frames {
            let len = u64::from(frame.stored_len);
            if bytes + len > SLICE_BYTES && !frames.is_empty() {
                cut(&mut frames);
                bytes = 0;
            }
            bytes += len;
            frames.push(frame);
        }
        cut(&mut frames);
        slices
    }

    /// Returns the number of uses.
    fn uses(&self) -> usize {
        self.frames.iter().map(|frame| frame.uses.len()).sum()
    }
}

impl Plan {
    /// Takes out what the next window may want more of: packs of which a part is wanted, each while that part grows, a few of those wanted
    /// last. Returns the uses of them; `carried` remembers how many they were.
    pub(super) fn put_off(&mut self, carried: &mut HashMap<ObjectHash, usize>) -> Vec<Use> {
        let before = std::mem::take(carried);
        let is_growing = |part: &PartPlan| {
            let known = before.get(&part.pack.name).copied().unwrap_or(0);
            part.reads != Reads::Whole && part.uses() > known
        };
        let (mut growing, ready): (Vec<_>, Vec<_>) = std::mem::take(&mut self.parts)
            .into_iter()
            .partition(is_growing);
        self.parts = ready;
        growing.sort_by_key(|part| std::cmp::Reverse(part.last));
        let mut uses = Vec::new();
        for part in growing {
            if carried.len() >= MAX_CARRIED_PACKS || uses.len() + part.uses() > MAX_CARRIED_USES {
                self.parts.push(part);
                continue;
            }
            carried.insert(part.pack.name, part.uses());
            uses.extend(part.frames.into_iter().flat_map(|frame| frame.uses));
        }
        uses
    }
}

/// Plans the fetching of pieces, none of which is zeros. Their blobs are looked up together.
///
/// # Errors
///
/// What the index says that is not the loss of a segment.
pub(super) fn plan(blobs: &Blobs, mut uses: Vec<Use>, vicinity: &mut Vicinity) -> Result<Plan> {
    let mut order: Vec<(Id, u32)> = Vec::with_capacity(uses.len());
    for (number, wanted) in (0_u32..).zip(&uses) {
        if let Some(id) = wanted.blob {
            order.push((id, number));
        }
    }
    order.sort_unstable();
    let same: Vec<&[(Id, u32)]> = order.chunk_by(|a, b| a.0 == b.0).collect();
    let first = |same: &&[(Id, u32)]| Some(same.first()?.0);
    let ids: Vec<Id> = same.iter().filter_map(first).collect();
    let mut packs = PackTable::default();
    // For each use its pack and position.
    let mut places: Vec<Option<(usize, u32)>> = vec![None; uses.len()];
    let mut failures: HashMap<u32, Failure> = HashMap::new();
    blobs.index().locate_sorted(&ids, vicinity, |at, located| {
        let numbers = same.get(at).copied().unwrap_or_default();
        let numbers = numbers.iter().map(|(_, number)| *number);
        match located {
            Ok(locations) => {
                let first = numbers.clone().next().unwrap_or_default();
                let place = packs.choose(locations, first);
                for number in numbers {
                    if let Some(slot) = places.get_mut(number as usize) {
                        *slot = place;
                    }
                }
            }
            Err(error) if is_loss(&error) => {
                failures.extend(numbers.map(|number| (number, Failure::from(&error))));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    let mut lost = Vec::new();
    for (number, (wanted, place)) in (0_u32..).zip(uses.drain(..).zip(places)) {
        match place {
            Some((pack, position)) => packs.add(pack, position, number, wanted),
            None => {
                let failure = failures.remove(&number).unwrap_or_else(unmapped);
                lost.push((wanted, failure));
            }
        }
    }
    Ok(Plan {
        parts: packs.into_parts(blobs),
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
    /// Numbers of the first and the last use.
    first: u32,
    last: u32,
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
                last: first,
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

    fn add(&mut self, pack: usize, position: u32, number: u32, wanted: Use) {
        let Some(pack) = self.packs.get_mut(pack) else {
            return;
        };
        pack.last = pack.last.max(number);
        if let Some(frame) = pack.frames.get_mut(&position) {
            frame.uses.push(wanted);
        }
    }

    fn into_parts(mut self, blobs: &Blobs) -> Vec<PartPlan> {
        self.packs.sort_by_key(|pack| pack.first);
        self.packs
            .into_iter()
            .map(|pack| pack.into_part(blobs))
            .collect()
    }
}

impl PackPlan {
    /// Says what of the pack is read for the wanted frames, and for its header if that is not known.
    fn into_part(self, blobs: &Blobs) -> PartPlan {
        let mut frames: Vec<FramePlan> = self.frames.into_values().collect();
        frames.sort_by_key(|frame| frame.offset);
        for frame in &mut frames {
            frame.uses.sort_by_key(|wanted| wanted.blob);
        }
        let header = Header::of(blobs, &self.info);
        PartPlan::new(self.info, frames, header, self.last, blobs.request_bytes())
    }
}

/// Whether the header of a pack has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Wanted,
    Known,
}

impl Header {
    fn of(blobs: &Blobs, pack: &PackInfo) -> Self {
        match blobs.has_header(pack) {
            true => Self::Known,
            false => Self::Wanted,
        }
    }
}

/// What is read of a near store at once.
const SLICE_BYTES: u64 = 4 << 20;
/// Packs that wait for the next window, and uses of them.
const MAX_CARRIED_PACKS: usize = 8;
const MAX_CARRIED_USES: usize = 8_192;
