//! Creating an object that one creator alone creates, on servers that cannot be asked for that.
//!
//! Conditions of WebDAV are looked at before a request is worked on, so that of several creators who race more than one is let
//! through: of twelve, Apache lets some through in two races of three by `If-None-Match: *`, and in one of three by
//! `Overwrite: F`. What file systems do not let two do is to rename a folder to a name that a folder *with something in it* has.
//!
//! So a creator makes a folder of its own, uploads the object into it, and renames the folder to the name that the key has among
//! such folders: the **claim**. Then it renames the object out of the claim to its own name, and removes the claim.
//!
//! * Two claims of one key cannot be there at once, and an object can be renamed out of its claim only as long as that is there. Once one
//!   was, the key exists before another claim can be made, and the server refuses what comes later. So one creator wins, and no
//!   clock has a say in it.
//! * Whoever finds a claim that is not his own, of a key that does not exist, renames the object out of it himself: that a creator
//!   died half-way blocks nobody. An object has its creator's name in its claim, so nobody takes another's for his own.
//! * An empty claim was left behind and is removed. If that hits a claim made in the same moment, its creator notices: the object is gone
//!   from it, and he starts again.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::StatusCode;
use strongroom_store::{Cause, Error, ErrorKind, GetOptions, Key, Result};
use tokio::runtime::Handle;

use super::client::{Client, Depth, Said};
use super::multistatus::parse_date;
use super::put::{in_the_way, make_folder, make_folders, not_put};
use super::read::{self, name_in};
use crate::random::Names;

/// Where writers work. No key segment starts with a dot.
const FOLDER: &str = ".tmp/";

/// How often a creator starts again because others were at work on the same key.
const ATTEMPTS: usize = 8;

/// A leftover is taken for dead when it is this old, in seconds, by the server's own clock: no object takes a day to be sent.
const DEAD_SECONDS: i64 = 24 * 3_600;

/// How many leftovers are removed at once, so that a first `put` does not take minutes.
const SWEPT_MAX: usize = 100;

/// What came of an attempt.
enum Outcome {
    Created,
    /// Somebody else did, or something else has the name.
    Taken(Error),
    /// Others were in the way, and no longer are.
    Again,
}

/// Creates an object.
pub(super) async fn create(
    client: &Arc<Client>,
    key: &Key,
    data: Bytes,
    names: &Names,
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        match attempt(client, key, &data, &names.next()).await? {
            Outcome::Created => return Ok(()),
            Outcome::Taken(error) => return Err(error),
            Outcome::Again => {}
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "put")
        .with_cause(Cause::Throttled)
        .with_source("others create the same object at the same time, again and again"))
}

async fn attempt(client: &Arc<Client>, key: &Key, data: &Bytes, name: &str) -> Result<Outcome> {
    let (own, object) = (format!("{FOLDER}put-{name}/"), format!("object-{name}"));
    let mut leftover = Leftover::new(client, &own);
    make_own(client, &own).await?;
    let upload = client.request("PUT", &format!("{own}{object}"))?;
    let said = client.ask("put", upload, Some(data.clone())).await?;
    if !said.is_success() {
        return Err(not_put(client, key, &said).await);
    }
    let claim = claim_of(key);
    let said = rename(client, &own, &claim).await?;
    if !said.is_success()
        && let Some(outcome) = lost_claim(client, key, &claim, &object, &said).await?
    {
        return Ok(outcome);
    }
    leftover.path.clone_from(&claim);
    let source = format!("{claim}{object}");
    let said = publish(client, &source, key).await?;
    if said.is_success() {
        return Ok(Outcome::Created);
    }
    settle(client, key, data, &source, &said).await
}

/// Renames an object out of its claim, and makes the folders of its name where they are missing.
async fn publish(client: &Client, source: &str, key: &Key) -> Result<Said> {
    let said = rename(client, source, key.as_str()).await?;
    // That a folder is missing is a 409 by the standard; Apache has a 500 for it.
    let odd = !said.is_success() && said.status != StatusCode::PRECONDITION_FAILED;
    if odd && client.look_at("put", source).await?.is_some() {
        make_folders(client, key.as_str()).await?;
        return rename(client, source, key.as_str()).await;
    }
    Ok(said)
}

/// Makes a folder that nobody else has the name of.
async fn make_own(client: &Client, own: &str) -> Result<()> {
    let make = || async {
        let request = client.request("MKCOL", own)?;
        client.ask("put", request, None).await
    };
    let mut said = make().await?;
    if said.is_conflict() {
        client.check_root("put").await?;
        make_folder(client, FOLDER).await?;
        said = make().await?;
    }
    // Nobody else makes it, so if it is there all the same then that was an answer that got lost.
    if said.is_success() || client.look_at("put", own).await?.is_some() {
        Ok(())
    } else {
        Err(client.refused("put", &said))
    }
}

/// Returns the one folder that is the claim of a key.
fn claim_of(key: &Key) -> String {
    format!("{FOLDER}key-{}/", key.as_str().replace('/', "~"))
}

/// Renames a file or, with slashes at their ends, a folder, to a name that must be free.
async fn rename(client: &Client, from: &str, to: &str) -> Result<Said> {
    let other_scheme = client.has_other_scheme();
    let said = rename_as(client, from, to, other_scheme).await?;
    if said.status == StatusCode::BAD_GATEWAY && !other_scheme {
        let said = rename_as(client, from, to, true).await?;
        if said.is_success() {
            client.learn_other_scheme();
        }
        return Ok(said);
    }
    Ok(said)
}

async fn rename_as(client: &Client, from: &str, to: &str, other_scheme: bool) -> Result<Said> {
    let request = client
        .request("MOVE", from)?
        .header("Destination", client.destination(to, other_scheme)?)
        .header("Overwrite", "F");
    client.ask("put", request, None).await
}

/// Finds out what is in the way of a claim, and goes on with it if it was left. `None` if the claim is our own after all.
async fn lost_claim(
    client: &Client,
    key: &Key,
    claim: &str,
    object: &str,
    said: &Said,
) -> Result<Option<Outcome>> {
    let found = match client.look("put", claim, Depth::Children).await {
        // nginx has a 500 for a folder that goes while it is read.
        Err(error) if error.is_retryable() => None,
        outcome => outcome?,
    };
    let Some((resources, _)) = found else {
        return match (in_the_way(client, key).await?, said.status.as_u16()) {
            (Some(error), _) => Ok(Some(Outcome::Taken(error))),
            // It was there a moment ago: the first are how servers say it, the last how a file system does.
            (_, 405 | 412 | 500) => Ok(Some(Outcome::Again)),
            _ => Err(client.refused("put", said)),
        };
    };
    let url = client.url(claim)?;
    let mut names = Vec::new();
    for resource in &resources {
        if client.is_there("put", resource)? {
            names.extend(name_in(&url, &resource.href)?);
        }
    }
    if names.iter().any(|name| name == object) {
        return Ok(None);
    }
    if let Some(error) = in_the_way(client, key).await? {
        return Ok(Some(Outcome::Taken(error)));
    }
    for name in &names {
        publish(client, &format!("{claim}{name}"), key).await?;
    }
    if names.is_empty() {
        let request = client.request("DELETE", claim)?;
        client.ask("put", request, None).await?;
    }
    Ok(Some(match in_the_way(client, key).await? {
        Some(error) => Outcome::Taken(error),
        None => Outcome::Again,
    }))
}

/// Finds out what became of an object that could not be renamed out of its claim.
async fn settle(
    client: &Client,
    key: &Key,
    data: &Bytes,
    source: &str,
    said: &Said,
) -> Result<Outcome> {
    let in_the_way = in_the_way(client, key).await?;
    if client.look_at("put", source).await?.is_some() {
        return match in_the_way {
            Some(error) => Ok(Outcome::Taken(error)),
            None => Err(not_put(client, key, said).await),
        };
    }
    // Somebody went on with it for us, or removed the claim before it had anything in it.
    let Some(error) = in_the_way else {
        return Ok(Outcome::Again);
    };
    match read::get(client, key, &GetOptions::default()).await {
        Ok(found) if found == *data => Ok(Outcome::Created),
        Ok(_) => Ok(Outcome::Taken(error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Outcome::Again),
        Err(error) => Err(error),
    }
}

/// A folder that is removed when this is dropped, in the background; a later sweep gets what that misses.
struct Leftover {
    client: Arc<Client>,
    path: String,
}

impl Leftover {
    fn new(client: &Arc<Client>, path: &str) -> Self {
        let (client, path) = (Arc::clone(client), path.to_owned());
        Self { client, path }
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            let (client, path) = (Arc::clone(&self.client), std::mem::take(&mut self.path));
            drop(runtime.spawn(async move { remove(&client, &path).await }));
        }
    }
}

/// Removes a folder of ours. What cannot be removed now is swept later, and no list shows it.
async fn remove(client: &Client, path: &str) {
    if let Ok(request) = client.request("DELETE", path) {
        drop(client.ask("delete", request, None).await);
    }
}

/// Removes what dead writers left behind. What cannot be judged stays.
pub(super) async fn sweep(client: &Client) {
    let Ok(Some((resources, Some(now)))) = client.look("put", FOLDER, Depth::Children).await else {
        return;
    };
    let Ok(url) = client.url(FOLDER) else {
        return;
    };
    let dead = resources.into_iter().filter_map(|resource| {
        let modified = parse_date(resource.modified.as_deref()?)?;
        let name = name_in(&url, &resource.href).ok()??;
        let slash = if resource.is_folder { "/" } else { "" };
        let old = now.saturating_sub(modified) >= DEAD_SECONDS;
        old.then(|| format!("{FOLDER}{name}{slash}"))
    });
    let dead: Vec<_> = dead.take(SWEPT_MAX).collect();
    for path in dead {
        remove(client, &path).await;
    }
}
