//! The names of what is lost.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::limits::MAX_DIRECTORY_DEPTH;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{NodeKind, Ref, RefKind, Snapshot};

use super::leaves::{Part, each_leaf, refs_of};
use super::live::Live;
use super::look::Look;
use super::losses::{LossKind, Losses, SnapshotLosses};
use crate::blobs::Blobs;
use crate::error::{ErrorKind, Result};

/// Names everything that is lost.
///
/// # Errors
///
/// What the store says when it cannot be reached.
pub(super) fn losses(look: &Look<'_>, live: &Live<'_>, objects: Vec<ObjectName>) -> Result<Losses> {
    let state = &look.state;
    let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
    for (n, (_, snapshot)) in &state.snapshots {
        newest.insert(&snapshot.series, *n);
    }
    let mut snapshots = Vec::new();
    for n in &live.affected {
        let Some((id, snapshot)) = state.snapshots.get(n) else {
            continue;
        };
        let mut found = losses_of(look, &Damage::of(live), id, snapshot)?;
        found.is_newest = newest.get(snapshot.series.as_str()) == Some(n);
        snapshots.push(found);
    }
    Ok(Losses {
        objects,
        blobs: live.lost.len() as u64,
        pages: live.lost_pages.len() as u64,
        snapshots,
    })
}

/// Names what one snapshot has lost.
///
/// # Errors
///
/// What the store says when it cannot be reached.
pub(super) fn losses_of(
    look: &Look<'_>,
    damage: &Damage<'_>,
    id: &Id,
    snapshot: &Arc<Snapshot>,
) -> Result<SnapshotLosses> {
    let mut found = SnapshotLosses {
        id: *id,
        series: snapshot.series.clone(),
        began: snapshot.began,
        is_newest: false,
        files: 0,
        entries: 0,
        pages: 0,
        paths: Vec::new(),
    };
    match name(&look.blobs, &snapshot.root, damage, &mut found) {
        // Without the keys to names, what is lost has none.
        Err(error) if error.kind() == ErrorKind::WrongKey => {}
        other => other?,
    }
    Ok(found)
}

/// What is lost, and the pages above it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Damage<'a> {
    lost: &'a HashSet<Id>,
    dirty: &'a HashSet<Id>,
}

impl<'a> Damage<'a> {
    pub(crate) fn of(live: &'a Live<'_>) -> Self {
        Self {
            lost: &live.lost,
            dirty: &live.dirty,
        }
    }

    /// Says whether something at or below what is referred to is lost.
    pub(crate) fn touches(&self, reference: &Ref) -> bool {
        match reference.kind {
            RefKind::Page => self.dirty.contains(&reference.id),
            RefKind::Zeros => false,
            RefKind::Data | RefKind::Names => self.lost.contains(&reference.id),
        }
    }
}

/// Goes down the directories in which something is lost, and names it.
fn name(blobs: &Blobs, root: &Id, damage: &Damage<'_>, found: &mut SnapshotLosses) -> Result<()> {
    let mut to_visit = vec![(Vec::new(), *root, 0)];
    while let Some((path, page, depth)) = to_visit.pop() {
        let mut below = Vec::new();
        each_leaf(blobs, &page, &mut |part| {
            let (leaf, refs) = match part {
                Part::Leaf(leaf, refs) => (leaf, refs),
                Part::Lost(count) => {
                    found.note(&path, LossKind::Entries(count));
                    return Ok(());
                }
            };
            for node in &leaf.entries {
                let own = refs_of(node, &refs);
                if !own.iter().any(|reference| damage.touches(reference)) {
                    continue;
                }
                let full = join(&path, &node.name);
                match (node.kind, own.first()) {
                    (NodeKind::Directory, Some(first)) if depth < MAX_DIRECTORY_DEPTH => {
                        below.push((full, first.id, depth + 1));
                    }
                    (NodeKind::Directory, _) => found.note(&full, LossKind::Entries(None)),
                    _ => found.note(&full, LossKind::Content),
                }
            }
            Ok(())
        })?;
        to_visit.extend(below.into_iter().rev());
    }
    Ok(())
}

/// Returns the path of an entry of a directory.
pub(crate) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path, if path.is_empty() { b"" } else { b"/" }, name].concat()
}
