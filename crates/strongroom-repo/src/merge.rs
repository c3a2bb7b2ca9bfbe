//! Merging index segments: many small ones become one, and what maps packs that are gone is left out.

use strongroom_crypt::{Roles, SessionId};
use strongroom_format::{Body, IndexChange, ObjectHash, SegmentRef};

use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::Index;
use crate::pack_writer::put_segment;
use crate::repository::Repository;
use crate::state::State;

/// What merging did.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Segments that are not in force any more.
    pub(crate) segments: u64,
    /// Journal entries written.
    pub(crate) entries: u64,
    /// Bytes of new segments.
    pub(crate) added_bytes: u64,
}

/// Merges what is worth it. What somebody else has merged meanwhile is left to them.
///
/// # Errors
///
/// `Damaged` naming a segment that cannot be read; otherwise what the store said.
pub(crate) fn merge_segments(repository: &Repository, remote: &Remote) -> Result<Merged> {
    let (state, index) = repository.current(remote)?;
    crate::prune::refuse_unreadable(&index)?;
    let mut merged = Merged::default();
    for group in index.to_merge(&state) {
        remote.before_batch()?;
        merge_group(repository, remote, &state, &index, &group, &mut merged)?;
    }
    Ok(merged)
}

fn merge_group(
    repository: &Repository,
    remote: &Remote,
    state: &State,
    index: &Index,
    group: &[ObjectHash],
    merged: &mut Merged,
) -> Result<()> {
    let builder = index.merged(group, state)?;
    let mut added: Vec<SegmentRef> = Vec::new();
    let mut bytes = 0;
    if !builder.is_empty() {
        let nobody = SessionId::from_bytes([0; SessionId::LEN]);
        let (segment, object) = put_segment(remote, repository.context(), nobody, builder)?;
        bytes = object.len() as u64;
        added.push(segment);
    }
    let mut overtaken = false;
    let appended = repository.journal().append(
        remote,
        repository.context(),
        Roles::MAINTAINER,
        &mut |state| {
            // What the new segment leaves out was dropped and stays so. It maps everything else that the old ones map, so it is enough
            // that these are still what maps it.
            overtaken = !group.iter().all(|name| state.segments.contains_key(name))
                || added
                    .iter()
                    .any(|segment| state.dropped.contains_key(&segment.name));
            match overtaken {
                true => Err(Error::new(
                    ErrorKind::Stale,
                    "somebody else has merged these segments",
                )),
                false => Ok(Body::Index(IndexChange {
                    removed: group.to_vec(),
                    added: added.clone(),
                    ..IndexChange::default()
                })),
            }
        },
    );
    match appended {
        Err(_) if overtaken => return Ok(()),
        other => other?,
    };
    merged.segments += group.len() as u64;
    merged.entries += 1;
    merged.added_bytes += bytes;
    Ok(())
}
