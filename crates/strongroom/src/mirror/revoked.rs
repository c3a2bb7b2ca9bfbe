//! What a revocation has taken away, and a copy that was not there at the time may still have.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypt::SlotId;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Keyring, SignedKeyring};
use strongroom_store::{ErrorKind, Key, Prefix, Result, Store, StoreExt as _};

/// What a revocation has taken away, as the newest keyring among several copies says: older keyrings, and slots that it grants nothing. With
/// both, whoever was revoked opens a copy again.
///
/// Nothing of it needs a key. Nor is it proven: whoever can put an object into one of the stores can put a keyring there that grants nothing to
/// anybody. So it is good for leaving out what would be copied, and no reason to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The generation of the newest keyring, and the slots that it grants something; `None` if there is none that is whole.
    newest: Option<(u64, BTreeSet<SlotId>)>,
}

impl Revoked {
    /// Looks for the newest keyring that is whole in any of the stores.
    ///
    /// # Errors
    ///
    /// What a store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn look(stores: &[Arc<dyn Store>]) -> Result<Self> {
        let folder = Prefix::parse("keyring/")?;
        let mut generations = BTreeSet::new();
        for store in stores {
            let listed = store.list_all(&folder).await?;
            generations.extend(listed.iter().filter_map(|meta| generation(&meta.key)));
        }
        for generation in generations.into_iter().rev() {
            for store in stores {
                if let Some(keyring) = read(store, generation).await? {
                    let slots = keyring.grants.iter().map(|grant| grant.slot).collect();
                    let newest = Some((generation, slots));
                    return Ok(Self { newest });
                }
            }
        }
        Ok(Self::default())
    }

    /// Says whether an object was taken away.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        let Some((newest, slots)) = &self.newest else {
            return false;
        };
        match object_name::parse(key.as_str()) {
            Some(ObjectName::Keyring(n) | ObjectName::KeyringCopy(n)) => n < *newest,
            Some(ObjectName::Slot(slot)) => !slots.contains(&slot),
            _ => false,
        }
    }
}

fn generation(key: &Key) -> Option<u64> {
    match object_name::parse(key.as_str())? {
        ObjectName::Keyring(n) | ObjectName::KeyringCopy(n) => Some(n),
        _ => None,
    }
}

/// Reads a keyring or its copy, if one of them is whole.
async fn read(store: &Arc<dyn Store>, generation: u64) -> Result<Option<Keyring>> {
    for name in [
        ObjectName::Keyring(generation),
        ObjectName::KeyringCopy(generation),
    ] {
        let Ok(key) = Key::parse(&name.to_string()) else {
            continue;
        };
        let bytes = match store.get_all(&key).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if let Ok(signed) = SignedKeyring::decode(&bytes)
            && signed.keyring.generation == generation
        {
            return Ok(Some(signed.keyring));
        }
    }
    Ok(None)
}
