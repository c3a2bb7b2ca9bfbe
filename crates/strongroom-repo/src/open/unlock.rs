//! From a credential to the keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    PassphraseLock, PublicKey, RepositoryId, SlotContext, SlotId, SlotKey, Suite, WrappedKey,
};
use strongroom_format::{Keyring, ObjectHash, Preamble, Slot, SlotMethod, object_name};

use super::Opening;
use super::keyring::{LoadedKeyring, load_keyring, newest_generation};
use crate::context::{crypt_error, object_key};
use crate::credential::Credential;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::head::Remembered;
use crate::keys::{Keys, Opener};

/// Tries a credential on slots. What it costs to try a passphrase is paid once for each slot.
pub(super) struct Unlock<'a> {
    remote: &'a Remote,
    opening: &'a Opening,
    suite: Suite,
    repository: RepositoryId,
    tried: BTreeMap<SlotId, Option<Arc<Opener>>>,
    /// Why slots could not be tried: worth telling if no other opens.
    failure: Option<Error>,
}

impl<'a> Unlock<'a> {
    pub(super) fn new(
        remote: &'a Remote,
        opening: &'a Opening,
        suite: Suite,
        repository: RepositoryId,
    ) -> Self {
        Self {
            remote,
            opening,
            suite,
            repository,
            tried: BTreeMap::new(),
            failure: None,
        }
    }

    /// Opens the keyring that the cache has, with the slot that it has.
    pub(super) fn cached(&mut self, remembered: &Remembered) -> Option<Keys> {
        let keyring = Keyring::decode(&remembered.keyring).ok()?;
        if let Some(slot) = &remembered.slot {
            let slot = self.decode_slot(None, slot).ok()?;
            self.try_slot(&slot, remembered.slot.clone());
        }
        let hash = ObjectHash::of(&remembered.keyring);
        let loaded = LoadedKeyring {
            keyring,
            hash,
            bytes: remembered.keyring.clone(),
        };
        // Slots that are not cached are not asked for here.
        let opened = self.opener_of(&loaded.keyring)?;
        self.keys(loaded, opened).ok()
    }

    /// Opens the newest generation that the credential opens.
    ///
    /// A generation that was put by somebody who died before announcing it may not have been granted to this credential; the
    /// one before it then is.
    pub(super) fn newest(&mut self) -> Result<Keys> {
        let mut generation = newest_generation(self.remote)?;
        let mut failure: Option<Error> = None;
        loop {
            let opened = load_keyring(self.remote, self.suite, &self.repository, generation, None)
                .and_then(|loaded| self.open(loaded));
            match opened {
                Ok(keys) => return Ok(keys),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) if error.kind() == ErrorKind::NotFound && failure.is_some() => break,
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
            let Some(before) = generation.checked_sub(1) else {
                break;
            };
            generation = before;
        }
        Err(failure
            .or(self.failure.take())
            .unwrap_or_else(wrong_credential))
    }

    fn open(&mut self, loaded: LoadedKeyring) -> Result<Keys> {
        if self.suite == Suite::None {
            return self.keys(loaded, Arc::new(Opener::Public));
        }
        self.try_slots(&loaded.keyring)?;
        match self.opener_of(&loaded.keyring) {
            Some(opener) => self.keys(loaded, opener),
            None => Err(self.failure.take().unwrap_or_else(wrong_credential)),
        }
    }

    fn keys(&self, loaded: LoadedKeyring, opener: Arc<Opener>) -> Result<Keys> {
        let random = &self.opening.components.random;
        Keys::open(self.suite, &self.repository, random, loaded, opener)
    }

    /// Fetches and tries the slots of a keyring that have not been tried, all but those behind the first that opens.
    fn try_slots(&mut self, keyring: &Keyring) -> Result<()> {
        let mut ids: Vec<SlotId> = keyring.grants.iter().map(|grant| grant.slot).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !self.tried.contains_key(id));
        let mut tickets = Vec::with_capacity(ids.len());
        for id in ids {
            let key = object_key(&object_name::slot(id))?;
            tickets.push((id, self.remote.get_later(&key, None)));
        }
        for (id, ticket) in tickets {
            if self.opener_of(keyring).is_some() {
                break;
            }
            let slot = ticket
                .wait()
                .and_then(|bytes| Ok((self.decode_slot(Some(id), &bytes)?, bytes)));
            match slot {
                Ok((slot, bytes)) => self.try_slot(&slot, Some(bytes)),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                Err(error) => {
                    self.tried.insert(id, None);
                    self.note(damaged_slot(id, error));
                }
            }
        }
        Ok(())
    }

    fn opener_of(&self, keyring: &Keyring) -> Option<Arc<Opener>> {
        if self.suite == Suite::None {
            return Some(Arc::new(Opener::Public));
        }
        keyring
            .grants
            .iter()
            .find_map(|grant| self.tried.get(&grant.slot)?.clone())
    }

    fn decode_slot(&self, expected: Option<SlotId>, bytes: &[u8]) -> Result<Slot> {
        let named = |id: SlotId| object_name::slot(id);
        let name = expected.map(named).unwrap_or_default();
        let slot = Slot::decode(bytes).map_err(|error| Error::decode(name.clone(), error))?;
        let preamble =
            Preamble::decode(bytes).map_err(|error| Error::decode(name.clone(), error))?;
        let ours = preamble.suite == self.suite && preamble.repository == self.repository;
        if !ours || expected.is_some_and(|expected| expected != slot.id) {
            return Err(
                Error::new(ErrorKind::Damaged, "a slot belongs to another place")
                    .object_named(name),
            );
        }
        Ok(slot)
    }

    fn try_slot(&mut self, slot: &Slot, bytes: Option<Bytes>) {
        let key = match self.slot_key(slot) {
            Some(Ok(key)) if *key.public().as_bytes() == slot.public => Some(key),
            Some(Ok(_)) => {
                let what = "the key of a slot is not the one it names";
                let name = object_name::slot(slot.id);
                self.note(Error::new(ErrorKind::Damaged, what).object_named(name));
                None
            }
            Some(Err(error)) if error.kind() == strongroom_crypt::ErrorKind::WrongKey => None,
            Some(Err(error)) => {
                self.note(crypt_error(error).object_named(object_name::slot(slot.id)));
                None
            }
            None => None,
        };
        let opener = key.map(|key| {
            Arc::new(Opener::Slot {
                id: slot.id,
                key,
                object: bytes,
            })
        });
        self.tried.insert(slot.id, opener);
    }

    /// Opens a slot; `None` if the credential is for other kinds of slots.
    fn slot_key(&self, slot: &Slot) -> Option<Result<SlotKey, strongroom_crypt::Error>> {
        let context = SlotContext::new(self.suite, self.repository, slot.id);
        match (&slot.method, &self.opening.credential) {
            (
                SlotMethod::Passphrase {
                    params,
                    salt,
                    boxed,
                },
                Credential::Passphrase(passphrase),
            ) => {
                let lock = PassphraseLock::new(*params, *salt, boxed);
                Some(
                    lock.and_then(|lock| {
                        SlotKey::open_with_passphrase(&context, passphrase, &lock)
                    }),
                )
            }
            (SlotMethod::RecoveryCode { boxed }, Credential::RecoveryCode(code)) => {
                Some(SlotKey::open_with_recovery_code(&context, code, boxed))
            }
            (SlotMethod::External { name, wrapped }, Credential::Unwrapper(unwrapper)) => {
                match WrappedKey::new(name.clone(), wrapped.clone()) {
                    Ok(wrapped) => unwrapper.unwrap(&wrapped),
                    Err(error) => Some(Err(error)),
                }
            }
            (SlotMethod::Recipient, Credential::Key(key)) => {
                let public = PublicKey::from_bytes(slot.public);
                (key.public() == public).then(|| SlotKey::from_secret(key.secret().duplicate()))
            }
            _ => None,
        }
    }

    fn note(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }
}

/// Says whether trying an older generation would only hide what is wrong.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Cancelled
            | ErrorKind::Unavailable
            | ErrorKind::PermissionDenied
            | ErrorKind::Incompatible
    )
}

fn wrong_credential() -> Error {
    Error::new(
        ErrorKind::WrongKey,
        "the credential opens no slot of this repository",
    )
}

fn damaged_slot(id: SlotId, error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => {
            Error::new(ErrorKind::Damaged, "a slot is missing").object_named(object_name::slot(id))
        }
        _ => error,
    }
}
