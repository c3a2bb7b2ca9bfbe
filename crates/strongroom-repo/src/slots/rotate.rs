//! Makes and announces a new generation of the keyring.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{Roles, VerifyingKey};
use strongroom_format::{
    Body, Certificate, EpochState, KeyBundle, Keys as KeysBody, ObjectHash, object_name,
};

use crate::context::put_own;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{Keys, seal_keyring};
use crate::repository::Repository;

/// What is announced together with a new generation.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// States of epochs.
    pub(crate) epochs: Vec<(u32, EpochState)>,
    /// Keys that may sign entries from then on.
    pub(crate) certificates: Vec<Certificate>,
}

/// Makes the next generation of the keyring out of the one in force, and announces it.
///
/// The keyring is durable before the journal names it. Whoever dies in between leaves a generation that nobody has announced, which readers
/// leave for the one in force. When somebody else announces one first, `change` is called again on theirs.
pub(crate) fn rotate(
    repository: &Repository,
    remote: &Remote,
    change: &mut dyn FnMut(&mut KeyBundle) -> Result<Changes>,
) -> Result<u64> {
    let context = repository.context();
    loop {
        let state = repository.journal().refresh(remote, context)?;
        let based_on = state.keyring;
        let keys = context.keys();
        let mut bundle = keys.bundle(context.suite, &context.repository)?;
        let changes = change(&mut bundle)?;
        let (generation, object) = put_next(repository, remote, &bundle, &state.admin)?;
        let hash = ObjectHash::of(&object);
        let announcement = KeysBody {
            generation: Some(generation),
            keyring: Some(hash),
            epochs: changes.epochs,
            certificates: changes.certificates,
            ..KeysBody::default()
        };
        let appended = repository
            .journal()
            .append(remote, context, Roles::ADMIN, &mut |state| {
                // What the new generation was made of must still be in force, or somebody's change would be lost.
                if state.keyring != based_on {
                    return Err(Error::new(
                        ErrorKind::Stale,
                        "another keyring was announced",
                    ));
                }
                Ok(Body::Keys(announcement.clone()))
            });
        match appended {
            Ok(_) => {
                // Not opened through a grant: the slot that opened this handle may be the one that has none any more.
                let keyring = (generation, hash, object);
                let opener = Arc::clone(&keys.opener);
                let random = &context.components.random;
                let keys = Keys::of_bundle(context.suite, random, bundle, keyring, opener)?;
                context.replace_keys(keys);
                return Ok(generation);
            }
            Err(error) if error.kind() == ErrorKind::Stale => {}
            Err(error) => return Err(error),
        }
    }
}

/// Puts a bundle as the first generation after the one in use that nobody has put.
fn put_next(
    repository: &Repository,
    remote: &Remote,
    bundle: &KeyBundle,
    admin: &VerifyingKey,
) -> Result<(u64, Bytes)> {
    let context = repository.context();
    let (suite, id, random) = (
        context.suite,
        &context.repository,
        &context.components.random,
    );
    let keys = context.keys();
    let admin = keys.signer_named(admin).ok_or_else(|| {
        let what =
            "only whoever has the admin's key of Genesis can change who opens the repository";
        Error::new(ErrorKind::WrongKey, what)
    })?;
    let mut generation = keys.generation;
    loop {
        generation = generation.checked_add(1).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                "there are no more generations of the keyring",
            )
        })?;
        let object = seal_keyring(suite, id, generation, bundle, admin, random)?;
        match put_own(remote, &object_name::keyring(generation), &object) {
            Ok(()) => {
                put_own(remote, &object_name::keyring_copy(generation), &object)?;
                return Ok((generation, object));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
