//! Objects that exist twice, and notes: config, keyring, slots, checkpoints, beacons.

use bytes::Bytes;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{
    Beacon, Config, ObjectHash, ObjectKind, SealedCheckpoint, SignedKeyring, Slot,
};

use super::item::{NoRemedy, Remedy, RepairSource, Wrong};
use super::look::{Found, Look, Sight};
use crate::context::get_if_there;
use crate::error::Result;
use crate::keys::Opener;

impl Look<'_> {
    /// Finds out about config or its copy.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn config(&self, name: ObjectName) -> Result<Option<Found>> {
        let hash = self.context.config_hash;
        let wrong = self.sight(&name, |bytes| Sight::of_hash(bytes, &hash, Config::decode))?;
        let other = match name {
            ObjectName::Config => ObjectName::ConfigCopy,
            _ => ObjectName::Config,
        };
        self.of_hash(name, wrong, &hash, other)
    }

    /// Finds out about a generation of the keyring or its copy.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn keyring(&self, name: ObjectName, generation: u64) -> Result<Option<Found>> {
        let keys = self.context.keys();
        if generation > keys.generation {
            // Nobody has announced it: it is not in force, and may be about to be.
            return Ok(None);
        }
        if generation == keys.generation {
            let hash = keys.keyring;
            let judge = |bytes: &Bytes| Sight::of_hash(bytes, &hash, SignedKeyring::decode);
            let wrong = self.sight(&name, judge)?;
            return Ok(wrong.map(|wrong| match wrong {
                Wrong::Newer => Found::newer(name),
                wrong => Found::put_back(
                    name,
                    wrong,
                    RepairSource::Memory,
                    keys.keyring_object.clone(),
                ),
            }));
        }
        let (in_force, announced) = self.keyring_in_force();
        let judge = |bytes: &Bytes| match (SignedKeyring::decode(bytes), announced) {
            (_, Some(hash)) if generation == in_force => {
                Sight::of_hash(bytes, &hash, SignedKeyring::decode)
            }
            (Ok(_), _) => Ok(()),
            (Err(error), _) => Err(Sight::of(&error)),
        };
        if generation >= in_force {
            // One that was put and never announced is in use because this one could not be read, and may lack what this one grants.
            let wrong = self.sight(&name, judge)?;
            return match (announced, wrong) {
                _ if generation > in_force => Ok(None),
                (Some(hash), wrong) => {
                    let other = match name {
                        ObjectName::Keyring(_) => ObjectName::KeyringCopy(generation),
                        _ => ObjectName::Keyring(generation),
                    };
                    self.of_hash(name, wrong, &hash, other)
                }
                (None, Some(Wrong::Newer)) => Ok(Some(Found::newer(name))),
                (None, wrong) => Ok(wrong.map(|wrong| {
                    Found::without_bytes(name, wrong, Remedy::None(NoRemedy::NoSource))
                })),
            };
        }
        // One that was superseded may be deleted at any time.
        Ok(superseded(name, self.sight(&name, judge)?))
    }

    /// Returns the generation of the keyring that is in force, and its hash if an entry has announced it. It is the one in use unless that was
    /// put without being announced, and this one cannot be read.
    pub(super) fn keyring_in_force(&self) -> (u64, Option<ObjectHash>) {
        let announced = self.state.keyring;
        announced.map_or((0, None), |(generation, hash)| (generation, Some(hash)))
    }

    /// Finds out about a slot.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn slot(&self, name: ObjectName) -> Result<Option<Found>> {
        let ObjectName::Slot(id) = name else {
            return Ok(None);
        };
        let keys = self.context.keys();
        let granted = keys.slots.iter().find(|slot| slot.id == id);
        let judge = |bytes: &Bytes| {
            let slot = Slot::decode(bytes).map_err(|error| Sight::of(&error))?;
            let is_that = slot.id == id && granted.is_none_or(|known| known.public == slot.public);
            is_that.then_some(()).ok_or(Sight::Bad)
        };
        let wrong = self.sight(&name, judge)?;
        if granted.is_none() {
            return Ok(superseded(name, wrong));
        }
        let Some(wrong) = wrong else {
            return Ok(None);
        };
        if wrong == Wrong::Newer {
            return Ok(Some(Found::newer(name)));
        }
        if let Opener::Slot {
            id: opened,
            object: Some(object),
            ..
        } = keys.opener.as_ref()
            && *opened == id
        {
            return Ok(Some(Found::put_back(
                name,
                wrong,
                RepairSource::Memory,
                object.clone(),
            )));
        }
        // Nothing but its credential proves the rest of it.
        let is_right = |bytes: &Bytes| judge(bytes).is_ok();
        let found = self.mirrors.find_agreed(&name, is_right)?;
        Ok(Some(match found {
            Some((mirror, bytes)) => {
                Found::put_back(name, wrong, RepairSource::Mirror(mirror), bytes)
            }
            None => Found::without_bytes(name, wrong, Remedy::None(NoRemedy::AddSlot)),
        }))
    }

    /// Finds out about a checkpoint, which is a cache.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn checkpoint(&self, name: ObjectName, n: u64) -> Result<Option<Found>> {
        let keys = self.context.keys();
        let context = self.context;
        let judge = |bytes: &Bytes| {
            let sealed = SealedCheckpoint::decode(bytes).map_err(|error| Sight::of(&error))?;
            let preamble = sealed.preamble;
            let checked =
                preamble.check(ObjectKind::Checkpoint, context.suite, &context.repository);
            checked.map_err(|error| Sight::of(&error))?;
            let opened = sealed.open(keys.structure.checkpoint());
            let state = opened.map_err(|error| Sight::of(&error))?;
            let is_ours =
                sealed.n == n && sealed.verify_signatures() && state.genesis == self.state.genesis;
            is_ours.then_some(()).ok_or(Sight::Bad)
        };
        Ok(superseded(name, self.sight(&name, judge)?))
    }

    /// Finds out about a beacon, which is advisory.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn beacon(&self, name: ObjectName) -> Result<Option<Found>> {
        let judge = |bytes: &Bytes| match Beacon::decode(bytes) {
            Ok(_) => Ok(()),
            Err(error) => Err(Sight::of(&error)),
        };
        Ok(superseded(name, self.sight(&name, judge)?))
    }

    /// Looks for an object of which the hash is known, in `other` and in mirrors.
    fn of_hash(
        &self,
        name: ObjectName,
        wrong: Option<Wrong>,
        hash: &ObjectHash,
        other: ObjectName,
    ) -> Result<Option<Found>> {
        let Some(wrong) = wrong else {
            return Ok(None);
        };
        if wrong == Wrong::Newer {
            return Ok(Some(Found::newer(name)));
        }
        let is_right = |bytes: &Bytes| ObjectHash::of(bytes) == *hash;
        if let Some(bytes) = get_if_there(self.remote, &other.to_string())?.filter(is_right) {
            let from = RepairSource::Copy(other);
            return Ok(Some(Found::put_back(name, wrong, from, bytes)));
        }
        for name_there in [name, other] {
            if let Some((mirror, bytes)) = self.mirrors.find(&name_there, is_right)? {
                let from = RepairSource::Mirror(mirror);
                return Ok(Some(Found::put_back(name, wrong, from, bytes)));
            }
        }
        let remedy = Remedy::None(NoRemedy::NoSource);
        Ok(Some(Found::without_bytes(name, wrong, remedy)))
    }
}

/// What nothing depends on is deleted when it is damaged; that it is missing is nothing.
fn superseded(name: ObjectName, wrong: Option<Wrong>) -> Option<Found> {
    match wrong? {
        Wrong::Missing => None,
        Wrong::Newer => Some(Found::newer(name)),
        wrong => Some(Found::without_bytes(name, wrong, Remedy::Delete)),
    }
}
