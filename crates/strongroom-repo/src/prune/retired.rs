//! Frames that do not count as stored: those sealed under an epoch that was retired, and packs that are not there.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_format::{FrameKey, ObjectHash, PackClass, PackHeader};

use crate::backup::retired_epochs;
use crate::blobs::Blobs;
use crate::error::Result;
use crate::index::{Index, WeakFrames};
use crate::state::State;

/// Finds them by the headers of packs, which alone say it, and adds the packs that are `missing` as a whole. Where no epoch is retired, which is nearly everywhere, nothing is read.
///
/// # Errors
///
/// `Damaged`, `Incompatible` or `NotFound` naming a pack whose header cannot be read; otherwise what the store said.
pub(super) fn weak_frames(
    index: &Index,
    state: &State,
    blobs: &Blobs,
    missing: &BTreeSet<ObjectHash>,
) -> Result<WeakFrames> {
    let epochs = retired_epochs(state);
    let mut weak = BTreeMap::new();
    if epochs.is_empty() {
        weak.extend(missing.iter().map(|name| (*name, BTreeSet::new())));
        return Ok(weak);
    }
    for pack in index.packs()? {
        let counts = pack.class != PackClass::Pages && !missing.contains(&pack.name);
        if counts && !weak.contains_key(&pack.name) && state.packs.contains(&pack.name)? {
            let frames = frames_under(&*blobs.header(&pack)?, &epochs);
            weak.insert(pack.name, frames);
        }
    }
    weak.retain(|_: &ObjectHash, frames| !frames.is_empty());
    weak.extend(missing.iter().map(|name| (*name, BTreeSet::new())));
    Ok(weak)
}

fn frames_under(header: &PackHeader, epochs: &BTreeSet<u32>) -> BTreeSet<u32> {
    let is_retired = |key: FrameKey| match key {
        FrameKey::Refs => false,
        FrameKey::Session(at) => {
            let session = header.sessions.get(usize::from(at));
            session.is_none_or(|session| epochs.contains(&session.epoch))
        }
    };
    let frames = (0..).zip(&header.frames);
    let retired = frames.filter(|(_, frame)| is_retired(frame.key));
    retired.map(|(position, _)| position).collect()
}
