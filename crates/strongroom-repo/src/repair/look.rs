//! What a repair looks at: a state, its index, and what the store lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{DamagedObject, DecodeError, DecodeErrorKind, ObjectHash};
use strongroom_store::Prefix;

use super::exam::Doubt;
use super::item::{NoRemedy, Remedy, RepairItem, RepairSource, Wrong};
use super::mirrors::Mirrors;
use crate::backup::retired_epochs;
use crate::blobs::Blobs;
use crate::context::{Context, get_if_there, object_key};
use crate::edge::Remote;
use crate::error::{ErrorKind, Result};
use crate::features::{may_maintain, may_write};
use crate::index::Index;
use crate::repository::Repository;
use crate::state::State;

/// A state of the repository, and what is needed to look into it.
pub(super) struct Look<'a> {
    pub(super) repository: &'a Repository,
    pub(super) context: &'a Arc<Context>,
    pub(super) remote: &'a Remote,
    pub(super) mirrors: &'a Mirrors<'a>,
    pub(super) state: Arc<State>,
    pub(super) index: Arc<Index>,
    pub(super) blobs: Blobs,
    /// Epochs under which nothing counts as stored.
    pub(super) retired: BTreeSet<u32>,
    /// Why no entry can be written: a later version forbids it.
    pub(super) forbidden: Option<String>,
}

/// What is looked at again: objects, and what somebody doubts of packs.
pub(super) type Suspects = BTreeMap<ObjectName, Doubt>;

/// What was found, and the bytes that belong there if they are known.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) item: RepairItem,
    pub(super) bytes: Option<Bytes>,
}

impl Found {
    /// Something that can be put back.
    pub(super) fn put_back(
        name: ObjectName,
        wrong: Wrong,
        from: RepairSource,
        bytes: Bytes,
    ) -> Self {
        let len = bytes.len() as u64;
        Self {
            item: RepairItem::new(name, wrong, Remedy::PutBack(from)).costing(2 * len, len),
            bytes: Some(bytes),
        }
    }

    /// Something that no bytes are put in the place of.
    pub(super) fn without_bytes(name: ObjectName, wrong: Wrong, remedy: Remedy) -> Self {
        Self {
            item: RepairItem::new(name, wrong, remedy),
            bytes: None,
        }
    }

    /// Something of a later version, which is left alone.
    pub(super) fn newer(name: ObjectName) -> Self {
        let why = "a later version wrote it, use that to repair it".to_owned();
        Self::without_bytes(name, Wrong::Newer, Remedy::None(NoRemedy::Newer(why)))
    }
}

impl<'a> Look<'a> {
    /// Reads what others have done, and the index.
    ///
    /// # Errors
    ///
    /// As [`Repository::current`].
    pub(super) fn begin(
        repository: &'a Repository,
        remote: &'a Remote,
        mirrors: &'a Mirrors<'a>,
    ) -> Result<Self> {
        let context = repository.context();
        let (state, index) = repository.current(remote)?;
        let blobs = Blobs::new(
            remote.clone(),
            Arc::clone(context),
            Arc::clone(&index),
            CACHE_BYTES,
        );
        let allowed = may_write(context, &state).and_then(|()| may_maintain(context, &state));
        Ok(Self {
            repository,
            context,
            remote,
            mirrors,
            retired: retired_epochs(&state),
            forbidden: allowed.err().map(|error| error.to_string()),
            state,
            index,
            blobs,
        })
    }

    /// Chooses what is looked at: what the caller names, or else what a listing shows to be missing or of another length; and what is in
    /// quarantine, and segments that could not be read, in any case.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn suspects(&self, named: Option<&[DamagedObject]>) -> Result<Suspects> {
        let mut suspects = match named {
            Some(named) => {
                let mut suspects = Suspects::new();
                for one in named {
                    suspects.entry(one.name).or_default().add(&one.frames);
                }
                suspects
            }
            None => self.missing()?,
        };
        for pack in self.state.damaged.keys() {
            if self.state.packs.contains(pack)? {
                suspects.entry(ObjectName::Pack(*pack)).or_default();
            }
        }
        for problem in self.index.problems() {
            let name = problem.object().and_then(object_name::parse);
            if let Some(name @ ObjectName::Index(_)) = name {
                suspects.entry(name).or_default();
            }
        }
        Ok(suspects)
    }

    fn missing(&self) -> Result<Suspects> {
        let listed = self.remote.list(&Prefix::root())?;
        let listed: HashMap<ObjectName, u64> = listed
            .iter()
            .filter_map(|meta| Some((object_name::parse(meta.key.as_str())?, meta.len)))
            .collect();
        let keys = self.context.keys();
        let (state, generation) = (&self.state, keys.generation);
        // These are small, and everything depends on them.
        let (in_force, _) = self.keyring_in_force();
        let mut suspects: Suspects = [
            ObjectName::Config,
            ObjectName::ConfigCopy,
            ObjectName::Keyring(in_force),
            ObjectName::KeyringCopy(in_force),
            ObjectName::Keyring(generation),
            ObjectName::KeyringCopy(generation),
        ]
        .into_iter()
        .map(|name| (name, Doubt::Nothing))
        .collect();
        let mut expect = |name: ObjectName, len: Option<u32>| {
            let is_right = match (listed.get(&name), len) {
                (Some(found), Some(len)) => *found == u64::from(len),
                (found, _) => found.is_some(),
            };
            if !is_right {
                suspects.entry(name).or_default();
            }
        };
        for slot in &keys.slots {
            expect(ObjectName::Slot(slot.id), None);
        }
        for n in 0..state.head {
            expect(ObjectName::Journal(n), None);
        }
        expect(ObjectName::JournalCopy(0), None);
        for block in 1..=state.head / BUNDLE_ENTRIES {
            expect(ObjectName::Bundle(block * BUNDLE_ENTRIES), None);
        }
        for pack in state.packs.iter() {
            let pack = pack?;
            expect(ObjectName::Pack(pack.name), Some(pack.len));
        }
        for segment in state.segments.values() {
            expect(ObjectName::Index(segment.name), Some(segment.len));
        }
        Ok(suspects)
    }

    /// Reads an object, twice if it is not right; says what is wrong with it.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn sight(
        &self,
        name: &ObjectName,
        judge: impl Fn(&Bytes) -> Result<(), Sight>,
    ) -> Result<Option<Wrong>> {
        self.remote.before_step()?;
        let mut wrong = Wrong::Missing;
        for _ in 0..2 {
            let Some(bytes) = get_if_there(self.remote, &name.to_string())? else {
                continue;
            };
            match judge(&bytes) {
                Ok(()) => return Ok(None),
                Err(Sight::Newer) => return Ok(Some(Wrong::Newer)),
                Err(Sight::Bad) => wrong = Wrong::Altered,
            }
        }
        Ok(Some(wrong))
    }

    /// Returns until when the store keeps an object from being replaced and deleted, if it does and says so.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(super) fn locked_until(&self, object: &ObjectName) -> Result<Option<i64>> {
        if !self.context.store.can_lock() {
            return Ok(None);
        }
        let now = self.context.components.clock.now().seconds;
        match self
            .remote
            .retention_later(&object_key(&object.to_string())?)
            .wait()
        {
            Ok(found) => Ok(found.map(|found| found.until).filter(|until| *until > now)),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            // Whether it can be replaced is seen when it is tried.
            Err(_) => Ok(None),
        }
    }

    /// Says whether something that seems to be missing was dropped meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Journal::refresh`](crate::journal::Journal::refresh).
    pub(super) fn was_dropped(&self, name: &ObjectHash) -> Result<bool> {
        let journal = self.repository.journal();
        let state = journal.refresh(self.remote, self.context)?;
        Ok(state.dropped.contains_key(name))
    }
}

/// Why an object is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Bad,
    /// It is whole, and a later version wrote it.
    Newer,
}

impl Sight {
    /// Judges bytes that must have a hash. Something else that is whole and of a later version is left alone: one whose seal is wrong
    /// proves nothing by what it says of its version.
    pub(super) fn of_hash<T>(
        bytes: &Bytes,
        hash: &ObjectHash,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<(), Self> {
        if ObjectHash::of(bytes) == *hash {
            return Ok(());
        }
        let is_whole = bytes
            .split_last_chunk::<32>()
            .is_some_and(|(body, seal)| ObjectHash::of(body).as_bytes() == seal);
        let said = decode(bytes).map_or_else(|error| Self::of(&error), |_| Self::Bad);
        Err(match is_whole {
            true => said,
            false => Self::Bad,
        })
    }

    pub(super) fn of(error: &DecodeError) -> Self {
        match error.kind() {
            DecodeErrorKind::Unsupported => Self::Newer,
            _ => Self::Bad,
        }
    }
}

/// Decoded frames of pages and names.
const CACHE_BYTES: usize = 16 << 20;
