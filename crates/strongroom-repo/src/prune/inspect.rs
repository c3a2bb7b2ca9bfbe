//! Looks into the headers of packs with frames of which only a part is needed: what is trapped there, to the byte.

use std::collections::{HashSet, VecDeque};

use strongroom_format::{FrameKey, FrameRecord, PackHeader};

use crate::blobs::{Blobs, HeaderTicket, PAGE};
use crate::error::Result;
use crate::index::Marks;
use crate::keys::Keys;
use crate::packs::PackInfo;
use crate::prune::figures::{Figures, PackFigures, Trapped};
use crate::prune::options::{PruneOptions, Reframe, whole};
use crate::state::State;

/// Which frames may be framed anew, and when that is worth while.
#[derive(Debug)]
pub(crate) struct Reframing<'a> {
    keys: &'a Keys,
    below: f64,
    reframe: Reframe,
    /// There is an epoch that new content may be written under.
    can_seal: bool,
}

impl<'a> Reframing<'a> {
    pub(crate) fn new(keys: &'a Keys, state: &State, options: &PruneOptions) -> Self {
        Self {
            keys,
            can_seal: keys.open_epoch(state).is_ok(),
            below: options.reframe_below(),
            reframe: options.reframe,
        }
    }

    /// Says whether content that nothing needs can be freed from frames at all.
    pub(crate) fn has_content_keys(&self) -> bool {
        self.reframe == Reframe::Auto && self.can_seal
    }

    /// Says whether a frame with so many needed bytes is to be framed anew. Reference lists are sealed under a key that everybody
    /// who prunes has; everything else needs the key of its epoch.
    pub(crate) fn applies(
        &self,
        header: &PackHeader,
        frame: &FrameRecord,
        live_plain: u64,
    ) -> bool {
        let is_worth = (live_plain as f64) < f64::from(frame.plain_len) * self.below;
        is_worth && self.reframe == Reframe::Auto && self.opens(header, frame)
    }

    /// Says whether the keys open a frame and seal another in its place.
    pub(crate) fn opens(&self, header: &PackHeader, frame: &FrameRecord) -> bool {
        let FrameKey::Session(at) = frame.key else {
            return frame.kind == PAGE;
        };
        let record = header.sessions.get(usize::from(at));
        self.has_content_keys()
            && record.is_some_and(|record| self.keys.epoch(record.epoch).is_some())
    }
}

/// Reads the headers of packs with mixed frames, a few at a time, and fills in what is trapped in them.
///
/// # Errors
///
/// `Damaged`, `Incompatible` or `NotFound` naming a pack whose header cannot be read; otherwise what the store said.
pub(crate) fn inspect(
    figures: &mut Figures,
    marks: &Marks,
    blobs: &Blobs,
    reframing: &Reframing<'_>,
) -> Result<()> {
    let mut waiting: VecDeque<(usize, HeaderTicket)> = VecDeque::new();
    let mixed = |pack: &PackFigures| pack.mixed_frames > 0 && !pack.needs_damaged;
    let places = 0..figures.packs.len();
    let mut places = places
        .filter(|at| figures.packs.get(*at).is_some_and(mixed))
        .collect::<VecDeque<_>>();
    loop {
        while waiting.len() < AT_ONCE {
            let Some(at) = places.pop_front() else { break };
            if let Some(info) = figures.packs.get(at).and_then(|pack| pack.info.as_ref()) {
                waiting.push_back((at, blobs.header_later(info)?));
            }
        }
        let Some((at, ticket)) = waiting.pop_front() else {
            return Ok(());
        };
        let Some(pack) = figures.packs.get_mut(at) else {
            continue;
        };
        let Some(info) = pack.info.clone() else {
            continue;
        };
        let header = ticket.wait(blobs, &info)?;
        pack.trapped = trapped(marks, &info, &header, reframing)?;
    }
}

fn trapped(
    marks: &Marks,
    pack: &PackInfo,
    header: &PackHeader,
    reframing: &Reframing<'_>,
) -> Result<Trapped> {
    let mut trapped = Trapped::default();
    for (at, frame) in header.frames.iter().enumerate() {
        let needed = needed_blobs(marks, pack, header, at)?;
        let live: u64 = needed
            .iter()
            .zip(header.frame_blobs(at))
            .filter(|(needed, _)| **needed)
            .map(|(_, blob)| u64::from(blob.len))
            .sum();
        let dead = u64::from(frame.plain_len) - live;
        if !needed.contains(&true) || !needed.contains(&false) {
            continue;
        }
        let stored = share(frame, dead);
        trapped.plain += dead;
        trapped.stored += stored;
        if reframing.applies(header, frame, live) {
            trapped.plain_to_free += dead;
            trapped.stored_to_free += stored;
        }
    }
    Ok(trapped)
}

/// Says of each blob of a frame whether this copy of it is needed.
///
/// # Errors
///
/// `Damaged` naming a segment of which a page cannot be read.
pub(crate) fn needed_blobs(
    marks: &Marks,
    pack: &PackInfo,
    header: &PackHeader,
    frame: usize,
) -> Result<Vec<bool>> {
    let position = u32::try_from(frame).unwrap_or(u32::MAX);
    let mut seen = HashSet::new();
    header
        .frame_blobs(frame)
        .iter()
        // The same blob twice in one frame is needed once.
        .map(|blob| Ok(seen.insert(blob.id) && marks.is_needed(&blob.id, &pack.name, position)?))
        .collect()
}

/// The part of a frame's stored bytes that so many of its plain bytes stand for.
fn share(frame: &FrameRecord, plain: u64) -> u64 {
    let share = plain as f64 / f64::from(frame.plain_len.max(1));
    whole(f64::from(frame.stored_len) * share)
}

/// Headers on their way at once.
const AT_ONCE: usize = 8;
