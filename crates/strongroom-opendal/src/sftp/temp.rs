//! Files on their way to become objects, and what dead writers left of theirs.

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use strongroom_store::{Cause, Error, ErrorKind, Key, Result};

use super::channel::{Answer, Channel, Fault};
use super::failure::{failure, is_missing, is_refused};
use super::folder::read_names;
use super::pool::Pool;
use super::read::{Open, look};
use super::wire::{self, FOLDER_MODE, Packet, Reply, code, kind, open};

/// Where writers work, the same as a directory store's. No key segment starts with a dot.
const FOLDER: &str = ".tmp";

/// Pieces that are sent before the first is acknowledged.
const PIECES_AHEAD: usize = 16;

/// Objects do not change, and a mode that says so stops many an accident.
const FILE_MODE: u32 = 0o400;

/// A leftover is taken for dead when it is this old, in seconds, by the server's own clock: no object takes a day to be sent.
const DEAD_SECONDS: u32 = 24 * 3_600;

/// How many leftovers are removed at once, so that a first `put` does not take minutes.
const SWEPT_MAX: usize = 1_000;

/// A file in the temporary folder: closed when dropped, and removed unless it was renamed.
#[derive(Debug)]
pub(super) struct Temp<'a> {
    pool: &'a Pool,
    file: Open<'a>,
    name: Name<'a>,
}

/// A path that is removed when this is dropped, also while the file is yet to be created there: the server keeps the order.
#[derive(Debug)]
struct Name<'a> {
    channel: &'a Channel,
    path: String,
    moved: bool,
}

impl<'a> Temp<'a> {
    /// Creates an empty file.
    pub(super) async fn create(pool: &'a Pool, channel: &'a Channel, name: &str) -> Result<Self> {
        let mut name = Name {
            channel,
            path: pool.path_of(&format!("{FOLDER}/{name}")),
            moved: false,
        };
        let create = || {
            let flags = open::WRITE | open::CREATE | open::EXCLUSIVE;
            let packet = Packet::new(kind::OPEN).text(&name.path).u32(flags);
            channel.send(packet.permissions(FILE_MODE)).handle()
        };
        let handle = match create().await {
            Err(fault) if is_missing(&fault) => {
                let folder = Packet::new(kind::MKDIR).text(pool.path_of(FOLDER));
                // Another writer may have made it. What else is wrong shows in a moment.
                drop(channel.send(folder.permissions(FOLDER_MODE)));
                create().await
            }
            outcome => outcome,
        };
        let handle = match handle {
            Ok(handle) => handle,
            Err(fault) => {
                name.moved = true; // it never was there
                pool.check_root(channel, "put").await?;
                return Err(failure("put", fault));
            }
        };
        Ok(Self {
            pool,
            file: Open { channel, handle },
            name,
        })
    }

    /// Writes all the bytes and makes them durable, as far as the server can.
    pub(super) async fn fill(&self, data: Bytes) -> Result<()> {
        let step = usize::try_from(self.channel().write_bytes).unwrap_or(usize::MAX);
        let len = data.len();
        let written = stream::iter((0..len).step_by(step.max(1)))
            .map(|start| {
                let piece = data.slice(start..len.min(start.saturating_add(step)));
                let write = Packet::new(kind::WRITE).text(&self.file.handle);
                self.channel()
                    .send(write.u64(start as u64).data(piece))
                    .done()
            })
            .buffered(PIECES_AHEAD)
            .try_collect::<()>();
        let written = match written.await {
            Ok(()) => done(self.send_sync()).await,
            Err(fault) => Err(fault),
        };
        match written {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.not_written(len as u64, fault).await),
        }
    }

    /// Gives the file its name; fails if the name is taken.
    pub(super) async fn link_new(&self, key: &Key) -> Result<()> {
        if !self.channel().extensions.hard_link {
            return Err(cannot_link("the server has no hardlink@openssh.com"));
        }
        let target = self.pool.path(key);
        let link = || {
            Packet::extended("hardlink@openssh.com")
                .text(&self.name.path)
                .text(&target)
        };
        let fault = match self.name_by(&link, key).await {
            Ok(synced) => return named(synced).await,
            Err(fault) => fault,
        };
        let failed = matches!(&fault, Fault::Status { code, .. } if *code == code::FAILURE);
        match self.in_the_way(&target, &fault).await {
            Some(error) => Err(error),
            None if failed => Err(cannot_link("the server's file system has no hard links")),
            None => Err(self.not_named(fault).await),
        }
    }

    /// As [`Self::link_new`], where a file cannot have two names, and for one writer alone.
    pub(super) async fn rename_new(&mut self, key: &Key) -> Result<()> {
        let target = self.pool.path(key);
        // Some servers replace what is there, so they are not left to find out.
        match look(self.channel(), &target).await {
            Ok(Some(found)) => return Err(taken(found)),
            Ok(None) => {}
            Err(fault) => return Err(failure("put", fault)),
        }
        let rename = || {
            Packet::new(kind::RENAME)
                .text(&self.name.path)
                .text(&target)
        };
        match self.name_by(&rename, key).await {
            Ok(synced) => {
                self.name.moved = true;
                named(synced).await
            }
            Err(fault) => match self.in_the_way(&target, &fault).await {
                Some(error) => Err(error),
                None => Err(self.not_named(fault).await),
            },
        }
    }

    /// Gives the file its name, in place of what had it.
    pub(super) async fn replace(&mut self, key: &Key) -> Result<()> {
        if !self.channel().extensions.posix_rename {
            return Err(Error::new(ErrorKind::Unsupported, "put").with_source(
                "the server has no posix-rename@openssh.com, and so cannot replace a file",
            ));
        }
        let target = self.pool.path(key);
        let rename = || {
            let name = "posix-rename@openssh.com";
            Packet::extended(name).text(&self.name.path).text(&target)
        };
        match self.name_by(&rename, key).await {
            Ok(synced) => {
                self.name.moved = true;
                named(synced).await
            }
            Err(fault) => Err(self.not_named(fault).await),
        }
    }

    /// Removes what dead writers left behind. What cannot be judged stays.
    pub(super) async fn sweep(&self) {
        let folder = self.pool.path_of(FOLDER);
        let stat = self
            .channel()
            .send(Packet::new(kind::FSTAT).text(&self.file.handle));
        let (Ok(own), Ok(names)) = (
            stat.attributes().await,
            read_names(self.channel(), &folder).await,
        ) else {
            return;
        };
        let Some(now) = own.modified else {
            return;
        };
        for found in names.into_iter().take(SWEPT_MAX) {
            let age = |modified: u32| now.saturating_sub(modified);
            let dead = found
                .attributes
                .modified
                .is_some_and(|modified| age(modified) >= DEAD_SECONDS);
            if dead && found.attributes.is_file() == Some(true) {
                let mut path = folder.clone().into_bytes();
                path.push(b'/');
                path.extend_from_slice(&found.name);
                drop(self.channel().send(Packet::new(kind::REMOVE).text(path)));
            }
        }
    }

    fn channel(&self) -> &'a Channel {
        self.file.channel
    }

    /// Gives the file a name, making the folders of the name if they are missing, and returns what to wait for until that is durable.
    async fn name_by(
        &self,
        rename: &(dyn Fn() -> Packet + Send + Sync),
        key: &Key,
    ) -> Result<Option<Answer>, Fault> {
        let named = self.channel().send(rename());
        // Asked for together: the server works on one after the other.
        let synced = self.send_sync();
        match named.done().await {
            Ok(()) => return Ok(synced),
            Err(fault) if is_missing(&fault) => {}
            Err(fault) => return Err(fault),
        }
        let key = key.as_str();
        for (end, _) in key.match_indices('/') {
            let folder = self.pool.path_of(key.get(..end).unwrap_or(key));
            let make = Packet::new(kind::MKDIR).text(folder);
            // It may be there. What else is wrong shows when the file gets its name.
            drop(self.channel().send(make.permissions(FOLDER_MODE)));
        }
        let named = self.channel().send(rename());
        let synced = self.send_sync();
        named.done().await?;
        Ok(synced)
    }

    /// Asks to make durable what was written, and the file's name where it has just got one: journals of file systems keep the order.
    fn send_sync(&self) -> Option<Answer> {
        let fsync = self.channel().extensions.fsync;
        let sync = || Packet::extended("fsync@openssh.com").text(&self.file.handle);
        fsync.then(|| self.channel().send(sync()))
    }

    /// Returns the error for what has the name already, if that is why it was refused.
    async fn in_the_way(&self, target: &str, fault: &Fault) -> Option<Error> {
        if !is_refused(fault) || is_missing(fault) {
            return None;
        }
        match look(self.channel(), target).await {
            Ok(found) => found.map(taken),
            Err(fault) => Some(failure("put", fault)),
        }
    }

    async fn not_named(&self, fault: Fault) -> Error {
        if !is_missing(&fault) {
            return failure("put", fault);
        }
        match self.pool.check_root(self.channel(), "put").await {
            Ok(()) => Error::new(ErrorKind::Invalid, "put")
                .with_source("a folder of the key is an object"),
            Err(error) => error,
        }
    }

    /// Returns the error for bytes that were not taken. Servers do not tell a full disk from another failure, so it is looked at.
    async fn not_written(&self, len: u64, fault: Fault) -> Error {
        let failed = matches!(&fault, Fault::Status { code, .. } if *code == code::FAILURE);
        if failed && self.free_bytes().await.is_some_and(|free| free < len) {
            return Error::new(ErrorKind::NoSpace, "put")
                .with_cause(Cause::Full)
                .with_source(fault);
        }
        failure("put", fault)
    }

    async fn free_bytes(&self) -> Option<u64> {
        if !self.channel().extensions.statvfs {
            return None;
        }
        let ask = Packet::extended("statvfs@openssh.com").text(self.pool.root());
        match self.channel().send(ask).reply().await {
            Ok(Reply::Extended(fields)) => wire::parse_free_bytes(fields).ok(),
            _ => None,
        }
    }
}

async fn done(answer: Option<Answer>) -> Result<(), Fault> {
    match answer {
        Some(answer) => answer.done().await,
        None => Ok(()),
    }
}

/// Waits until an object that has its name is durable.
async fn named(synced: Option<Answer>) -> Result<()> {
    done(synced).await.map_err(|fault| failure("put", fault))
}

fn taken(found: wire::Attributes) -> Error {
    if found.is_folder() == Some(true) {
        return Error::new(ErrorKind::Invalid, "put").with_source("the key is a folder of others");
    }
    Error::new(ErrorKind::AlreadyExists, "put")
}

fn cannot_link(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "put").with_source(format!(
        "{why}, so that an object cannot be created by one writer alone; \
         for a single writer, say create=rename in the address"
    ))
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        if !self.moved {
            // What cannot be removed now is swept later, and no list shows it.
            drop(
                self.channel
                    .send(Packet::new(kind::REMOVE).text(&self.path)),
            );
        }
    }
}
