//! Which snapshots are copied, and how.

use std::collections::HashMap;

use strongroom_chunk::ChunkerId;
use strongroom_crypt::Id;
use strongroom_format::Snapshot;

use crate::backup::Chunking;
use crate::error::{Error, ErrorKind, Result};
use crate::list::SnapshotFilter;
use crate::state::State;

/// Options of [`Repository::copy_to`](crate::Repository::copy_to). By default all snapshots are copied.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CopyOptions {
    /// The snapshots, by id. None means those that the filter lets through.
    pub snapshots: Vec<Id>,
    /// Which snapshots, if none are named.
    pub filter: SnapshotFilter,
    /// Of each series and host only so many of the latest.
    pub latest: Option<usize>,
    /// Where chunks end in the target. `None` means where its settings say, but what is cut into fixed blocks here is so there.
    pub chunking: Option<Chunking>,
    /// Copies once more what was copied only in part, because something could not be read.
    pub again_in_part: bool,
}

impl CopyOptions {
    /// Copies these snapshots.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: impl IntoIterator<Item = Id>) -> Self {
        self.snapshots = snapshots.into_iter().collect();
        self
    }

    /// Copies what this lets through.
    #[must_use]
    pub fn with_filter(mut self, filter: SnapshotFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Copies of each series and host only so many of the latest.
    #[must_use]
    pub fn with_latest(mut self, count: usize) -> Self {
        self.latest = Some(count);
        self
    }

    /// Says where chunks end in the target.
    #[must_use]
    pub fn with_chunking(mut self, chunking: Chunking) -> Self {
        self.chunking = Some(chunking);
        self
    }

    /// Copies once more what was copied only in part.
    #[must_use]
    pub fn again_in_part(mut self) -> Self {
        self.again_in_part = true;
        self
    }

    /// Returns what is selected, the oldest first.
    pub(super) fn select(&self, state: &State) -> Result<Vec<(Id, Snapshot)>> {
        let mut selected: Vec<(Id, Snapshot)> = if self.snapshots.is_empty() {
            let all = state.snapshots.values();
            all.filter(|(_, one)| self.filter.matches(one))
                .map(|(id, one)| (*id, Snapshot::clone(one)))
                .collect()
        } else {
            let find = |id: &Id| match state.snapshot(id) {
                Some((_, snapshot)) => Ok((*id, snapshot.clone())),
                None => Err(Error::new(
                    ErrorKind::NotFound,
                    format!("there is no snapshot {id}"),
                )),
            };
            let mut ids = self.snapshots.clone();
            ids.sort_unstable();
            ids.dedup();
            ids.iter().map(find).collect::<Result<_>>()?
        };
        let entry = |id: &Id| state.snapshot(id).map(|(n, _)| n);
        selected.sort_by_key(|(id, snapshot)| (snapshot.began, entry(id)));
        if let Some(latest) = self.latest {
            let mut seen: HashMap<(String, Option<String>), usize> = HashMap::new();
            selected.reverse();
            selected.retain(|(_, one)| {
                let host = one.labels.get("host").map(str::to_owned);
                let count = seen.entry((one.series.clone(), host)).or_default();
                *count += 1;
                *count <= latest
            });
            selected.reverse();
        }
        Ok(selected)
    }

    /// Returns where chunks of this snapshot's content end in the target.
    pub(super) fn chunking_of(&self, snapshot: &Snapshot) -> Result<Chunking> {
        if let Some(chunking) = self.chunking {
            return Ok(chunking);
        }
        if snapshot.chunker.id != u64::from(ChunkerId::FIXED.number()) {
            return Ok(Chunking::Default);
        }
        // Images of disks change in place: other cuts would find nothing again.
        let block = usize::try_from(snapshot.chunker.target).map_err(|_| {
            Error::new(ErrorKind::Invalid, "the blocks of a snapshot are too large")
        })?;
        Ok(Chunking::Fixed(block))
    }
}
