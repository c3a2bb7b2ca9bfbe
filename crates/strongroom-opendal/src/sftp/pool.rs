//! A few connections, opened when they are needed.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_store::{Error, ErrorKind, Key, Result};
use tokio::sync::Mutex;

use super::channel::Channel;
use super::failure::{failure, is_missing, no_store};
use super::wire::{FOLDER_MODE, Packet, kind};
use super::{Dial, SftpSettings};

/// Connections to one server, and the folder there that they are for.
///
/// A server works on the requests of a connection one after another: a file being synced holds up all others. So calls at the same
/// time get connections of their own, as long as there are any.
#[derive(Debug)]
pub(super) struct Pool {
    dial: Arc<dyn Dial>,
    root: String,
    make_root: bool,
    slots: Vec<Arc<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    channel: Mutex<Option<Channel>>,
    /// Calls that use it.
    busy: AtomicUsize,
}

/// A connection for as long as a call lasts.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) channel: Channel,
    _busy: Busy,
}

#[derive(Debug)]
struct Busy(Arc<Slot>);

impl Pool {
    pub(super) fn new(dial: Arc<dyn Dial>, root: String, settings: &SftpSettings) -> Self {
        let connections = settings.connections.max(1);
        Self {
            dial,
            root,
            make_root: settings.make_folder,
            slots: (0..connections).map(|_| Arc::default()).collect(),
        }
    }

    /// Returns the connection with the fewest calls, opening it if it is not open.
    pub(super) async fn lease(&self) -> Result<Lease> {
        let least = self
            .slots
            .iter()
            .min_by_key(|slot| slot.busy.load(Ordering::Relaxed));
        let slot = least.ok_or_else(|| Error::new(ErrorKind::Other, "connect"))?;
        slot.busy.fetch_add(1, Ordering::Relaxed);
        let busy = Busy(Arc::clone(slot));
        let mut open = slot.channel.lock().await;
        if let Some(channel) = open.as_ref().filter(|channel| !channel.is_dead()) {
            let channel = channel.clone();
            let _busy = busy;
            return Ok(Lease { channel, _busy });
        }
        let channel = self.dial.dial().await?;
        if self.make_root {
            let make = Packet::new(kind::MKDIR).text(&self.root);
            drop(channel.send(make.permissions(FOLDER_MODE))); // whether it is there shows in a moment
        }
        self.check_root(&channel, "connect").await?;
        *open = Some(channel.clone());
        let _busy = busy;
        Ok(Lease { channel, _busy })
    }

    /// Returns where an object is, or would be.
    pub(super) fn path(&self, key: &Key) -> String {
        self.path_of(key.as_str())
    }

    /// Returns where a path below the root is.
    pub(super) fn path_of(&self, path: &str) -> String {
        format!("{}/{path}", self.root.trim_end_matches('/'))
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Fails unless the root is there: an unmounted disk must not look like an empty store.
    pub(super) async fn check_root(
        &self,
        channel: &Channel,
        operation: &'static str,
    ) -> Result<()> {
        let stat = channel.send(Packet::new(kind::STAT).text(&self.root));
        match stat.attributes().await {
            Ok(attributes) if attributes.is_folder() == Some(false) => {
                Err(no_store(operation, &self.root))
            }
            Ok(_) => Ok(()),
            Err(fault) if is_missing(&fault) => Err(no_store(operation, &self.root)),
            Err(fault) => Err(failure(operation, fault)),
        }
    }

    /// Returns the error for an object that is not there.
    pub(super) async fn missing(&self, channel: &Channel, operation: &'static str) -> Error {
        match self.check_root(channel, operation).await {
            Ok(()) => Error::new(ErrorKind::NotFound, operation),
            Err(error) => error,
        }
    }
}

impl Deref for Lease {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
