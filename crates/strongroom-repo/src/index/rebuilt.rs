//! A segment made of pack headers, in place of one that is lost.

use bytes::Bytes;
use strongroom_crypt::{SessionId, Suite};
use strongroom_format::{
    EpochState, ObjectHash, PackClass, PackHeader, PackRef, PackRow, PackTail, Preamble,
    SegmentBuilder, object_name, open_header,
};

use crate::context::{Context, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::packs::if_whole;
use crate::state::State;

/// Reads the headers of `packs` and maps their blobs in a segment. `None` when there is nothing to map. Which class a pack has, it says itself.
///
/// # Errors
///
/// What the store says when it cannot be reached. A pack that is lost itself is left out.
pub(crate) fn segment<'a>(
    remote: &Remote,
    context: &Context,
    packs: impl Iterator<Item = &'a PackRef>,
) -> Result<Option<Bytes>> {
    let (builder, mapped) = builder(remote, context, packs)?;
    if mapped.is_empty() {
        return Ok(None);
    }
    let keys = context.keys();
    let session = SessionId::from_bytes([0; SessionId::LEN]);
    let random = context.random()?;
    let suite: Suite = context.suite;
    let bytes = builder
        .finish(
            suite,
            context.repository,
            random,
            session,
            keys.structure.index(),
        )
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "no index could be rebuilt").caused_by(error)
        })?;
    Ok(Some(bytes.into()))
}

/// Like [`segment`], not sealed yet, with the packs that it maps.
///
/// # Errors
///
/// As [`segment`].
pub(crate) fn builder<'a>(
    remote: &Remote,
    context: &Context,
    packs: impl Iterator<Item = &'a PackRef>,
) -> Result<(SegmentBuilder, Vec<ObjectHash>)> {
    let mut builder = SegmentBuilder::new();
    let mut mapped = Vec::new();
    for pack in packs {
        match read_header(remote, context, pack) {
            Ok((row, header)) => {
                push(&mut builder, row, &header);
                mapped.push(pack.name);
            }
            Err(error) if is_loss(&error) => {
                tracing::debug!(%error, "a pack that no index maps cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((builder, mapped))
}

/// Reads the header of a pack that was found in the store, and says what the journal would; `None` if its content is under an epoch that is retired.
///
/// # Errors
///
/// `Damaged` when it is none of ours or not whole; otherwise what the store said.
pub(crate) fn pack_found(
    remote: &Remote,
    context: &Context,
    state: &State,
    name: ObjectHash,
    len: u32,
) -> Result<Option<PackRef>> {
    // Which class it has, the header says.
    let class = PackClass::Data;
    let (row, header) = read_header(remote, context, &PackRef { name, len, class })?;
    let is_retired = |epoch: u32| state.epochs.get(&epoch) == Some(&EpochState::Retired);
    if header
        .sessions
        .iter()
        .any(|session| is_retired(session.epoch))
    {
        return Ok(None);
    }
    let class = row.class;
    Ok(Some(PackRef { name, len, class }))
}

/// Maps all blobs that a header says are in its pack.
pub(crate) fn push(builder: &mut SegmentBuilder, row: PackRow, header: &PackHeader) {
    let pack = builder.push_pack(row);
    for (position, frame) in header.frames.iter().enumerate() {
        let number = u32::try_from(position).unwrap_or(u32::MAX);
        let row = builder.push_frame(pack, frame.offset, frame.stored_len, number);
        for blob in header.frame_blobs(position) {
            builder.push_entry(&blob.id, row);
        }
    }
}

/// Reads a pack's header by its own last bytes.
fn read_header(
    remote: &Remote,
    context: &Context,
    pack: &PackRef,
) -> Result<(PackRow, PackHeader)> {
    read_parts(remote, context, pack).map_err(|error| if_whole(remote, &pack.name, error))
}

fn read_parts(remote: &Remote, context: &Context, pack: &PackRef) -> Result<(PackRow, PackHeader)> {
    let object = object_name::pack(&pack.name);
    let key = object_key(&object)?;
    let len = u64::from(pack.len);
    let damaged = || Error::new(ErrorKind::Damaged, "a pack ends too early").object_named(&*object);
    let decode = |error| Error::decode(&*object, error);
    let tail_offset = len.checked_sub(PackTail::LEN as u64).ok_or_else(damaged)?;
    let front = remote.get_later(&key, Some(0..Preamble::LEN as u64));
    let tail = remote.get(&key, Some(tail_offset..len))?;
    let tail = tail.as_ref().first_chunk().ok_or_else(damaged)?;
    let tail = PackTail::decode(tail, len).map_err(decode)?;
    let sealed = remote.get(&key, Some(tail.header_offset..tail_offset))?;
    let preamble = Preamble::decode(&front.wait()?).map_err(decode)?;
    if preamble.repository != context.repository {
        return Err(damaged());
    }
    let keys = context.keys();
    let header = open_header(
        keys.structure.header(),
        &preamble,
        tail.header_offset,
        &sealed,
    )
    .map_err(decode)?;
    let row = PackRow {
        name: ObjectHash::from_bytes(*pack.name.as_bytes()),
        len: pack.len,
        header_offset: u32::try_from(tail.header_offset).map_err(|_| damaged())?,
        header_len: tail.header_len,
        class: PackClass::from_number(u64::from(preamble.flags)).map_err(decode)?,
    };
    Ok((row, header))
}
