//! Finds and loads generations of the keyring.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{ObjectHash, ObjectKind, SignedKeyring};
use strongroom_store::Prefix;

use crate::context::{Context, get_if_there, is_there};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::first_missing;
use crate::keys::Keys;
use crate::state::State;

/// A generation of the keyring as it was stored and as it was decoded.
#[derive(Debug)]
pub(crate) struct LoadedKeyring {
    pub(crate) signed: SignedKeyring,
    pub(crate) hash: ObjectHash,
    pub(crate) bytes: Bytes,
}

/// What every object of a repository says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) suite: Suite,
    pub(super) repository: RepositoryId,
}

/// Returns the generations there are, announced or not, signed by whomever; the newest first.
///
/// Old ones may have been deleted, so they are listed; where the store does not list, they are taken to be dense from 0.
///
/// # Errors
///
/// `NotFound` when there is none: the creation of the repository was never finished.
pub(super) fn generations(remote: &Remote) -> Result<Vec<u64>> {
    let mut found: Vec<u64> = match remote.list(&Prefix::parse("keyring/")?) {
        Ok(listed) => {
            let names = listed.iter().map(|meta| meta.key.as_str());
            names.filter_map(generation_of).collect()
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let is_there = |generation| is_there(remote, &object_name::keyring(generation));
            (0..first_missing(0, is_there)?).collect()
        }
        Err(error) => return Err(error),
    };
    if found.is_empty() {
        let what = "creation of this repository was never finished: it has no keyring";
        return Err(Error::new(ErrorKind::NotFound, what).object_named(object_name::keyring(0)));
    }
    found.sort_unstable_by_key(|generation| std::cmp::Reverse(*generation));
    found.dedup();
    Ok(found)
}

fn generation_of(name: &str) -> Option<u64> {
    match object_name::parse(name)? {
        ObjectName::Keyring(generation) | ObjectName::KeyringCopy(generation) => Some(generation),
        _ => None,
    }
}

/// Gives the object of a generation, and its copy if need be, to `accept`; returns what that made of the first one it takes.
///
/// # Errors
///
/// `NotFound` when there is neither, otherwise why the first of them was not readable or not accepted.
pub(super) fn load_keyring<T>(
    remote: &Remote,
    place: &Place,
    generation: u64,
    mut accept: impl FnMut(LoadedKeyring) -> Result<T>,
) -> Result<T> {
    let mut failure = None;
    for name in [
        object_name::keyring(generation),
        object_name::keyring_copy(generation),
    ] {
        let Some(bytes) = get_if_there(remote, &name)? else {
            continue;
        };
        match decode(&name, bytes, place, generation).and_then(&mut accept) {
            Err(error) if error.kind() != ErrorKind::Cancelled => {
                failure.get_or_insert(error);
            }
            other => return other,
        }
    }
    Err(failure.unwrap_or_else(|| {
        let what = "a generation of the keyring is missing";
        Error::new(ErrorKind::NotFound, what).object_named(object_name::keyring(generation))
    }))
}

fn decode(name: &str, bytes: Bytes, place: &Place, generation: u64) -> Result<LoadedKeyring> {
    let signed = SignedKeyring::decode(&bytes).map_err(|error| Error::decode(name, error))?;
    signed
        .preamble
        .check(ObjectKind::Keyring, place.suite, &place.repository)
        .map_err(|error| Error::decode(name, error))?;
    if signed.keyring.generation != generation {
        let what = "a keyring has the name of another generation";
        return Err(Error::new(ErrorKind::Damaged, what).object_named(name));
    }
    let hash = ObjectHash::of(&bytes);
    Ok(LoadedKeyring {
        signed,
        hash,
        bytes,
    })
}

/// The error of a keyring that anybody with write access to the store may have put there.
pub(super) fn not_signed(generation: u64) -> Error {
    let what = "a keyring is not signed by the admin of the repository";
    Error::new(ErrorKind::Damaged, what).object_named(object_name::keyring(generation))
}

/// Loads the keyring in force. The outer error says that the store holds a forgery, the inner one that it holds nothing that counts.
fn load_in_force(
    remote: &Remote,
    context: &Context,
    state: &State,
) -> Result<Result<LoadedKeyring>> {
    let (generation, expected) = match state.keyring {
        Some((generation, hash)) => (generation, Some(hash)),
        None => (0, None),
    };
    let place = Place {
        suite: context.suite,
        repository: context.repository,
    };
    let mut forged = None;
    let loaded = load_keyring(remote, &place, generation, |loaded| {
        if expected.is_some_and(|expected| expected != loaded.hash) {
            let what = "a keyring is not the one that the journal names";
            let error = Error::new(ErrorKind::Damaged, what);
            let error = error.object_named(object_name::keyring(generation));
            forged.get_or_insert(generation);
            return Err(error);
        }
        if loaded.signed.is_signed_by(&state.admin) {
            Ok(loaded)
        } else {
            Err(not_signed(generation))
        }
    });
    match loaded {
        Err(error) if forged.is_some() || error.kind() == ErrorKind::Cancelled => Err(error),
        loaded => Ok(loaded),
    }
}

/// Makes the keys of the context those of the generation in force.
///
/// One that was never announced may lack what another change of keys, announced meanwhile, has added.
///
/// # Errors
///
/// `WrongKey` when the slot that opened the repository was revoked, `Damaged` when the generation in force is another than was announced, or
/// cannot be read and what is known is older.
pub(crate) fn follow_keyring(remote: &Remote, context: &Context, state: &State) -> Result<()> {
    let keys = context.keys();
    let (in_force, expected) = match state.keyring {
        Some((generation, hash)) => (generation, Some(hash)),
        None => (0, None),
    };
    if keys.generation == in_force && expected.is_none_or(|hash| hash == keys.keyring) {
        return Ok(());
    }
    match load_in_force(remote, context, state)? {
        Ok(loaded) => {
            let (suite, repository) = (context.suite, &context.repository);
            let (random, opener) = (&context.components.random, Arc::clone(&keys.opener));
            let followed = Keys::open(suite, repository, random, loaded, opener);
            context.replace_keys(followed.map_err(revoked)?);
            Ok(())
        }
        // Somebody died between putting this generation and announcing it, and the one before is lost. It holds
        // whatever that held.
        Err(error) if keys.generation > in_force => {
            tracing::debug!(generation = keys.generation, %error, "an unannounced keyring is used");
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::new(
            ErrorKind::Damaged,
            "the keyring in force is missing",
        )
        .object_named(object_name::keyring(in_force))),
        Err(error) => Err(error),
    }
}

fn revoked(error: Error) -> Error {
    match error.kind() {
        ErrorKind::WrongKey => {
            let what = "the slot that opened the repository was revoked";
            Error::new(ErrorKind::WrongKey, what).caused_by(error)
        }
        _ => error,
    }
}
