//! Reading, looking at and deleting files.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_RANGE, HeaderMap, RANGE};
use reqwest::{Response, StatusCode, Url};
use strongroom_store::{Error, GetOptions, Key, MAX_OBJECT_BYTES, ObjectMeta, Result};

use super::client::{Client, Depth, Said};
use super::status::garbled;
use crate::address::decode;
use crate::bounds::{check_len, check_range, outside};
use crate::walk::Entry;

/// Returns an object or a part of it.
pub(super) async fn get(client: &Client, key: &Key, options: &GetOptions) -> Result<Bytes> {
    let mut request = client.request("GET", key.as_str())?;
    if let Some(range) = &options.range {
        let len = range.end.saturating_sub(range.start);
        if len == 0 || len > MAX_OBJECT_BYTES as u64 {
            // HTTP cannot ask for nothing, nor for less; and nobody has a buffer for more.
            let object = head(client, key).await;
            let object = object.map_err(|error| retold(error, "get"))?;
            check_range(object.len, options)?;
            return check_len("get", len).map(|()| Bytes::new());
        }
        request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
    }
    let mut response = client.send("get", request, None).await?;
    match (response.status(), &options.range) {
        (StatusCode::OK, None) => client.read("get", response, MAX_OBJECT_BYTES).await,
        (StatusCode::OK, Some(range)) => part_of_all(client, response, range).await,
        (StatusCode::PARTIAL_CONTENT, Some(range)) => part(client, response, range).await,
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(range)) => Err(outside(
            range,
            total(response.headers()).unwrap_or_default(),
        )),
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Err(client.missing("get").await),
        (status, _) if status.is_success() => Err(garbled("get", format!("an answer {status}"))),
        (status, _) => {
            let headers = std::mem::take(response.headers_mut());
            Err(client.refused("get", &Said { status, headers }))
        }
    }
}

/// Returns the same error of another operation.
fn retold(error: Error, operation: &'static str) -> Error {
    let retold = Error::new(error.kind(), operation);
    let retold = match error.cause() {
        Some(cause) => retold.with_cause(cause),
        None => retold,
    };
    retold.with_source(error)
}

/// Reads the part that the server says it sends, if it is the one that was asked for.
async fn part(client: &Client, response: Response, range: &Range<u64>) -> Result<Bytes> {
    let (sent, total) = content_range(response.headers())
        .ok_or_else(|| garbled("get", "a part without a Content-Range"))?;
    if let Some(total) = total
        && range.end > total
    {
        return Err(outside(range, total));
    }
    if sent != *range {
        return Err(garbled("get", "another part than was asked for"));
    }
    let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let data = client.read("get", response, len).await?;
    if data.len() != len {
        return Err(garbled("get", "less than was announced"));
    }
    Ok(data)
}

/// Reads as far as the part goes, from a server that does not know ranges, and returns the part.
async fn part_of_all(client: &Client, mut response: Response, range: &Range<u64>) -> Result<Bytes> {
    let mut data = BytesMut::new();
    let mut offset = 0_u64;
    while offset < range.end {
        let Some(piece) = client.next_piece("get", &mut response).await? else {
            return Err(outside(range, offset));
        };
        let len = piece.len() as u64;
        let at = |position: u64| {
            let within = position.saturating_sub(offset).min(len);
            usize::try_from(within).unwrap_or(usize::MAX)
        };
        data.extend_from_slice(
            piece
                .get(at(range.start)..at(range.end))
                .unwrap_or_default(),
        );
        offset += len;
    }
    Ok(data.freeze())
}

/// Reads `bytes 0-499/1234`: the range that is sent, and the length of the whole if it is known.
fn content_range(headers: &HeaderMap) -> Option<(Range<u64>, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    Some((first..last.checked_add(1)?, total.trim().parse().ok()))
}

/// Reads the length in `bytes */1234`.
fn total(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    text.rsplit_once('/')?.1.trim().parse().ok()
}

/// Returns what is known of an object.
pub(super) async fn head(client: &Client, key: &Key) -> Result<ObjectMeta> {
    match client.look_at("head", key.as_str()).await? {
        Some(found) if !found.is_folder => {
            let len = found
                .len
                .ok_or_else(|| garbled("head", "the server does not tell lengths"))?;
            Ok(ObjectMeta::new(key.clone(), len))
        }
        _ => Err(client.missing("head").await),
    }
}

/// Makes an object absent.
pub(super) async fn delete(client: &Client, key: &Key) -> Result<()> {
    let request = client.request("DELETE", key.as_str())?;
    let said = client.ask("delete", request, None).await?;
    if said.is_success() {
        return Ok(());
    }
    if said.is_missing() {
        return client.check_root("delete").await;
    }
    Err(client.refused("delete", &said))
}

/// Returns the files and folders in a folder below the root, which is empty or ends in a slash; none if there is no such folder.
pub(super) async fn folder(client: &Client, folder: &str) -> Result<Vec<Entry>> {
    let Some((resources, _)) = client.look("list", folder, Depth::Children).await? else {
        client.check_root("list").await?;
        return Ok(Vec::new());
    };
    let url = client.url(folder)?;
    let mut entries = Vec::with_capacity(resources.len());
    for resource in resources {
        if !client.is_there("list", &resource)? {
            continue; // it went while the server looked
        }
        let Some(name) = name_in(&url, &resource.href)? else {
            continue;
        };
        if resource.is_folder {
            entries.push(Entry::Folder { name });
        } else if let Some(len) = resource.len {
            entries.push(Entry::File { name, len });
        } else if Key::parse(&name).is_ok() {
            return Err(garbled("list", "the server does not tell lengths"));
        }
    }
    Ok(entries)
}

/// Returns the name of what a folder's list has an entry for; `None` for the folder itself.
pub(super) fn name_in(folder: &Url, href: &str) -> Result<Option<String>> {
    let strange = || garbled("list", "the list has what is not in the folder");
    let url = folder.join(href).map_err(|_| strange())?;
    let (own, path) = (decode(folder.path())?, decode(url.path())?);
    let name = match path.strip_prefix(own.trim_end_matches('/')) {
        Some("") => return Ok(None),
        Some(rest) => rest.strip_prefix('/').ok_or_else(strange)?,
        None => return Err(strange()),
    };
    let name = name.trim_end_matches('/');
    if name.contains('/') {
        return Err(strange());
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}
