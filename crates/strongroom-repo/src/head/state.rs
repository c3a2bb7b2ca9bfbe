//! A state as the local cache has it: sealed, whole or without the packs that are in a file beside it.

use std::path::Path;

use bytes::Bytes;
use strongroom_crypt::Sealer as _;
use strongroom_format::{Checkpoint, ObjectHash};

use crate::context::{Context, encode_error};
use crate::error::{Error, ErrorKind, Head, Result};
use crate::state::{Changes, PackFile, Packs, State};

/// Encodes and seals a state.
///
/// # Errors
///
/// As [`Packs::get`]; `Internal` when it cannot be sealed.
pub(super) fn seal(context: &Context, state: &State) -> Result<Bytes> {
    let beside = state.packs.changes().filter(|one| one.file.is_there());
    let (mark, plain) = match beside {
        None => (Vec::new(), encode(state.to_checkpoint()?)?),
        Some(changes) => {
            let checkpoint = Checkpoint {
                packs: changes.added.values().copied().collect(),
                ..state.to_checkpoint_without_packs()
            };
            let mut plain = encode_changes(&changes);
            plain.append(&mut encode(checkpoint)?);
            (BESIDE.to_vec(), plain)
        }
    };
    let keys = context.keys();
    let sealer = keys.structure.checkpoint();
    let mut sealed = mark;
    let aad = aad(
        context,
        Head::new(state.head, state.head_hash),
        !sealed.is_empty(),
    );
    sealed.reserve_exact(plain.len() + sealer.overhead());
    sealer
        .seal(&aad, &plain, &mut sealed)
        .map_err(|error| Error::new(ErrorKind::Internal, "no state was sealed").caused_by(error))?;
    Ok(sealed.into())
}

/// Opens the state after `head`, whose packs may be in a file in `folder`; `None` if anything is not as it was written.
pub(super) fn open(
    context: &Context,
    sealed: &[u8],
    head: Head,
    known: &State,
    folder: &Path,
) -> Option<State> {
    let keys = context.keys();
    let beside = sealed.strip_prefix(BESIDE.as_slice());
    let aad = aad(context, head, beside.is_some());
    let mut plain = Vec::new();
    let sealer = keys.structure.checkpoint();
    sealer
        .open(&aad, beside.unwrap_or(sealed), &mut plain)
        .ok()?;
    let mut rest = plain.as_slice();
    let place = match beside {
        Some(_) => Some(Place::take(&mut rest)?),
        None => None,
    };
    let checkpoint = Checkpoint::decode(rest).ok()?;
    if checkpoint.genesis != keys.genesis {
        return None;
    }
    let structure = &keys.structure;
    let mut state = State::of_checkpoint(checkpoint, head.n, head.hash, known, structure).ok()?;
    if let Some(place) = place {
        let file = PackFile::open(folder, place.name, place.rows)?;
        let added: Vec<_> = state.packs.iter().collect::<Result<_>>().ok()?;
        state.packs = Packs::in_file(file, added, place.removed);
    }
    Some(state)
}

fn encode(checkpoint: Checkpoint) -> Result<Vec<u8>> {
    checkpoint.encode().map_err(encode_error)
}

fn aad(context: &Context, head: Head, is_beside: bool) -> Vec<u8> {
    let what: &[u8] = match is_beside {
        false => b"local state",
        true => b"local state beside packs",
    };
    let n = head.n.to_le_bytes();
    [
        what,
        context.repository.as_bytes(),
        &n,
        head.hash.as_bytes(),
    ]
    .concat()
}

/// Which file has the packs, and which of these are not in force any more.
struct Place {
    name: ObjectHash,
    rows: usize,
    removed: Vec<ObjectHash>,
}

fn encode_changes(changes: &Changes<'_>) -> Vec<u8> {
    let mut out = changes.file.name().as_bytes().to_vec();
    for count in [changes.file.rows(), changes.removed.len()] {
        out.extend_from_slice(&(count as u64).to_le_bytes());
    }
    for name in changes.removed.keys() {
        out.extend_from_slice(name.as_bytes());
    }
    out
}

impl Place {
    fn take(rest: &mut &[u8]) -> Option<Self> {
        let name = ObjectHash::from_bytes(super::take(rest)?);
        let rows = usize::try_from(u64::from_le_bytes(super::take(rest)?)).ok()?;
        let count = usize::try_from(u64::from_le_bytes(super::take(rest)?)).ok()?;
        let (removed, after) = rest.split_at_checked(count.checked_mul(HASH)?)?;
        *rest = after;
        let (removed, _) = removed.as_chunks();
        let removed: Vec<_> = removed
            .iter()
            .copied()
            .map(ObjectHash::from_bytes)
            .collect();
        Some(Self {
            name,
            rows,
            removed,
        })
    }
}

/// Begins a sealed state beside which there is a file of packs. Others begin with randomness.
const BESIDE: &[u8; 16] = b"packs are beside";
const HASH: usize = 32;
