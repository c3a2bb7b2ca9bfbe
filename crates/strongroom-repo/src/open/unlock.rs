//! From a credential to the keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    OpenedSlot, PassphraseLock, PublicKey, RepositoryId, SlotContext, SlotId, SlotKey, Suite,
    VerifyingKey, WrappedKey,
};
use strongroom_format::{
    Keyring, ObjectHash, Preamble, SignedKeyring, Slot, SlotMethod, object_name,
};

use super::Opening;
use super::genesis::check_genesis;
use super::keyring::{LoadedKeyring, Place, generations, load_keyring, not_signed};
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
    place: Place,
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
            place: Place { suite, repository },
            tried: BTreeMap::new(),
            failure: None,
        }
    }

    /// Opens the keyring that the cache has, with the slot that it has.
    pub(super) fn cached(&mut self, remembered: &Remembered) -> Option<Keys> {
        let signed = SignedKeyring::decode(&remembered.keyring).ok()?;
        if let Some(slot) = &remembered.slot {
            let slot = self.decode_slot(None, slot).ok()?;
            self.try_slot(&slot, remembered.slot.clone());
        }
        let hash = ObjectHash::of(&remembered.keyring);
        let loaded = LoadedKeyring {
            signed,
            hash,
            bytes: remembered.keyring.clone(),
        };
        // Slots that are not cached are not asked for here.
        let opener = self.opener_of(&loaded.signed.keyring)?;
        if opener
            .admin()
            .is_some_and(|admin| !loaded.signed.is_signed_by(&admin))
        {
            return None;
        }
        self.keys(loaded, opener).ok()
    }

    /// Opens the newest generation that the admin signed and the credential opens.
    ///
    /// Anybody who can write to the store can put a keyring of their own there: what the admin did not sign is ignored. A
    /// generation that was put by somebody who died before announcing it may not have been granted to this credential.
    pub(super) fn newest(&mut self) -> Result<Keys> {
        let (remote, place) = (self.remote, self.place);
        let mut failure: Option<Error> = None;
        for generation in generations(remote)? {
            let opened = load_keyring(remote, &place, generation, |loaded| self.open(loaded));
            match opened {
                Ok(keys) => return Ok(keys),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(generation, %error, "a keyring is not used");
                    failure.get_or_insert(error);
                }
            }
        }
        Err(failure
            .or(self.failure.take())
            .unwrap_or_else(wrong_credential))
    }

    fn open(&mut self, loaded: LoadedKeyring) -> Result<Keys> {
        self.try_slots(&loaded.signed.keyring)?;
        let Some(opener) = self.opener_of(&loaded.signed.keyring) else {
            return Err(self.failure.take().unwrap_or_else(wrong_credential));
        };
        match opener.admin() {
            Some(admin) if loaded.signed.is_signed_by(&admin) => self.keys(loaded, opener),
            Some(_) => Err(not_signed(loaded.signed.keyring.generation)),
            None => {
                let keys = self.keys(loaded, opener)?;
                check_genesis(self.remote, &self.place, self.opening.pin, &keys)?;
                Ok(keys)
            }
        }
    }

    fn keys(&self, loaded: LoadedKeyring, opener: Arc<Opener>) -> Result<Keys> {
        let random = &self.opening.components.random;
        Keys::open(
            self.place.suite,
            &self.place.repository,
            random,
            loaded,
            opener,
        )
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
        if self.place.suite == Suite::None {
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
        let ours =
            preamble.suite == self.place.suite && preamble.repository == self.place.repository;
        if !ours || expected.is_some_and(|expected| expected != slot.id) {
            return Err(
                Error::new(ErrorKind::Damaged, "a slot belongs to another place")
                    .object_named(name),
            );
        }
        Ok(slot)
    }

    fn try_slot(&mut self, slot: &Slot, bytes: Option<Bytes>) {
        let opened = match self.open_slot(slot) {
            Some(Ok((key, admin))) if key.public().as_bytes().as_slice() == slot.public => {
                Some((key, admin))
            }
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
        let opener = opened.map(|(key, admin)| {
            Arc::new(Opener::Slot {
                id: slot.id,
                key,
                admin,
                object: bytes,
            })
        });
        self.tried.insert(slot.id, opener);
    }

    /// Opens a slot; `None` if the credential is for other kinds of slots, or the slot's key is of a later version.
    fn open_slot(&self, slot: &Slot) -> Option<Result<Opened, strongroom_crypt::Error>> {
        if slot.public.len() != PublicKey::LEN {
            return None;
        }
        let named = |opened: OpenedSlot| (opened.key, Some(opened.admin));
        let unnamed = |key: SlotKey| (key, None);
        let context = SlotContext::new(self.place.suite, self.place.repository, slot.id);
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
                let opened = lock
                    .and_then(|lock| SlotKey::open_with_passphrase(&context, passphrase, &lock));
                Some(opened.map(named))
            }
            (SlotMethod::RecoveryCode { boxed }, Credential::RecoveryCode(code)) => {
                Some(SlotKey::open_with_recovery_code(&context, code, boxed).map(named))
            }
            (SlotMethod::External { name, wrapped }, Credential::Unwrapper(unwrapper)) => {
                match WrappedKey::new(name.clone(), wrapped.clone()) {
                    Ok(wrapped) => Some(unwrapper.unwrap(&wrapped)?.map(unnamed)),
                    Err(error) => Some(Err(error)),
                }
            }
            (SlotMethod::Recipient, Credential::Key(key)) => {
                let is_it = key.public().as_bytes().as_slice() == slot.public;
                is_it.then(|| SlotKey::from_secret(key.secret().duplicate()).map(unnamed))
            }
            _ => None,
        }
    }

    fn note(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }
}

/// The key of a slot, and the admin's where the slot names it.
type Opened = (SlotKey, Option<VerifyingKey>);

/// Says whether trying an older generation would only hide what is wrong.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Cancelled | ErrorKind::Unavailable | ErrorKind::PermissionDenied
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
