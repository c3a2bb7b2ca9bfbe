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
use strongroom_store::{Cause, Error, ErrorKind, Key, Result};
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
    make_own(client, &own).await?;
    let mut leftover = Leftover::new(client, &own);
    let upload = client.request("PUT", &format!("{own}{object}"))?;
    let said = client.ask("put", upload, data.clone()).await?;
    if !said.is_success() {
        return Err(not_put(client, key, &said).await);
    }
    let claim = claim_of(key);
    let said = rename(client, &own, &claim).await?;
    if !said.is_success() {
        return lost_claim(client, key, &claim, &said).await;
    }
    // Until it is known what became of the object the claim stays, for others to go on with it.
    leftover.disarm();
    let source = format!("{claim}{object}");
    let mut said = rename(client, &source, key.as_str()).await?;
    if said.is_conflict() && client.look_at("put", &source).await?.is_some() {
        make_folders(client, key.as_str()).await?;
        said = rename(client, &source, key.as_str()).await?;
    }
    let outcome = if said.is_success() {
        Outcome::Created
    } else {
        settle(client, key, data, &source, &said).await?
    };
    drop(Leftover::new(client, &claim));
    Ok(outcome)
}

/// Makes a folder that nobody else has the name of.
async fn make_own(client: &Client, own: &str) -> Result<()> {
    let make = || async {
        let request = client.request("MKCOL", own)?;
        client.ask("put", request, Bytes::new()).await
    };
    let mut said = make().await?;
    if said.is_conflict() {
        client.check_root("put").await?;
        make_folder(client, FOLDER).await?;
        said = make().await?;
    }
    if said.is_success() {
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
    let request = client
        .request("MOVE", from)?
        .header("Destination", client.url(to)?.as_str())
        .header("Overwrite", "F");
    client.ask("put", request, Bytes::new()).await
}

/// Finds out what is in the way of a claim, and goes on with it if it was left.
async fn lost_claim(client: &Client, key: &Key, claim: &str, said: &Said) -> Result<Outcome> {
    if let Some(error) = in_the_way(client, key).await? {
        return Ok(Outcome::Taken(error));
    }
    let Some((resources, _)) = client.look("put", claim, Depth::Children).await? else {
        return match said.status {
            // It was there a moment ago: so does a server say it, and so does a file system.
            StatusCode::PRECONDITION_FAILED | StatusCode::INTERNAL_SERVER_ERROR => {
                Ok(Outcome::Again)
            }
            _ => Err(client.refused("put", said)),
        };
    };
    let url = client.url(claim)?;
    let mut found = false;
    for resource in resources {
        if let Some(name) = name_in(&url, &resource.href)? {
            found = true;
            let source = format!("{claim}{name}");
            let said = rename(client, &source, key.as_str()).await?;
            if said.is_conflict() {
                make_folders(client, key.as_str()).await?;
                rename(client, &source, key.as_str()).await?;
            }
        }
    }
    if !found {
        let request = client.request("DELETE", claim)?;
        client.ask("put", request, Bytes::new()).await?;
    }
    match in_the_way(client, key).await? {
        Some(error) => Ok(Outcome::Taken(error)),
        None => Ok(Outcome::Again),
    }
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
    match read::get(client, key, &Default::default()).await {
        Ok(found) if found == *data => Ok(Outcome::Created),
        Ok(_) => Ok(Outcome::Taken(error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Outcome::Again),
        Err(error) => Err(error),
    }
}

/// A folder that is removed when this is dropped, in the background; a later sweep gets what that misses.
struct Leftover {
    client: Arc<Client>,
    path: Option<String>,
}

impl Leftover {
    fn new(client: &Arc<Client>, path: &str) -> Self {
        Self {
            client: Arc::clone(client),
            path: Some(path.to_owned()),
        }
    }

    fn disarm(&mut self) {
        self.path = None;
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let (Some(path), Ok(runtime)) = (self.path.take(), Handle::try_current()) else {
            return;
        };
        let client = Arc::clone(&self.client);
        drop(runtime.spawn(async move { remove(&client, &path).await }));
    }
}

/// Removes a folder of ours. What cannot be removed now is swept later, and no list shows it.
async fn remove(client: &Client, path: &str) {
    if let Ok(request) = client.request("DELETE", path) {
        drop(client.ask("delete", request, Bytes::new()).await);
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
