//! Makes the object of a slot.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    PublicKey, Random, RepositoryId, SlotContext, SlotId, SlotKey, Suite, VerifyingKey,
};
use strongroom_format::{Slot, SlotEntry, SlotMethod, Time};

use super::NewSlot;
use crate::context::{crypt_error, encode_error};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::FULL_BUNDLE;

/// A slot's object and what the keyring says of it.
#[derive(Debug)]
pub(crate) struct SealedSlot {
    pub(crate) entry: SlotEntry,
    pub(crate) object: Bytes,
}

/// Makes a slot that names the admin, if it is of a kind that can. Costs what trying its passphrase costs.
///
/// # Errors
///
/// `Invalid` for an empty passphrase or without encryption, `Unavailable` when a key service fails.
pub(crate) fn seal_slot(
    random: &Arc<dyn Random>,
    suite: Suite,
    repository: RepositoryId,
    label: &str,
    added: Time,
    admin: &VerifyingKey,
    new: &NewSlot,
) -> Result<SealedSlot> {
    if suite == Suite::None {
        let what = "everybody can open a repository that is not encrypted; it has no slots";
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    if label.len() > MAX_LABEL_BYTES {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the label of a slot is too long",
        ));
    }
    let mut id = [0; SlotId::LEN];
    random.fill(&mut id).map_err(crypt_error)?;
    let id = SlotId::from_bytes(id);
    let place = SlotContext::new(suite, repository, id);
    let (public, method) = protect(random, place, admin, new)?;
    let slot = Slot::new(id, public, method);
    let object = slot.encode(suite, repository).map_err(encode_error)?.into();
    let entry = SlotEntry {
        id,
        kind: slot.method.kind(),
        label: label.to_owned(),
        added,
        public: slot.public,
        role: FULL_BUNDLE,
    };
    Ok(SealedSlot { entry, object })
}

/// Labels are for people.
const MAX_LABEL_BYTES: usize = 1_024;

fn protect(
    random: &Arc<dyn Random>,
    context: SlotContext,
    admin: &VerifyingKey,
    new: &NewSlot,
) -> Result<(PublicKey, SlotMethod)> {
    if let NewSlot::Recipient(public) = new {
        return Ok((*public, SlotMethod::Recipient));
    }
    let key = SlotKey::generate(random).map_err(crypt_error)?;
    let method = match new {
        NewSlot::Passphrase(passphrase, _) if passphrase.is_empty() => {
            return Err(Error::new(ErrorKind::Invalid, "the passphrase is empty"));
        }
        NewSlot::Passphrase(passphrase, params) => {
            let lock = key
                .protect_with_passphrase(&context, passphrase, *params, admin, random)
                .map_err(crypt_error)?;
            SlotMethod::Passphrase {
                params: *params,
                salt: *lock.salt(),
                boxed: *lock.sealed(),
            }
        }
        NewSlot::RecoveryCode(code) => {
            let boxed = key
                .protect_with_recovery_code(&context, code, admin, random)
                .map_err(crypt_error)?;
            SlotMethod::RecoveryCode { boxed }
        }
        NewSlot::External(wrapper) => {
            let wrapped = wrapper.wrap(&key).map_err(crypt_error)?;
            SlotMethod::External {
                name: wrapped.key_name().to_owned(),
                wrapped: wrapped.wrapped().to_vec(),
            }
        }
        NewSlot::Recipient(_) => SlotMethod::Recipient,
    };
    Ok((key.public(), method))
}
