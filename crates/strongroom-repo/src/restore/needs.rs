//! What a restore will need of the store.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, PackClass};
use strongroom_store::{Key, Warmth};

use crate::error::Result;
use crate::packs::PackInfo;
use crate::restore::plan::PartPlan;
use crate::restore::report::RestoreReport;

/// What restoring a snapshot, or a part of it, will need. Made by [`plan_restore`](crate::Repository::plan_restore).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RestorePlan {
    /// The snapshot.
    pub snapshot: Id,
    /// Packs of content, in the order of their names.
    pub packs: Vec<NeededPack>,
    /// Files and other entries that will be restored.
    pub entries: u64,
    /// Bytes of content that will be written.
    pub content_bytes: u64,
    /// Requests for tree pages and names, as many as planning took.
    pub tree_requests: u64,
    /// Bytes of them.
    pub tree_bytes: u64,
    /// Entries that cannot be restored: something stored is lost.
    pub lost: u64,
}

/// A pack that a restore will need.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeededPack {
    /// Its name in the store.
    pub object: String,
    /// Which kinds of blobs it has.
    pub class: PackClass,
    /// Its length in bytes.
    pub len: u64,
    /// How many bytes of it will be read.
    pub bytes: u64,
    /// In how many requests.
    pub requests: u64,
    /// Whether it can be read now, if somebody was asked. `None` also when the store does not have it.
    pub warmth: Option<Warmth>,
    key: Key,
}

impl NeededPack {
    /// Returns its key in the store.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Says whether it has to be warmed up first, as far as that is known.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        matches!(self.warmth, Some(Warmth::Cold | Warmth::Warming))
    }
}

impl RestorePlan {
    pub(super) fn new(
        snapshot: Id,
        mut packs: Vec<NeededPack>,
        warmth: Vec<Option<Warmth>>,
        (tree_requests, tree_bytes): (u64, u64),
        report: RestoreReport,
    ) -> Self {
        for (pack, warmth) in packs.iter_mut().zip(warmth) {
            pack.warmth = warmth;
        }
        Self {
            snapshot,
            packs,
            entries: report.entries(),
            content_bytes: report.bytes_restored,
            tree_requests,
            tree_bytes,
            lost: report.lost_total,
        }
    }

    /// Returns the bytes that will be read from the store, those of trees among them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tree_bytes + self.packs.iter().map(|pack| pack.bytes).sum::<u64>()
    }

    /// Returns the requests for packs, those of trees among them. Opening the repository and its index is not counted.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.tree_requests + self.packs.iter().map(|pack| pack.requests).sum::<u64>()
    }

    /// Returns the packs that are known to need warming up.
    pub fn cold(&self) -> impl Iterator<Item = &NeededPack> {
        self.packs.iter().filter(|pack| pack.is_cold())
    }

    /// Returns the keys of all packs of content, for [`warm_up`](crate::Repository::warm_up).
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.packs.iter().map(|pack| pack.key.clone()).collect()
    }
}

impl fmt::Display for RestorePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pack in &self.packs {
            let state = match pack.warmth {
                None => "",
                Some(Warmth::Cold) => ", cold",
                Some(Warmth::Warming) => ", warming up",
                Some(_) => ", ready",
            };
            let NeededPack {
                object,
                len,
                bytes,
                requests,
                ..
            } = pack;
            writeln!(
                f,
                "{object}: {bytes} of {len} bytes, requests {requests}{state}"
            )?;
        }
        writeln!(
            f,
            "{} entries, {} bytes of content; {} packs of content, {} to be warmed up",
            self.entries,
            self.content_bytes,
            self.packs.len(),
            self.cold().count()
        )?;
        if self.lost > 0 {
            writeln!(f, "{} entries cannot be restored", self.lost)?;
        }
        write!(
            f,
            "reads {} bytes in {} requests, {} and {} of them for the tree",
            self.bytes(),
            self.requests(),
            self.tree_bytes,
            self.tree_requests
        )
    }
}

/// Remembers what a dry run would fetch. A clone is the same memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs(Arc<Mutex<HashMap<ObjectHash, NeededPack>>>);

impl Needs {
    /// Takes note of what one window would fetch.
    pub(super) fn add(&self, parts: &[PartPlan]) -> Result<()> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in parts {
            let (bytes, requests) = (part.len(), part.reads.requests());
            if let Some(known) = packs.get_mut(&part.pack.name) {
                known.bytes += bytes;
                known.requests += requests;
                continue;
            }
            let PackInfo {
                name, len, class, ..
            } = *part.pack;
            let needed = NeededPack {
                object: part.pack.object(),
                class,
                len: u64::from(len),
                bytes,
                requests,
                warmth: None,
                key: part.pack.key()?,
            };
            packs.insert(name, needed);
        }
        Ok(())
    }

    /// Returns the packs in the order of their names.
    pub(super) fn take(&self) -> Vec<NeededPack> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<NeededPack> = std::mem::take(&mut *packs).into_values().collect();
        all.sort_by(|a, b| a.object.cmp(&b.object));
        all
    }
}
