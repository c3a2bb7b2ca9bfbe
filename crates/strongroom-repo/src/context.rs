//! What every operation on an open repository needs.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use strongroom_crypt::{RepositoryId, Suite, VerifyingKey};
use strongroom_format::{Config, EncodeError, EncodeErrorKind, Entry, ObjectHash};
use strongroom_store::{Key, Store};

use crate::edge::{Access, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::View;
use crate::keys::Keys;
use crate::memory::Shares;
use crate::settings::{Components, Settings};
use crate::state::{Features, State};

/// What every operation on an open repository needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Access,
    /// With as many threads and as large packs as the budget of memory allows.
    pub(crate) settings: Settings,
    /// What the parts of operations may have.
    pub(crate) shares: Shares,
    pub(crate) components: Components,
    pub(crate) suite: Suite,
    pub(crate) repository: RepositoryId,
    /// Hash of the whole config object; what Genesis follows.
    pub(crate) config_hash: ObjectHash,
    /// Features that config names.
    pub(crate) features: Features,
    /// When config was written.
    created: i64,
    keys: RwLock<Arc<Keys>>,
    /// In single-writer mode, the only writer as whom this client writes. It stays when another one takes over.
    writer: RwLock<Option<VerifyingKey>>,
}

impl Context {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        mut settings: Settings,
        components: Components,
        config: (ObjectHash, &Config),
        keys: Keys,
    ) -> Self {
        let (config_hash, config) = config;
        let keys = RwLock::new(Arc::new(keys));
        let shares = Shares::of(&settings);
        (settings.threads, settings.pack_bytes) = (shares.threads, shares.pack_bytes);
        let store = Access::of(store, &components)
            .locking(&settings, &components)
            .with_cold_content(settings.cold_content)
            .with_puts(shares.puts);
        Self {
            store,
            settings,
            shares,
            components,
            suite: config.suite,
            repository: config.repository,
            config_hash,
            features: crate::features::of_config(config),
            created: config.created.seconds,
            keys,
            writer: RwLock::default(),
        }
    }

    /// Returns the only writer as whom this client writes, in single-writer mode.
    pub(crate) fn writer(&self) -> Option<VerifyingKey> {
        *self.writer.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_writer(&self, writer: Option<VerifyingKey>) {
        *self.writer.write().unwrap_or_else(PoisonError::into_inner) = writer;
    }

    /// Returns the keys in force. They change when slots do: ask again for every piece of work.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn replace_keys(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Returns when config was written, in seconds.
    pub(crate) fn created(&self) -> i64 {
        self.created
    }

    /// Takes note of a view that was just read: a cache has the last entries, and not when the state's were written.
    pub(crate) fn learn_of(&self, view: &View) {
        let Some(locker) = self.store.locker() else {
            return;
        };
        let last = view.recent.last().map(|bytes| Entry::decode(bytes));
        let written = match last {
            Some(Ok(last)) => last.open(self.keys().structure.journal()).ok(),
            _ => None,
        };
        let newest = written.map_or(self.created, |payload| payload.time.seconds);
        locker.learn(newest.max(self.created), &view.state);
    }

    /// Takes note of a state that was just read.
    pub(crate) fn learn(&self, state: &State) {
        self.store.set_one_writer(state.only_writer.is_some());
        if let Some(locker) = self.store.locker() {
            locker.learn(self.created, state);
        }
    }

    /// Returns `N` fresh random bytes.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        random(&self.components)
    }
}

/// Returns `N` fresh random bytes.
pub(crate) fn random<const N: usize>(components: &Components) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    components.random.fill(&mut bytes).map_err(crypt_error)?;
    Ok(bytes)
}

/// Makes the engine's error of one of cryptography.
pub(crate) fn crypt_error(error: strongroom_crypt::Error) -> Error {
    use strongroom_crypt::ErrorKind as Crypt;
    let (kind, what) = match error.kind() {
        Crypt::WrongKey => (ErrorKind::WrongKey, "a key does not open what it should"),
        Crypt::Incompatible => (ErrorKind::Incompatible, "a key is of a later version"),
        Crypt::Params | Crypt::Malformed => {
            (ErrorKind::Invalid, "a key or its cost is out of bounds")
        }
        Crypt::External => (ErrorKind::Unavailable, "the key service failed"),
        _ => (
            ErrorKind::Internal,
            "no memory or no random bytes for cryptography",
        ),
    };
    Error::new(kind, what).caused_by(error)
}

/// Makes the engine's error of a value that has no encoding.
pub(crate) fn encode_error(error: EncodeError) -> Error {
    let (kind, what) = match error.kind() {
        EncodeErrorKind::Seal => (ErrorKind::Internal, "an object could not be sealed"),
        EncodeErrorKind::TooLarge => (
            ErrorKind::Invalid,
            "an object would be larger than the format permits",
        ),
        _ => (
            ErrorKind::Invalid,
            "a value has no representation in the format",
        ),
    };
    Error::new(kind, what).caused_by(error)
}

/// Makes the key of a name that the format gives.
pub(crate) fn object_key(name: &str) -> Result<Key> {
    Key::parse(name).map_err(|error| {
        Error::new(ErrorKind::Internal, "a name that no store takes")
            .object_named(name)
            .caused_by(error)
    })
}

/// Reads a whole object, `None` if there is none.
pub(crate) fn get_if_there(remote: &Remote, name: &str) -> Result<Option<Bytes>> {
    absent_is_none(remote.get(&object_key(name)?, None))
}

/// Says whether an object is there.
pub(crate) fn is_there(remote: &Remote, name: &str) -> Result<bool> {
    absent_is_none(remote.head(&object_key(name)?)).map(|meta| meta.is_some())
}

/// Makes of an error that says *not found* the value that says so.
pub(crate) fn absent_is_none<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts an object whose bytes nobody else can have made, so that a lost acknowledgement is recognised by
/// reading it back.
///
/// # Errors
///
/// `AlreadyExists` when something else has the name; otherwise what the store said.
pub(crate) fn put_own(remote: &Remote, name: &str, bytes: &Bytes) -> Result<()> {
    let key = object_key(name)?;
    let Err(failure) = remote.put(&key, bytes.clone()) else {
        return Ok(());
    };
    if failure.kind() == ErrorKind::Cancelled {
        return Err(failure);
    }
    match remote.get(&key, None) {
        Ok(found) if found == *bytes => Ok(()),
        Ok(_) => Err(
            Error::new(ErrorKind::AlreadyExists, "another object has the name")
                .object_named(name)
                .caused_by(failure),
        ),
        Err(_) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
    use strongroom_store::{ErrorKind as StoreKind, MemoryStore, StoreExt as _};

    use super::*;
    use crate::edge;
    use crate::settings::Execution;

    fn put_with(fault: Fault) -> Result<()> {
        let rule = Rule::new(fault)
            .with_operation(Operation::Put)
            .with_when(When::Nth(1));
        let store = Arc::new(Faulty::new(
            MemoryStore::new(),
            FaultPlan::new().with_rule(rule),
        ));
        let access = Access::new(store, Execution::Threads);
        futures::executor::block_on(edge::run(access, "test", |remote| {
            put_own(remote, "config", &Bytes::from_static(b"mine"))
        }))
    }

    #[test]
    fn a_lost_acknowledgement_is_recognised() {
        put_with(Fault::FailAfter(StoreKind::Unavailable)).unwrap();
    }

    #[test]
    fn a_put_that_did_not_happen_says_why() {
        let error = put_with(Fault::FailBefore(StoreKind::NoSpace)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSpace);
    }

    #[test]
    fn what_somebody_else_put_is_not_ours() {
        let store = Arc::new(MemoryStore::new());
        let key = object_key("config").unwrap();
        futures::executor::block_on(store.put_new(&key, "theirs".into())).unwrap();
        let access = Access::new(store, Execution::Threads);
        let error = futures::executor::block_on(edge::run(access, "test", |remote| {
            put_own(remote, "config", &Bytes::from_static(b"mine"))
        }))
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(error.object(), Some("config"));
    }
}
