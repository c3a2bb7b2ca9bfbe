//! Slots: who can open the repository, and how that changes.

mod revoke;
mod rotate;
mod seal;

use std::sync::Arc;

use strongroom_crypt::{Argon2Params, KeyWrapper, Passphrase, PublicKey, RecoveryCode, SlotId};
use strongroom_format::{SlotEntry, Time, object_name};

pub use self::revoke::RevokeReport;
pub(crate) use self::rotate::{Changes, rotate};
pub(crate) use self::seal::{SealedSlot, seal_slot};
use crate::context::{is_there, put_own};
use crate::edge;
use crate::error::Result;
use crate::repository::Repository;

/// A way to open the repository, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotInfo {
    /// Its id.
    pub id: SlotId,
    /// What protects it.
    pub kind: SlotKind,
    /// What people call it.
    pub label: String,
    /// When it was added.
    pub added: Time,
    /// This handle was opened with it.
    pub current: bool,
}

/// What protects a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlotKind {
    /// A passphrase.
    Passphrase,
    /// A recovery code.
    RecoveryCode,
    /// Somebody who holds the private key.
    Recipient,
    /// A key service.
    External,
    /// A kind of a later version.
    Unknown(u64),
}

/// What protects a slot that is to be added.
#[derive(Clone)]
#[non_exhaustive]
pub enum NewSlot {
    /// A passphrase, and what it costs to try one.
    Passphrase(Arc<Passphrase>, Argon2Params),
    /// A recovery code; [`RecoveryCode::generate`] makes one.
    RecoveryCode(Arc<RecoveryCode>),
    /// Somebody who holds the private key.
    Recipient(PublicKey),
    /// A key service.
    External(Arc<dyn KeyWrapper>),
}

impl Repository {
    /// Lists who can open the repository.
    ///
    /// # Errors
    ///
    /// As [`snapshots`](Self::snapshots).
    pub async fn slots(&self) -> Result<Vec<SlotInfo>> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-slots", move |remote| {
            this.journal().refresh(remote, this.context())?;
            let keys = this.context().keys();
            let current = keys.opener.slot();
            Ok(keys
                .slots
                .iter()
                .map(|slot| SlotInfo::of(slot, current))
                .collect())
        })
        .await
    }

    /// Adds a way to open the repository. It needs nobody else's passphrase: a new generation of the keyring is sealed to the public
    /// keys of all slots.
    ///
    /// # Errors
    ///
    /// `Invalid` for an empty passphrase, or without encryption. `WrongKey` when this handle's keys may not. Otherwise as
    /// [`snapshots`](Self::snapshots). After any error the repository opens as before, though a slot object that opens nothing may remain.
    ///
    /// # Cancellation
    ///
    /// As after an error.
    pub async fn add_slot(&self, label: &str, new: NewSlot) -> Result<SlotInfo> {
        let this = self.clone();
        let label = label.to_owned();
        edge::run(self.store(), "strongroom-add-slot", move |remote| {
            let context = this.context();
            let now = context.components.clock.now();
            let random = &context.components.random;
            let admin = this.journal().state().admin;
            let (suite, repository) = (context.suite, context.repository);
            let slot = seal_slot(random, suite, repository, &label, now, &admin, &new)?;
            put_own(remote, &object_name::slot(slot.entry.id), &slot.object)?;
            rotate(&this, remote, &mut |bundle| {
                bundle.slots.push(slot.entry.clone());
                Ok(Changes::default())
            })?;
            // Until the keyring named it, it looked like one that was revoked, which a deletion may take away.
            let name = object_name::slot(slot.entry.id);
            if !is_there(remote, &name)? {
                put_own(remote, &name, &slot.object)?;
            }
            Ok(SlotInfo::of(&slot.entry, None))
        })
        .await
    }

    /// Takes a slot's way into the repository away: for everything that is backed up from now on there are new keys, and what the slot could open
    /// is deleted as far as the store lets us.
    ///
    /// It cannot take back what was once readable. [`RevokeReport::still_readable`] says what that is.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such slot, `Invalid` when it is the last one that opens the repository. Otherwise as
    /// [`add_slot`](Self::add_slot).
    ///
    /// # Cancellation
    ///
    /// The repository stays openable for all other slots. Whether the slot was revoked is seen in [`slots`](Self::slots); revoking it again
    /// finishes what was begun.
    pub async fn revoke_slot(&self, id: SlotId) -> Result<RevokeReport> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-revoke-slot", move |remote| {
            revoke::revoke(&this, remote, id)
        })
        .await
    }
}

impl SlotInfo {
    fn of(slot: &SlotEntry, current: Option<SlotId>) -> Self {
        let kind = match slot.kind {
            1 => SlotKind::Passphrase,
            2 => SlotKind::RecoveryCode,
            3 => SlotKind::Recipient,
            4 => SlotKind::External,
            other => SlotKind::Unknown(other),
        };
        let current = current == Some(slot.id);
        Self {
            id: slot.id,
            kind,
            label: slot.label.clone(),
            added: slot.added,
            current,
        }
    }
}

impl std::fmt::Debug for NewSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Passphrase(..) => "Passphrase(..)",
            Self::RecoveryCode(_) => "RecoveryCode(..)",
            Self::Recipient(_) => "Recipient(..)",
            Self::External(_) => "External(..)",
        })
    }
}
