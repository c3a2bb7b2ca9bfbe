//! How each object is locked when it is put.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Body, Locked, ObjectHash};
use strongroom_store::{Key, Retention, Store};

use super::{LockPolicy, added, for_entry, utc};
use crate::error::{Error, ErrorKind, Result};
use crate::forget::ClockTrust;
use crate::settings::Clock;
use crate::state::State;

/// How each object is locked when it is put.
#[derive(Debug)]
pub(crate) struct Locker {
    policy: LockPolicy,
    clock: Arc<dyn Clock>,
    can_lock: bool,
    /// The newest time that is known from the repository, in seconds.
    newest: AtomicI64,
    /// Until when packs and segments are locked that no entry has named yet.
    put: Mutex<HashMap<ObjectHash, i64>>,
}

impl Locker {
    pub(crate) fn new(policy: LockPolicy, clock: Arc<dyn Clock>, store: &dyn Store) -> Self {
        Self {
            policy,
            clock,
            can_lock: store.object_lock().is_some(),
            newest: AtomicI64::new(NOTHING),
            put: Mutex::default(),
        }
    }

    /// Makes sure that the store can do what the settings ask for.
    ///
    /// # Errors
    ///
    /// `Invalid` when it cannot.
    pub(crate) fn check_store(&self) -> Result<()> {
        match self.can_lock {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Invalid,
                "the settings ask for locked objects, and the store cannot lock any",
            )),
        }
    }

    /// Learns from a state, and from a time that was written down, what time it was.
    pub(crate) fn learn(&self, written: i64, state: &State) {
        let snapshots = state.snapshots.values();
        let newest = snapshots.map(|(_, snapshot)| snapshot.durable.seconds);
        let newest = newest.max().unwrap_or(written).max(written);
        let newest = newest.max(state.newest);
        // What was known once is known.
        let known = self.newest.load(Ordering::Relaxed);
        let known = if known == NOTHING { newest } else { known };
        self.newest.store(known.max(newest), Ordering::Relaxed);
    }

    /// Returns how an object is locked that is put now; `None` for those that are replaced or deleted at any time.
    ///
    /// # Errors
    ///
    /// `Invalid` when the store cannot lock objects, or when this machine's clock is not to be believed.
    pub(crate) fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let name = object_name::parse(key.as_str());
        if !name.is_some_and(|name| self.is_lockable(&name)) {
            return Ok(None);
        }
        let retention = self.target()?;
        if let Some(ObjectName::Pack(name) | ObjectName::Index(name)) = name {
            let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
            if put.len() >= MAX_PUT {
                put.clear();
            }
            put.insert(name, retention.until);
        }
        Ok(Some(retention))
    }

    /// Says whether an object is put once and for all. Checkpoints and beacons are deleted when there are newer ones, and parity is
    /// replaced; losing them loses nothing.
    fn is_lockable(&self, name: &ObjectName) -> bool {
        match name {
            ObjectName::Checkpoint(_) | ObjectName::Session(_) | ObjectName::Parity(_) => false,
            ObjectName::Journal(_) | ObjectName::JournalCopy(_) => self.policy.locks_entries(),
            _ => true,
        }
    }

    /// Returns how objects are locked that are put or extended now.
    ///
    /// # Errors
    ///
    /// As [`retention`](Self::retention).
    pub(crate) fn target(&self) -> Result<Retention> {
        self.check_store()?;
        let now = self.clock.now().seconds;
        let newest = self.newest.load(Ordering::Relaxed);
        let is_far = now > newest.saturating_add(LEAP) && self.policy.clock() == ClockTrust::Wait;
        if is_far || !BELIEVABLE.contains(&now) {
            let what = format!(
                "nothing is locked: this machine's clock says {}, long after everything in the repository; \
                 set it right, or say that it is (compliance:30d:trust-clock)",
                utc(now)
            );
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        Ok(self.policy.target(now))
    }

    /// Returns what an entry that is put now can say of itself and of what it adds; `None` if it is not known how that was put.
    ///
    /// # Errors
    ///
    /// As [`retention`](Self::retention).
    pub(crate) fn of_entry(&self, body: &Body) -> Result<Option<Locked>> {
        let own = self.target()?;
        let put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        let mut until = own.until;
        for name in added(body) {
            match put.get(&name) {
                Some(end) => until = until.min(*end),
                None => return Ok(None),
            }
        }
        let retention = Retention::new(own.mode, until);
        Ok(Some(for_entry(&self.policy, retention)))
    }

    /// Forgets the packs and segments that an entry has named.
    pub(crate) fn named(&self, body: &Body) {
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        for name in added(body) {
            put.remove(&name);
        }
    }
}

/// Of a repository that nothing is known of: any time is believed.
const NOTHING: i64 = i64::MAX;
/// How far ahead of the repository a clock may be: a year and a day.
const LEAP: i64 = 366 * 86_400;
/// The years 2020 to 2120. A clock that says anything else is not set.
const BELIEVABLE: std::ops::Range<i64> = 1_577_836_800..4_733_510_400;
/// Packs and segments on their way. Of those that are forgotten the journal will not say how they were put.
const MAX_PUT: usize = 1 << 16;
