//! One attempt to bring a replica up to a state.

use std::collections::VecDeque;

use bytes::Bytes;
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{ObjectHash, decode_bundle};

use super::inventory::{Inventory, differs, put_same};
use super::report::ReplicaReport;
use super::window::{Passing, Window};
use crate::context::{Context, absent_is_none, get_if_there, object_key};
use crate::edge::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Fetched, Replay};
use crate::observer::{Event, Observer, Phase, Progress};
use crate::parity::{self, ParityPuts};
use crate::repository::Repository;
use crate::state::State;

/// A replication under way.
pub(super) struct Round<'a> {
    pub(super) repository: &'a Repository,
    pub(super) source: &'a Remote,
    pub(super) target: &'a Remote,
    observer: &'a dyn Observer,
    config: Bytes,
    pub(super) inventory: Inventory,
    pub(super) report: ReplicaReport,
    progress: Progress,
    parity: ParityPuts<'a>,
}

/// How an attempt ended.
pub(super) enum Ended {
    /// The replica is at the state.
    Complete,
    /// Something was dropped and deleted here meanwhile: a later state tells what replaces it.
    Overtaken,
}

impl<'a> Round<'a> {
    /// Looks at what is there.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` and `Conflict` when it is not this repository; otherwise what the stores say.
    pub(super) fn look(
        repository: &'a Repository,
        source: &'a Remote,
        target: &'a Remote,
        observer: &'a dyn Observer,
    ) -> Result<Self> {
        let config = own_config(source, repository.context())?;
        let inventory = Inventory::list(target)?;
        inventory.check_config(target, &config)?;
        Ok(Self {
            repository,
            source,
            target,
            observer,
            config,
            inventory,
            report: ReplicaReport::default(),
            progress: Progress::default(),
            parity: ParityPuts::new(target),
        })
    }

    /// Puts what never changes.
    pub(super) fn begin(&mut self) -> Result<()> {
        let config = self.config.clone();
        self.put_once(ObjectName::Config, &config)?;
        self.put_once(ObjectName::ConfigCopy, &config)
    }

    /// Brings the replica up to `state`.
    pub(super) fn run(&mut self, state: &State) -> Result<Ended> {
        self.report.lost.clear();
        let window = self.window(state)?;
        self.keys()?;
        self.bridges(state)?;
        self.observer.on_event(&Event::Phase(Phase::Store));
        if let Ended::Overtaken = self.in_force(state)? {
            return Ok(Ended::Overtaken);
        }
        self.report.parity.add(self.parity.finish());
        let missing = match window.range.start {
            // Of a journal that is shown whole, nobody sees a prefix.
            0 => Vec::new(),
            _ => self.passing(&window.passing)?,
        };
        self.observer.on_event(&Event::Phase(Phase::Commit));
        for run in window.runs(&missing) {
            self.show(&window, run)?;
        }
        self.report.head = state.head;
        self.put_copy(0, &state.genesis)?;
        self.summaries(state)?;
        self.revoked();
        Ok(Ended::Complete)
    }

    /// Reads the entries that the other lacks.
    fn window(&self, state: &State) -> Result<Window> {
        let (start, previous) = self.common(state)?;
        let context = self.repository.context();
        Window::read(self.source, context, state, start..state.head, previous)
    }

    /// Compares the two journals. Returns how many entries the other has, and the hash that the next one follows.
    ///
    /// # Errors
    ///
    /// `Fork` and `Conflict` when the other's is not a beginning of ours.
    pub(super) fn common(&self, state: &State) -> Result<(u64, ObjectHash)> {
        let (source, context) = (self.source, self.repository.context());
        let start = self.inventory.first_missing();
        if let Some(later) = self.inventory.last_entry().filter(|n| *n >= state.head) {
            self.compare(state, state.head - 1, &state.head_hash)?;
            let what = "the other store has entries that come after ours";
            let error = Error::new(ErrorKind::Conflict, what);
            return Err(error.object_named(object_name::journal(later)));
        }
        let Some(last) = start.checked_sub(1) else {
            return Ok((0, context.config_hash));
        };
        let previous = match start == state.head {
            true => state.head_hash,
            false => {
                let bridge = state.bridges.get(&last).map(|bridge| bridge.hash);
                let ours = || Replay::new(source, context).stored(last);
                bridge.map_or_else(|| ours().map(|ours| ours.entry.hash), Ok)?
            }
        };
        self.compare(state, last, &previous)?;
        Ok((start, previous))
    }

    /// Makes sure that the other store has this entry under this number, or the one that is lost here and in whose place it stands.
    fn compare(&self, state: &State, n: u64, hash: &ObjectHash) -> Result<()> {
        let name = object_name::journal(n);
        let theirs = self.target.get(&object_key(&name)?, None)?;
        let there = ObjectHash::of(&theirs);
        match there == *hash || self.is_lost_one(state, n, there)? {
            true => Ok(()),
            false => Err(differs(&name, *hash, &theirs)),
        }
    }

    /// Puts Bridges that stand here in the places of entries that the other has.
    fn bridges(&mut self, state: &State) -> Result<()> {
        for bridge in state.bridges.values() {
            let there = get_if_there(self.target, &object_name::journal(bridge.n))?;
            if there.is_some_and(|bytes| ObjectHash::of(&bytes) != bridge.hash) {
                self.put_copy(bridge.n, &bridge.hash)?;
            }
        }
        Ok(())
    }

    /// Puts the copy of an entry.
    fn put_copy(&mut self, n: u64, hash: &ObjectHash) -> Result<()> {
        let name = ObjectName::JournalCopy(n);
        if self.inventory.has(&name) {
            return Ok(());
        }
        let replay = Replay::new(self.source, self.repository.context());
        let bytes = replay.stored_as(n, hash)?.bytes;
        self.put_once(name, &bytes)
    }

    /// Puts the slots and the keyring in force.
    fn keys(&mut self) -> Result<()> {
        let keys = self.repository.context().keys();
        for slot in &keys.slots {
            let name = ObjectName::Slot(slot.id);
            if self.inventory.has(&name) {
                continue;
            }
            match get_if_there(self.source, &name.to_string())? {
                Some(bytes) => self.put_once(name, &bytes)?,
                None => self.report.lost.push(name.to_string()),
            }
        }
        self.put_once(ObjectName::Keyring(keys.generation), &keys.keyring_object)?;
        self.put_once(
            ObjectName::KeyringCopy(keys.generation),
            &keys.keyring_object,
        )
    }

    /// Puts the packs in force and then the segments.
    fn in_force(&mut self, state: &State) -> Result<Ended> {
        let packs = state
            .packs
            .iter()
            .map(|pack| {
                pack.map(|pack| Wanted::new(ObjectName::Pack(pack.name), pack.name, pack.len))
            })
            .collect::<Result<Vec<_>>>()?;
        let segments = state
            .segments
            .values()
            .map(|one| Wanted::new(ObjectName::Index(one.name), one.name, one.len));
        for wanted in [packs, segments.collect()] {
            for lost in self.transfer(wanted)? {
                let context = self.repository.context();
                let now = self.repository.journal().refresh(self.source, context)?;
                if now.dropped.contains_key(&lost.hash) {
                    return Ok(Ended::Overtaken);
                }
                self.report.lost.push(lost.name.to_string());
            }
        }
        Ok(Ended::Complete)
    }

    /// Puts what only prefixes name, and returns what of it exists no more.
    fn passing(&mut self, passing: &[Passing]) -> Result<Vec<Passing>> {
        let wanted = passing.iter().map(|one| Wanted {
            name: one.name,
            hash: one.hash,
            len: None,
        });
        let lost = self.transfer(wanted.collect())?;
        let is_lost = |one: &&Passing| lost.iter().any(|lost| lost.hash == one.hash);
        Ok(passing.iter().filter(is_lost).copied().collect())
    }

    /// Copies objects named by their hashes, a few at a time. Returns those that are missing or damaged here.
    fn transfer(&mut self, wanted: Vec<Wanted>) -> Result<Vec<Wanted>> {
        let mut lost = Vec::new();
        let mut flying = VecDeque::new();
        let mut waiting = wanted.into_iter();
        self.progress.entries = 0;
        self.progress.entries_total = Some(waiting.len() as u64);
        loop {
            self.target.before_batch()?;
            while flying.len() < AHEAD
                && let Some(next) = waiting.next()
            {
                if !self.is_there(&next)? {
                    let key = object_key(&next.name.to_string())?;
                    flying.push_back((next, self.source.get_later(&key, None)));
                }
            }
            let Some((next, ticket)) = flying.pop_front() else {
                return Ok(lost);
            };
            match self.verified(&next, ticket)? {
                Some(bytes) => self.put_named(&next, bytes)?,
                None => lost.push(next),
            }
        }
    }

    /// Says whether the replica has the object. One of another length is not what was put there, and makes way.
    fn is_there(&mut self, wanted: &Wanted) -> Result<bool> {
        let Some(len) = self.inventory.len_of(&wanted.name) else {
            return Ok(false);
        };
        if wanted.len.is_none_or(|expected| expected == len) {
            return Ok(true);
        }
        let name = wanted.name.to_string();
        self.target.delete(&object_key(&name)?)?;
        self.report.repaired.push(name);
        Ok(false)
    }

    /// Waits for an object, and asks once more if it is not what its name says; `None` when it is lost.
    fn verified(&self, wanted: &Wanted, ticket: Ticket<Bytes>) -> Result<Option<Bytes>> {
        let key = object_key(&wanted.name.to_string())?;
        let is_right = |bytes: &Bytes| ObjectHash::of(bytes) == wanted.hash;
        match absent_is_none(ticket.wait())? {
            Some(bytes) if is_right(&bytes) => Ok(Some(bytes)),
            _ => Ok(absent_is_none(self.source.get(&key, None))?.filter(is_right)),
        }
    }

    fn put_named(&mut self, wanted: &Wanted, bytes: Bytes) -> Result<()> {
        let name = wanted.name.to_string();
        let len = bytes.len() as u64;
        let parity = self.make_parity(wanted, &bytes);
        match self.target.put(&object_key(&name)?, bytes) {
            // Its name says what it is.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            other => other?,
        }
        self.parity.begin(&wanted.hash, parity);
        self.inventory.add(wanted.name, len);
        self.report.bytes += len;
        match wanted.name {
            ObjectName::Pack(_) => self.report.packs += 1,
            _ => self.report.segments += 1,
        }
        self.progress.entries += 1;
        self.progress.transferred += len;
        self.observer.on_event(&Event::Progress(&self.progress));
        Ok(())
    }

    /// Makes parity of a pack in force, if packs that this handle writes are to have any.
    fn make_parity(&self, wanted: &Wanted, bytes: &Bytes) -> Option<Result<Bytes>> {
        let context = self.repository.context();
        let random = context.components.random.as_ref();
        let is_pack = matches!(wanted.name, ObjectName::Pack(_));
        let overhead = context.settings.parity;
        let overhead = overhead.filter(|_| is_pack && wanted.len.is_some())?;
        Some(parity::make(random, overhead, &wanted.hash, bytes))
    }

    /// Puts a run of entries. Whoever reads the replica sees none of them before the first, which comes last.
    fn show(&mut self, window: &Window, run: std::ops::Range<u64>) -> Result<()> {
        let first = run.start;
        if run.end > first + 1 {
            self.put_entries(window, first + 1..run.end)?;
        }
        self.put_entries(window, first..first + 1)
    }

    fn put_entries(&mut self, window: &Window, range: std::ops::Range<u64>) -> Result<()> {
        let context = self.repository.context();
        let replay = Replay::new(self.source, context);
        replay.each(range, |fetched| {
            let fetched = match window.hash(fetched.entry.n) {
                Some(hash) if fetched.entry.hash != *hash => {
                    replay.stored_as(fetched.entry.n, hash)?
                }
                _ => fetched,
            };
            let Fetched { bytes, entry } = fetched;
            if window.hash(entry.n) != Some(&entry.hash) {
                let what = "the journal was not read twice alike";
                let error = Error::new(ErrorKind::Conflict, what);
                return Err(error.object_named(object_name::journal(entry.n)));
            }
            if put_same(self.target, &object_name::journal(entry.n), &bytes)? {
                self.report.entries += 1;
                self.report.bytes += bytes.len() as u64;
            }
            self.inventory.add(ObjectName::Journal(entry.n), 0);
            Ok(())
        })
    }

    /// Puts bundles, and the newest checkpoint. All are copies that a reader can do without.
    fn summaries(&mut self, state: &State) -> Result<()> {
        let blocks = (1..=state.head / BUNDLE_ENTRIES).map(|block| block * BUNDLE_ENTRIES);
        for n in blocks.clone() {
            let name = ObjectName::Bundle(n);
            if self.inventory.has(&name) {
                continue;
            }
            let found = get_if_there(self.source, &name.to_string())?;
            match found.filter(|bytes| decode_bundle(bytes).is_ok()) {
                Some(bytes) => self.put_once(name, &bytes)?,
                None => tracing::debug!(n, "there is no whole bundle to copy"),
            }
        }
        for n in blocks.rev().take(NEWEST_CHECKPOINTS) {
            let name = ObjectName::Checkpoint(n);
            if self.inventory.has(&name) {
                break;
            }
            if let Some(bytes) = get_if_there(self.source, &name.to_string())?.filter(is_whole) {
                return self.put_once(name, &bytes);
            }
        }
        Ok(())
    }

    /// Deletes there what a revocation deletes. An old slot with an old keyring opens the replica to whoever was revoked.
    fn revoked(&mut self) {
        for name in self.revoked_objects() {
            let name = name.to_string();
            match object_key(&name).and_then(|key| self.target.delete(&key)) {
                Ok(()) => self.report.deleted.push(name),
                Err(error) => self.report.left.push((name, error.to_string())),
            }
        }
    }

    /// Names slots there that open nothing any more, and old keyrings.
    pub(super) fn revoked_objects(&self) -> Vec<ObjectName> {
        let keys = self.repository.context().keys();
        self.inventory.objects(|name| match name {
            ObjectName::Keyring(old) | ObjectName::KeyringCopy(old) => *old < keys.generation,
            ObjectName::Slot(id) => keys.slots.iter().all(|slot| slot.id != *id),
            _ => false,
        })
    }

    /// Puts an object that is written once under a name of its own.
    fn put_once(&mut self, name: ObjectName, bytes: &Bytes) -> Result<()> {
        if self.inventory.has(&name) {
            return Ok(());
        }
        if put_same(self.target, &name.to_string(), bytes)? {
            self.report.bytes += bytes.len() as u64;
        }
        self.inventory.add(name, bytes.len() as u64);
        Ok(())
    }
}

/// An object that the replica should have.
#[derive(Debug)]
struct Wanted {
    name: ObjectName,
    hash: ObjectHash,
    /// Its length, where the journal tells.
    len: Option<u64>,
}

impl Wanted {
    fn new(name: ObjectName, hash: ObjectHash, len: u32) -> Self {
        Self {
            name,
            hash,
            len: Some(u64::from(len)),
        }
    }
}

/// Reads the config that the repository was opened with.
fn own_config(source: &Remote, context: &Context) -> Result<Bytes> {
    for name in [object_name::config(), object_name::config_copy()] {
        let found = get_if_there(source, &name)?;
        if let Some(bytes) = found.filter(|bytes| ObjectHash::of(bytes) == context.config_hash) {
            return Ok(bytes);
        }
    }
    Err(Error::new(ErrorKind::Damaged, "config is lost").object_named(object_name::config()))
}

/// Says whether an object ends with its seal of wholeness.
fn is_whole(object: &Bytes) -> bool {
    object
        .split_last_chunk::<32>()
        .is_some_and(|(rest, seal)| ObjectHash::of(rest).as_bytes() == seal)
}

/// Objects on their way from the source at once: each is a pack in memory.
const AHEAD: usize = 3;
/// A reader tries the newest checkpoint and the one before.
const NEWEST_CHECKPOINTS: usize = 2;
