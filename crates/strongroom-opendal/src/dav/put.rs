//! Storing files under their own names, and making folders.

use bytes::Bytes;
use futures::future::join;
use reqwest::StatusCode;
use reqwest::header::IF_NONE_MATCH;
use strongroom_store::{Error, ErrorKind, Key, Result};

use super::client::{Client, Said};

/// Stores an object in place of what was there.
pub(super) async fn replace(client: &Client, key: &Key, data: Bytes) -> Result<()> {
    // Some servers make all folders of a file: also the store's own, where a disk should be mounted.
    client.check_root("put").await?;
    put(client, key, data, false).await
}

/// Creates an object, for one writer alone.
pub(super) async fn create(client: &Client, key: &Key, data: Bytes) -> Result<()> {
    // Some servers do not know the condition, and replace what is there without a word.
    let (root, found) = join(client.check_root("put"), in_the_way(client, key)).await;
    root?;
    if let Some(error) = found? {
        return Err(error);
    }
    put(client, key, data, true).await
}

async fn put(client: &Client, key: &Key, data: Bytes, new: bool) -> Result<()> {
    let send = || async {
        let mut request = client.request("PUT", key.as_str())?;
        if new {
            request = request.header(IF_NONE_MATCH, "*");
        }
        client.ask("put", request, Some(data.clone())).await
    };
    let mut said = send().await?;
    if said.is_conflict() {
        make_folders(client, key.as_str()).await?;
        said = send().await?;
    }
    if said.is_success() {
        return Ok(());
    }
    if new && said.status == StatusCode::PRECONDITION_FAILED {
        return Err(Error::new(ErrorKind::AlreadyExists, "put"));
    }
    Err(not_put(client, key, &said).await)
}

/// Returns the error for what has a key's name already, if something has.
pub(super) async fn in_the_way(client: &Client, key: &Key) -> Result<Option<Error>> {
    Ok(client.look_at("put", key.as_str()).await?.map(|found| {
        if found.is_folder {
            return Error::new(ErrorKind::Invalid, "put")
                .with_source("the key is a folder of others");
        }
        Error::new(ErrorKind::AlreadyExists, "put")
    }))
}

/// Returns the error for an object that was not stored.
pub(super) async fn not_put(client: &Client, key: &Key, said: &Said) -> Error {
    match said.status {
        StatusCode::CONFLICT | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND => {
            match in_the_way(client, key).await {
                Ok(Some(error)) if error.kind() == ErrorKind::Invalid => error,
                _ => client.refused("put", said),
            }
        }
        _ => client.refused("put", said),
    }
}

/// Makes the folders that a path goes through.
pub(super) async fn make_folders(client: &Client, path: &str) -> Result<()> {
    client.check_root("put").await?;
    for (end, _) in path.match_indices('/') {
        make_folder(client, path.get(..=end).unwrap_or(path)).await?;
    }
    Ok(())
}

/// Makes a folder that may be there; its path ends in a slash.
pub(super) async fn make_folder(client: &Client, path: &str) -> Result<()> {
    let request = client.request("MKCOL", path)?;
    let said = client.ask("put", request, None).await?;
    if said.is_success() {
        return Ok(());
    }
    // Servers say in many ways that somebody has just made it, and that something else has the name.
    match client.look_at("put", path).await? {
        Some(found) if found.is_folder => Ok(()),
        Some(_) => {
            Err(Error::new(ErrorKind::Invalid, "put")
                .with_source("a folder of the key is an object"))
        }
        None => Err(client.refused("put", &said)),
    }
}
