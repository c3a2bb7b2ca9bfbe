//! What a check of the content is of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, PackClass, PackRef, SegmentRef, Snapshot};

use crate::audited::Audited;
use crate::epochs::Epochs;
use crate::journal::State;
use crate::pack::Keyset;
use crate::{CheckOptions, Level, SnapshotSelection};

/// What a check of the content is of; owned, because threads of its own work on it.
pub(crate) struct Input {
    pub(crate) keys: Option<Arc<Keyset>>,
    pub(super) packs: Vec<(PackRef, bool)>,
    /// Packs and segments in force that the listing does not have: that was said.
    pub(crate) unlisted: BTreeSet<ObjectHash>,
    pub(super) damaged: BTreeMap<ObjectHash, BTreeSet<u32>>,
    pub(crate) segments: Vec<SegmentRef>,
    pub(crate) dropped: BTreeSet<ObjectHash>,
    /// Epochs that the journal names.
    pub(super) epochs: BTreeSet<u32>,
    pub(super) closed_epochs: Epochs,
    pub(crate) snapshots: Vec<(Id, Snapshot)>,
    pub(super) level: Level,
    pub(super) threads: usize,
    pub(super) memory_bytes: u64,
}

impl Input {
    pub(super) fn new(
        audited: &Audited,
        chosen: &BTreeSet<ObjectHash>,
        options: &CheckOptions,
        threads: usize,
    ) -> Self {
        let keys = audited
            .keys
            .as_ref()
            .map(|keys| Arc::new(Keyset::new(keys)));
        let mut input = Self {
            keys,
            packs: Vec::new(),
            unlisted: BTreeSet::new(),
            damaged: BTreeMap::new(),
            segments: Vec::new(),
            dropped: BTreeSet::new(),
            epochs: BTreeSet::new(),
            closed_epochs: Epochs::default(),
            snapshots: Vec::new(),
            level: options.level,
            threads: threads.max(1),
            memory_bytes: options.memory_bytes,
        };
        if let Some(state) = &audited.state {
            input.take_state(state, chosen, options);
            let packs = state
                .packs
                .keys()
                .map(|hash| (*hash, ObjectName::Pack(*hash)));
            let segments = state.segments.keys();
            let segments = segments.map(|hash| (*hash, ObjectName::Index(*hash)));
            input.unlisted = packs
                .chain(segments)
                .filter(|(_, object)| !audited.listing.contains_key(object))
                .map(|(hash, _)| hash)
                .collect();
        }
        input
    }

    fn take_state(&mut self, state: &State, chosen: &BTreeSet<ObjectHash>, options: &CheckOptions) {
        self.packs = state
            .packs
            .iter()
            .map(|(name, pack)| {
                let (len, class) = (pack.len, pack.class);
                let whole = chosen.contains(name) || class != PackClass::Data;
                (
                    PackRef {
                        name: *name,
                        len,
                        class,
                    },
                    whole,
                )
            })
            .collect();
        self.damaged.clone_from(&state.damaged);
        self.segments = state
            .segments
            .iter()
            .map(|(name, segment)| SegmentRef {
                name: *name,
                len: segment.len,
                entries: segment.entries,
            })
            .collect();
        self.dropped.clone_from(&state.dropped);
        self.epochs = state.epochs.keys().copied().collect();
        self.closed_epochs = Epochs::of(state);
        self.snapshots = selected(state, &options.snapshots);
    }
}

/// Returns the snapshots that are selected, in the order in which they were committed.
fn selected(state: &State, selection: &SnapshotSelection) -> Vec<(Id, Snapshot)> {
    let mut all: Vec<(u64, Id, &Snapshot)> = state
        .snapshots
        .iter()
        .map(|(id, in_force)| (in_force.n, *id, &in_force.snapshot))
        .collect();
    all.sort_unstable_by_key(|(n, id, _)| (*n, *id));
    match selection {
        SnapshotSelection::All => {}
        SnapshotSelection::Ids(ids) => all.retain(|(_, id, _)| ids.contains(id)),
        SnapshotSelection::Newest(count) => {
            let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
            all.reverse();
            all.retain(|(.., snapshot)| {
                let taken = taken.entry(&snapshot.series).or_default();
                *taken += 1;
                *taken <= *count
            });
            all.reverse();
        }
    }
    let owned = |(_, id, snapshot): (u64, Id, &Snapshot)| (id, snapshot.clone());
    all.into_iter().map(owned).collect()
}
