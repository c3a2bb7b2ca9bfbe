//! Reading folders.

use strongroom_store::Result;

use super::channel::{Channel, Fault};
use super::failure::{failure, is_missing};
use super::pool::Pool;
use super::read::{Open, look};
use super::wire::{Name, Packet, Reply, code, kind};
use crate::walk::Entry;

/// Returns the files and folders in a folder below the root, which is empty or ends in a slash; none if there is no such folder.
pub(super) async fn read(pool: &Pool, folder: &str) -> Result<Vec<Entry>> {
    let lease = pool.lease().await?;
    let path = pool.path_of(folder.trim_end_matches('/'));
    let names = match read_names(&lease, &path).await {
        Ok(names) => names,
        Err(fault) if is_missing(&fault) => {
            pool.check_root(&lease, "list").await?;
            return Ok(Vec::new());
        }
        Err(fault) => return Err(failure("list", fault)),
    };
    let mut entries = Vec::with_capacity(names.len());
    for name in names {
        let entry = classify(&lease, &path, name).await;
        entries.extend(entry.map_err(|fault| failure("list", fault))?);
    }
    Ok(entries)
}

/// Returns everything in a folder but itself and its parent.
pub(super) async fn read_names(channel: &Channel, path: &str) -> Result<Vec<Name>, Fault> {
    let handle = channel
        .send(Packet::new(kind::OPENDIR).text(path))
        .handle()
        .await?;
    let folder = Open { channel, handle };
    let ask = || channel.send(Packet::new(kind::READDIR).text(&folder.handle));
    let mut names = Vec::new();
    // One question ahead of the answers: servers tell about a hundred names at a time.
    let mut answer = ask();
    loop {
        let next = ask();
        match answer.reply().await {
            Ok(Reply::Names(batch)) => {
                let others = |name: &Name| !matches!(name.name.as_ref(), b"." | b"..");
                names.extend(batch.into_iter().filter(others));
            }
            Ok(_) => return Err(Fault::Garbled(super::wire::Garbled("no names in a folder"))),
            Err(Fault::Status { code, .. }) if code == code::EOF => return Ok(names),
            Err(fault) => return Err(fault),
        }
        answer = next;
    }
}

/// Returns what a name stands for; `None` if it is neither file nor folder, or can be no key.
async fn classify(channel: &Channel, path: &str, name: Name) -> Result<Option<Entry>, Fault> {
    let Ok(text) = std::str::from_utf8(&name.name) else {
        return Ok(None);
    };
    if text.starts_with('.') {
        return Ok(None); // temporary files are not worth a question
    }
    let mut attributes = name.attributes;
    if attributes.permissions.is_none() || attributes.size.is_none() {
        match look(channel, &format!("{path}/{text}")).await? {
            Some(found) => attributes = found,
            None => return Ok(None),
        }
    }
    let name = text.to_owned();
    Ok(
        match (
            attributes.is_folder(),
            attributes.is_file(),
            attributes.size,
        ) {
            (Some(true), ..) => Some(Entry::Folder { name }),
            (_, Some(true), Some(len)) => Some(Entry::File { name, len }),
            _ => None,
        },
    )
}
