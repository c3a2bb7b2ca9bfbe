//! Repositories in several stores at once: what a mirror must know of a repository's objects.
//!
//! A location like `mirror:/disk/backup,/nas/backup` is a mirror ([`store_at`](crate::store_at)); [`mirror_at`](crate::mirror_at) returns
//! it with its status, comparison and repair. Any stores can be mirrored:
//!
//! ```
//! use std::sync::Arc;
//!
//! use strongroom::mirror::{MirrorSettings, Mirrored, RepositoryRules};
//! use strongroom::{MemoryStore, Store};
//!
//! let [here, there]: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
//! let settings = MirrorSettings::default().with_rules(Arc::new(RepositoryRules::new()));
//! let store = Mirrored::new(here, vec![there], settings);
//! ```

mod revoked;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::parity::Parity;
use strongroom_format::{
    Beacon, Config, DecodeError, DecodeErrorKind, Entry, ObjectHash, SealedCheckpoint,
    SignedKeyring, Slot, decode_bundle,
};
use strongroom_store::{
    Capabilities, Error, ErrorKind, GetOptions, Key, ObjectMeta, Prefix, PutOptions, Result, Store,
};

pub use self::revoked::Revoked;
pub use strongroom_store::replica::{
    CompareOptions, Comparison, Count, Difference, DifferenceKind, Differing, Surplus, SyncOptions,
    SyncOrder, SyncPlan, SyncReport, Thoroughness, compare, sync,
};
pub use strongroom_store::wrap::{
    Health, MemberStatus, MirrorSettings, MirrorStatus, Mirrored, NoRules, ObjectRules, RangeReads,
    Wholeness, WritePolicy,
};

/// What a repository's objects prove of themselves, to anybody and without a key (`docs/format.md`, §2): packs and index segments by
/// their names, most others by their seal. And that an entry of the journal means nothing without the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryRules;

impl RepositoryRules {
    /// Returns the rules.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl ObjectRules for RepositoryRules {
    fn can_check(&self, key: &Key) -> bool {
        object_name::parse(key.as_str()).is_some()
    }

    fn check(&self, key: &Key, bytes: &Bytes) -> Wholeness {
        let sealed = |decoded: std::result::Result<(), DecodeError>| match decoded {
            Ok(()) => Wholeness::Plausible,
            Err(error) => match error.kind() {
                DecodeErrorKind::Damaged | DecodeErrorKind::Truncated => Wholeness::Broken,
                // Of another version, or of a writer with ideas of its own.
                _ => Wholeness::Unknown,
            },
        };
        match object_name::parse(key.as_str()) {
            Some(ObjectName::Pack(hash) | ObjectName::Index(hash)) => {
                if ObjectHash::of(bytes) == hash {
                    Wholeness::Proven
                } else {
                    Wholeness::Broken
                }
            }
            Some(ObjectName::Journal(n) | ObjectName::JournalCopy(n)) => match Entry::decode(bytes)
            {
                // Another entry under this number is whole, and not this one.
                Ok(entry) if entry.n != n => Wholeness::Broken,
                decoded => sealed(decoded.map(drop)),
            },
            Some(ObjectName::Config | ObjectName::ConfigCopy) => {
                sealed(Config::decode(bytes).map(drop))
            }
            Some(ObjectName::Keyring(_) | ObjectName::KeyringCopy(_)) => {
                sealed(SignedKeyring::decode(bytes).map(drop))
            }
            Some(ObjectName::Slot(_)) => sealed(Slot::decode(bytes).map(drop)),
            Some(ObjectName::Bundle(_)) => sealed(decode_bundle(bytes).map(drop)),
            Some(ObjectName::Checkpoint(_)) => sealed(SealedCheckpoint::decode(bytes).map(drop)),
            Some(ObjectName::Parity(_)) => sealed(Parity::decode(bytes).map(drop)),
            Some(ObjectName::Session(_)) => sealed(Beacon::decode(bytes).map(drop)),
            _ => Wholeness::Unknown,
        }
    }

    fn predecessor(&self, key: &Key) -> Option<Key> {
        match object_name::parse(key.as_str())? {
            ObjectName::Journal(n) => Key::parse(&object_name::journal(n.checked_sub(1)?)).ok(),
            _ => None,
        }
    }
}

/// Returns the order in which a repository's objects are copied, so that a copy that was interrupted is the repository as it was
/// earlier: what opens it, packs and what is made of them, the index, then the journal entry by entry, then what is made of that.
///
/// Beacons of sessions are left out: they say who is at work, and are nobody's loss.
#[must_use]
pub fn repository_order() -> SyncOrder {
    let names = [object_name::config(), object_name::config_copy()];
    let names = names.iter().filter_map(|name| Key::parse(name).ok());
    let packs = (0..=u8::MAX).map(|first| format!("pack/{first:02x}/"));
    let before = ["slot/", "keyring/"].map(str::to_owned);
    let after = ["index/", "parity/", "journal/", "bundle/", "checkpoint/"].map(str::to_owned);
    let folders = before.into_iter().chain(packs).chain(after);
    let folders = folders.filter_map(|folder| Prefix::parse(&folder).ok());
    let order = names.fold(SyncOrder::new(), SyncOrder::object);
    folders.fold(order, SyncOrder::folder)
}

/// A member of a mirror that could not be opened: every call fails as opening it did.
#[derive(Debug, Clone)]
pub(crate) struct Away {
    name: String,
    error: Arc<Error>,
}

impl Away {
    pub(crate) fn new(name: String, error: Error) -> Self {
        Self {
            name,
            error: Arc::new(error),
        }
    }

    fn error(&self, verb: &'static str) -> Error {
        Error::new(ErrorKind::Unavailable, verb).with_source(Arc::clone(&self.error))
    }
}

#[async_trait]
impl Store for Away {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn put(&self, key: &Key, _data: Bytes, _options: PutOptions) -> Result<()> {
        Err(self.error("put").with_key(key))
    }

    async fn get(&self, key: &Key, _options: GetOptions) -> Result<Bytes> {
        Err(self.error("get").with_key(key))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        Err(self.error("head").with_key(key))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        Err(self.error("delete").with_key(key))
    }

    fn list(&self, _prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter([Err(self.error("list"))]).boxed()
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
