//! Reading, looking at and deleting files.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::future::join;
use futures::stream::{self, StreamExt, TryStreamExt};
use strongroom_store::{Error, ErrorKind, GetOptions, Key, ObjectMeta, Result};

use super::channel::{Channel, Fault};
use super::failure::{failure, is_missing, is_refused};
use super::pool::Pool;
use super::wire::{Attributes, Packet, Reply, code, kind, open};
use crate::bounds::{check_len, check_range};

/// Pieces that are asked for before the first has come: with what a server gives at once, enough to fill a fast and long link.
const PIECES_AHEAD: usize = 16;

/// A file or folder that is open on the server; closed when dropped.
#[derive(Debug)]
pub(super) struct Open<'a> {
    pub(super) channel: &'a Channel,
    pub(super) handle: Bytes,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let close = Packet::new(kind::CLOSE).text(&self.handle);
        drop(self.channel.send(close)); // nobody has to wait for it
    }
}

/// Returns an object or a part of it.
pub(super) async fn get(pool: &Pool, key: &Key, options: &GetOptions) -> Result<Bytes> {
    let lease = pool.lease().await?;
    let open_file = Packet::new(kind::OPEN)
        .text(pool.path(key))
        .u32(open::READ)
        .u32(0);
    let handle = match lease.send(open_file).handle().await {
        Ok(handle) => handle,
        Err(fault) if is_missing(&fault) => return Err(pool.missing(&lease, "get").await),
        Err(fault) => return Err(failure("get", fault)),
    };
    let file = Open {
        channel: &lease.channel,
        handle,
    };
    // The first piece is asked for together with the length: for most it is all there is.
    let wanted = options.range.clone().unwrap_or(0..u64::MAX);
    let piece_end = wanted.start.saturating_add(u64::from(lease.read_bytes));
    let first = wanted.start..wanted.end.min(piece_end);
    let stat = lease.send(Packet::new(kind::FSTAT).text(&file.handle));
    let (attributes, first) = join(stat.attributes(), read_piece(&file, first)).await;
    let attributes = attributes.map_err(|fault| failure("get", fault))?;
    if attributes.is_folder() == Some(true) {
        return Err(pool.missing(&lease, "get").await);
    }
    let len = attributes.size.ok_or_else(no_length)?;
    let range = check_range(len, options)?;
    check_len("get", range.end - range.start)?;
    let first = first.map_err(|fault| failure("get", fault))?;
    read_rest(&file, range, first).await
}

fn no_length() -> Error {
    Error::new(ErrorKind::Other, "get").with_source("the server does not tell lengths")
}

/// Reads what comes after the first piece.
async fn read_rest(file: &Open<'_>, range: Range<u64>, first: Bytes) -> Result<Bytes> {
    let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    if first.len() >= len {
        return Ok(first.slice(..len));
    }
    let mut data = BytesMut::with_capacity(len);
    data.extend_from_slice(&first);
    let step = u64::from(file.channel.read_bytes).max(1);
    let mut start = range.start + first.len() as u64;
    let pieces = std::iter::from_fn(|| {
        let piece = start..range.end.min(start.saturating_add(step));
        start = piece.end;
        (piece.start < piece.end).then_some(piece)
    });
    let mut pieces = stream::iter(pieces)
        .map(|piece| read_piece(file, piece))
        .buffered(PIECES_AHEAD);
    while let Some(piece) = pieces
        .try_next()
        .await
        .map_err(|fault| failure("get", fault))?
    {
        data.extend_from_slice(&piece);
    }
    drop(pieces);
    if data.len() != len {
        // Files are replaced and removed as a whole, so this is not one of ours any more.
        return Err(Error::new(ErrorKind::Other, "get").with_source("the file has shrunk"));
    }
    Ok(data.freeze())
}

/// Reads a range, less at the end of the file. A server may give less than it is asked for.
async fn read_piece(file: &Open<'_>, range: Range<u64>) -> Result<Bytes, Fault> {
    let mut data = Bytes::new();
    let mut start = range.start;
    while start < range.end {
        let len = u32::try_from(range.end - start).unwrap_or(u32::MAX);
        let read = Packet::new(kind::READ)
            .text(&file.handle)
            .u64(start)
            .u32(len);
        match file.channel.send(read).reply().await {
            Ok(Reply::Data(piece)) if piece.is_empty() => break,
            Ok(Reply::Data(piece)) if piece.len() as u64 > u64::from(len) => {
                return Err(Fault::Garbled(super::wire::Garbled(
                    "more than was asked for",
                )));
            }
            Ok(Reply::Data(piece)) => {
                start += piece.len() as u64;
                data = join_bytes(data, piece);
            }
            Ok(_) => break,
            Err(Fault::Status { code, .. }) if code == code::EOF => break,
            Err(fault) => return Err(fault),
        }
    }
    Ok(data)
}

fn join_bytes(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    [first, second].concat().into()
}

/// Returns what is known of an object.
pub(super) async fn head(pool: &Pool, key: &Key) -> Result<ObjectMeta> {
    let lease = pool.lease().await?;
    match look(&lease, &pool.path(key)).await {
        Ok(Some(attributes)) if attributes.is_file() != Some(false) => {
            let len = attributes.size.ok_or_else(no_length)?;
            Ok(ObjectMeta::new(key.clone(), len))
        }
        Ok(_) => Err(pool.missing(&lease, "head").await),
        Err(fault) => Err(failure("head", fault)),
    }
}

/// Returns what is at a path; `None` if nothing is.
pub(super) async fn look(channel: &Channel, path: &str) -> Result<Option<Attributes>, Fault> {
    let stat = channel.send(Packet::new(kind::LSTAT).text(path));
    match stat.attributes().await {
        Ok(attributes) => Ok(Some(attributes)),
        Err(fault) if is_missing(&fault) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Makes an object absent.
pub(super) async fn delete(pool: &Pool, key: &Key) -> Result<()> {
    let lease = pool.lease().await?;
    let path = pool.path(key);
    match lease
        .send(Packet::new(kind::REMOVE).text(&path))
        .done()
        .await
    {
        Ok(()) => Ok(()),
        Err(fault) if is_missing(&fault) => pool.check_root(&lease, "delete").await,
        Err(fault) if is_refused(&fault) => match look(&lease, &path).await {
            // A folder is no object.
            Ok(Some(found)) if found.is_folder() == Some(true) => Ok(()),
            _ => Err(failure("delete", fault)),
        },
        Err(fault) => Err(failure("delete", fault)),
    }
}
