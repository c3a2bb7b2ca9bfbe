//! Finds and loads generations of the keyring.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Keyring, ObjectHash, Preamble};
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
    pub(crate) keyring: Keyring,
    pub(crate) hash: ObjectHash,
    pub(crate) bytes: Bytes,
}

/// Returns the newest generation there is, announced or not.
///
/// Generations are dense from 0 until a revocation deletes the old ones; only then they are listed.
///
/// # Errors
///
/// `NotFound` when there is none: the creation of the repository was never finished.
pub(crate) fn newest_generation(remote: &Remote) -> Result<u64> {
    let missing = first_missing(0, |generation| {
        is_there(remote, &object_name::keyring(generation))
    })?;
    if let Some(newest) = missing.checked_sub(1) {
        return Ok(newest);
    }
    let folder = Prefix::parse("keyring/")?;
    let listed = remote.list(&folder)?;
    let generations =
        listed
            .iter()
            .filter_map(|meta| match object_name::parse(meta.key.as_str()) {
                Some(ObjectName::Keyring(generation) | ObjectName::KeyringCopy(generation)) => {
                    Some(generation)
                }
                _ => None,
            });
    generations.max().ok_or_else(|| {
        let what = "creation of this repository was never finished: it has no keyring";
        Error::new(ErrorKind::NotFound, what).object_named(object_name::keyring(0))
    })
}

/// Loads a generation, from its copy if need be. With a hash, nothing else is accepted.
///
/// # Errors
///
/// `NotFound` when there is neither, `Damaged` or `Incompatible` when what is there is not readable.
pub(crate) fn load_keyring(
    remote: &Remote,
    suite: Suite,
    repository: &RepositoryId,
    generation: u64,
    expected: Option<ObjectHash>,
) -> Result<LoadedKeyring> {
    let mut failure = None;
    for name in [
        object_name::keyring(generation),
        object_name::keyring_copy(generation),
    ] {
        let Some(bytes) = get_if_there(remote, &name)? else {
            continue;
        };
        match decode(&name, bytes, suite, repository, generation, expected) {
            Ok(loaded) => return Ok(loaded),
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    Err(failure.unwrap_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "a generation of the keyring is missing",
        )
        .object_named(object_name::keyring(generation))
    }))
}

fn decode(
    name: &str,
    bytes: Bytes,
    suite: Suite,
    repository: &RepositoryId,
    generation: u64,
    expected: Option<ObjectHash>,
) -> Result<LoadedKeyring> {
    let keyring = Keyring::decode(&bytes).map_err(|error| Error::decode(name, error))?;
    let preamble = Preamble::decode(&bytes).map_err(|error| Error::decode(name, error))?;
    let hash = ObjectHash::of(&bytes);
    let ours = preamble.suite == suite
        && preamble.repository == *repository
        && keyring.generation == generation;
    if !ours || expected.is_some_and(|expected| expected != hash) {
        let what = "a keyring is not the one that the journal names";
        return Err(Error::new(ErrorKind::Damaged, what).object_named(name));
    }
    Ok(LoadedKeyring {
        keyring,
        hash,
        bytes,
    })
}

/// Makes the keys of the context those of the generation in force.
///
/// # Errors
///
/// `WrongKey` when the slot that opened the repository was revoked, `Damaged` when the generation in force cannot be read and what is
/// known is older.
pub(crate) fn follow_keyring(remote: &Remote, context: &Context, state: &State) -> Result<()> {
    let keys = context.keys();
    let (in_force, expected) = match state.keyring {
        Some((generation, hash)) => (generation, Some(hash)),
        None => (0, None),
    };
    if keys.generation == in_force && expected.is_none_or(|hash| hash == keys.keyring) {
        return Ok(());
    }
    let loaded = load_keyring(
        remote,
        context.suite,
        &context.repository,
        in_force,
        expected,
    );
    let followed = loaded.and_then(|loaded| {
        let random = &context.components.random;
        Keys::open(
            context.suite,
            &context.repository,
            random,
            loaded,
            Arc::clone(&keys.opener),
        )
    });
    match followed {
        Ok(followed) => {
            context.replace_keys(followed);
            Ok(())
        }
        // Somebody died between putting this generation and announcing it, and the one before is lost. It holds
        // whatever that held.
        Err(error) if keys.generation > in_force && error.kind() != ErrorKind::Cancelled => {
            tracing::debug!(generation = keys.generation, %error, "an unannounced keyring is used");
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::WrongKey => {
            let what = "the slot that opened the repository was revoked";
            Err(Error::new(ErrorKind::WrongKey, what).caused_by(error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::new(
            ErrorKind::Damaged,
            "the keyring in force is missing",
        )
        .object_named(object_name::keyring(in_force))),
        Err(error) => Err(error),
    }
}
