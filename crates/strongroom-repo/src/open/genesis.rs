//! Who the admin is, where no slot says it: the key that Genesis names.

use bytes::Bytes;
use strongroom_crypt::{GenesisPin, VerifyingKey};
use strongroom_format::{Body, Entry, ObjectHash, decode_bundle, limits, object_name};

use super::keyring::{Place, not_signed};
use crate::context::get_if_there;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Keys;

/// Makes sure that the Genesis that an opened keyring names is the one that is pinned and there, and that its admin signed the keyring.
///
/// A Genesis that is not there at all is left to whoever reads the journal: the repository's creation was never finished.
///
/// # Errors
///
/// `Damaged` when the keyring does not count; what the store said.
pub(super) fn check_genesis(
    remote: &Remote,
    place: &Place,
    pin: Option<GenesisPin>,
    keys: &Keys,
) -> Result<()> {
    check_pin(pin, keys)?;
    let Some(bytes) = genesis(remote, &keys.genesis)? else {
        return Ok(());
    };
    let name = object_name::journal(0);
    let decode = |error| Error::decode(name.clone(), error);
    let entry = Entry::decode(&bytes).map_err(decode)?;
    let preamble = &entry.preamble;
    let ours = preamble.suite == place.suite && preamble.repository == place.repository;
    let payload = entry.open(keys.structure.journal()).map_err(decode)?;
    match payload.body {
        Body::Genesis(genesis)
            if ours && keys.is_signed_by(&VerifyingKey::from_bytes(genesis.admin)) =>
        {
            Ok(())
        }
        _ => Err(not_signed(keys.generation)),
    }
}

/// Makes sure that an opened keyring names the Genesis that is pinned.
///
/// # Errors
///
/// `Damaged` when it names another.
pub(super) fn check_pin(pin: Option<GenesisPin>, keys: &Keys) -> Result<()> {
    if pin.is_none_or(|pin| pin.as_bytes() == keys.genesis.as_bytes()) {
        return Ok(());
    }
    let what = "this is not the repository that was pinned: its Genesis is another";
    Err(Error::new(ErrorKind::Damaged, what).object_named(object_name::journal(0)))
}

/// Gets the entry 0 that has this hash, from its bundle or its copy if need be; `None` if there is no entry 0.
fn genesis(remote: &Remote, hash: &ObjectHash) -> Result<Option<Bytes>> {
    let found = get_if_there(remote, &object_name::journal(0))?;
    if let Some(bytes) = &found
        && ObjectHash::of(bytes) == *hash
    {
        return Ok(found);
    }
    let bundle = get_if_there(remote, &object_name::bundle(limits::BUNDLE_ENTRIES))?;
    let bundled = bundle
        .and_then(|bytes| decode_bundle(&bytes).ok())
        .and_then(|entries| entries.into_iter().next())
        .map(Bytes::from);
    let copy = get_if_there(remote, &object_name::journal_copy(0))?;
    let mut others = bundled.into_iter().chain(copy);
    match (others.find(|bytes| ObjectHash::of(bytes) == *hash), found) {
        (Some(bytes), _) => Ok(Some(bytes)),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let what = "the first journal entry is not the one that the keyring names";
            Err(Error::new(ErrorKind::Damaged, what).object_named(object_name::journal(0)))
        }
    }
}
