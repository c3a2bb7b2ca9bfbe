//! Which locks have to be extended.

use std::fmt;

use strongroom_crypt::RepositoryId;
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::object_name::ObjectName;
use strongroom_store::Retention;

use super::audit::draw;
use super::{LockPolicy, ShortLock, utc};
use crate::context::{Context, object_key};
use crate::edge::{self, Remote};
use crate::error::{ErrorKind, Result};
use crate::journal::LockHistory;
use crate::prune::Requests;
use crate::repository::Repository;
use crate::state::State;

/// How [`plan_extend_locks`](Repository::plan_extend_locks) decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockOptions {
    /// Whether everything in force is locked again, whatever the journal says of it. Default: no.
    pub everything: bool,
}

impl LockOptions {
    /// Says whether everything in force is locked again, whatever the journal says of it: after an audit that contradicts it.
    #[must_use]
    pub fn with_everything(mut self, everything: bool) -> Self {
        self.everything = everything;
        self
    }
}

/// Which locks will be extended, and until when. Made by [`Repository::plan_extend_locks`] and carried out by [`Repository::extend_locks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPlan {
    pub(super) repository: RepositoryId,
    /// How many journal entries it was made from.
    pub(super) entries: u64,
    pub(super) to: Retention,
    pub(super) objects: Vec<PlannedLock>,
    enough: u64,
    unlocked: u64,
    short: u64,
    promise: Retention,
    contradicted: Vec<ShortLock>,
}

/// An object whose lock will be extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedLock {
    /// Its name.
    pub object: String,
    /// How it is locked, as far as the journal says; `None` if it says nothing, or more than the policy can have asked for.
    pub known: Option<Retention>,
}

impl LockPlan {
    /// Returns how everything will be locked.
    #[must_use]
    pub fn to(&self) -> Retention {
        self.to
    }

    /// Returns the objects whose locks will be extended.
    #[must_use]
    pub fn objects(&self) -> &[PlannedLock] {
        &self.objects
    }

    /// Returns how many objects are locked so already, as far as the journal says.
    #[must_use]
    pub fn enough(&self) -> u64 {
        self.enough
    }

    /// Returns where the store contradicted the journal. If it did anywhere, nothing that the journal says of locks is believed, and everything is
    /// locked again: somebody wrote what is not so, or this is a copy that was made without the locks.
    #[must_use]
    pub fn contradicted(&self) -> &[ShortLock] {
        &self.contradicted
    }

    /// Returns how many entries no lock protects, because the policy leaves entries out and no bundle has them yet.
    #[must_use]
    pub fn unlocked(&self) -> u64 {
        self.unlocked
    }

    /// Returns how many objects are not known to be locked as long as the newest snapshot is promised. More than none means that a generation passed
    /// without an extension, or that somebody writes with other settings.
    #[must_use]
    pub fn short(&self) -> u64 {
        self.short
    }

    /// Returns how everything that the newest snapshot needs should be locked by now.
    #[must_use]
    pub fn promise(&self) -> Retention {
        self.promise
    }

    /// Returns what it costs.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let entries = u64::from(!self.is_empty());
        Requests {
            heads: entries,
            puts: entries,
            extensions: self.objects.len() as u64,
            ..Requests::default()
        }
    }

    /// Says whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl fmt::Display for LockPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "lock {} objects until {}; {} are locked so long already",
            self.objects.len(),
            utc(self.to.until),
            self.enough
        )?;
        say_unlocked(f, self.unlocked)?;
        if let Some(first) = self.contradicted.first() {
            writeln!(
                f,
                "the journal says what is not so: {} of the objects that the store was asked for are locked for less, such as {}; \
                 everything is locked again",
                self.contradicted.len(),
                first.object
            )?;
        }
        if self.short > 0 {
            writeln!(
                f,
                "{} of them are not known to be locked until {}, as the newest snapshot is promised",
                self.short,
                utc(self.promise.until)
            )?;
        }
        write!(f, "costs {}", self.requests())
    }
}

impl Repository {
    /// Finds out which locks have to be extended, so that what is in force stays locked as [`Settings::object_lock`](crate::Settings::object_lock)
    /// promises. Writes nothing, and reads the journal from its first entry. Of what is locked long enough by what the journal says, the store is
    /// asked for 16 objects chosen at random: if one of them is not, everything is locked again ([`LockPlan::contradicted`]).
    ///
    /// Run it and [`extend_locks`](Self::extend_locks) once in every [`LockPolicy::generation`](crate::LockPolicy::generation): every snapshot is then locked whole from
    /// its commit on for a period at least, whatever it shares with older ones. Done again in the same generation, it finds only what is new.
    ///
    /// # Errors
    ///
    /// `Invalid` when the settings say nothing of locks, when the store cannot lock objects, or when this machine's clock is more than a year ahead of everything in
    /// the repository; otherwise as [`plan_delete`](Self::plan_delete).
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_extend_locks(&self, options: LockOptions) -> Result<LockPlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-locks", move |remote| {
            make_plan(&this, remote, options)
        })
        .await
    }
}

fn make_plan(repository: &Repository, remote: &Remote, options: LockOptions) -> Result<LockPlan> {
    let policy = repository.lock_policy()?;
    let context = repository.context();
    let history = repository.journal().history(remote, context)?;
    let state = &history.state;
    context.learn(state);
    let to = match remote.lock_target()? {
        Some(to) => to,
        None => policy.target(context.components.clock.now().seconds),
    };
    let promise = policy.promise(newest_commit(context, state));
    let is_over = promise.until <= context.components.clock.now().seconds;
    let mut plan = LockPlan {
        repository: repository.id(),
        entries: state.head,
        to,
        objects: Vec::new(),
        enough: 0,
        unlocked: unlocked_entries(state, policy),
        short: 0,
        promise,
        contradicted: Vec::new(),
    };
    let mut enough = Vec::new();
    let objects = lockable(context, state, policy)?;
    for object in &objects {
        // More than anybody can have asked for is said by somebody who wants nothing to be locked longer.
        let known = known(&history.locks, object).filter(|known| known.until <= to.until);
        plan.short += u64::from(!is_over && !known.is_some_and(|known| known.covers(&promise)));
        if known.is_some_and(|known| known.covers(&to)) && !options.everything {
            enough.push(*object);
        } else {
            plan.objects.push(PlannedLock {
                object: object.to_string(),
                known,
            });
        }
    }
    plan.enough = enough.len() as u64;
    draw(context, &mut enough, SAMPLE)?;
    plan.contradicted = contradictions(remote, &enough, to)?;
    if !plan.contradicted.is_empty() {
        plan.believe_nothing(&objects, is_over);
    }
    Ok(plan)
}

impl LockPlan {
    /// Plans for everything as if the journal said nothing of locks.
    fn believe_nothing(&mut self, objects: &[ObjectName], is_over: bool) {
        let planned = objects.iter().map(|object| PlannedLock {
            object: object.to_string(),
            known: None,
        });
        self.objects = planned.collect();
        self.enough = 0;
        self.short = match is_over {
            true => 0,
            false => self.objects.len() as u64,
        };
    }
}

/// Asks the store how objects are locked of which the journal says that they are locked so. What it does not say is no contradiction: it is missing, or may not
/// be asked for.
fn contradictions(
    remote: &Remote,
    objects: &[ObjectName],
    to: Retention,
) -> Result<Vec<ShortLock>> {
    let mut asked = Vec::with_capacity(objects.len());
    for object in objects {
        let key = object_key(&object.to_string())?;
        asked.push((object, remote.retention_later(&key)));
    }
    let mut short = Vec::new();
    for (object, ticket) in asked {
        match ticket.wait() {
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(_) => {}
            Ok(found) if found.is_some_and(|found| found.covers(&to)) => {}
            Ok(found) => short.push(ShortLock {
                object: object.to_string(),
                found,
            }),
        }
    }
    Ok(short)
}

/// Objects that the store is asked for to see whether the journal speaks the truth.
const SAMPLE: u64 = 16;

/// Returns how many entries are neither locked nor in a bundle that is.
pub(super) fn unlocked_entries(state: &State, policy: LockPolicy) -> u64 {
    match policy.locks_entries() {
        true => 0,
        false => state.head % BUNDLE_ENTRIES,
    }
}

/// Says of entries that nothing protects what that means.
pub(super) fn say_unlocked(f: &mut fmt::Formatter<'_>, entries: u64) -> fmt::Result {
    match entries {
        0 => Ok(()),
        _ => writeln!(
            f,
            "the last {entries} entries of the journal are not locked: whoever may delete them takes the snapshots in them"
        ),
    }
}

/// Returns how an object in force is locked, as far as the journal says.
fn known(locks: &LockHistory, object: &ObjectName) -> Option<Retention> {
    match object {
        ObjectName::Pack(name) | ObjectName::Index(name) => locks.of_content(name, object, None),
        _ => locks.of_other(object),
    }
}

/// Returns when the newest snapshot was committed, but not later than now.
pub(super) fn newest_commit(context: &Context, state: &State) -> i64 {
    let durable = state
        .snapshots
        .values()
        .map(|(_, snapshot)| snapshot.durable.seconds);
    let newest = durable.max().unwrap_or_else(|| context.created());
    newest.min(context.components.clock.now().seconds)
}

/// Returns everything that has to stay locked: what is in force, what opens the repository, and the journal, of which bundles have all but the end.
///
/// # Errors
///
/// As [`Packs::get`](crate::state::Packs::get).
pub(super) fn lockable(
    context: &Context,
    state: &State,
    policy: LockPolicy,
) -> Result<Vec<ObjectName>> {
    let keys = context.keys();
    let mut objects = vec![
        ObjectName::Config,
        ObjectName::ConfigCopy,
        ObjectName::Keyring(keys.generation),
        ObjectName::KeyringCopy(keys.generation),
        ObjectName::Journal(0),
        ObjectName::JournalCopy(0),
    ];
    objects.extend(keys.slots.iter().map(|slot| ObjectName::Slot(slot.id)));
    let bundles = state.head / BUNDLE_ENTRIES;
    objects.extend((1..=bundles).map(|block| ObjectName::Bundle(block * BUNDLE_ENTRIES)));
    let behind = (bundles * BUNDLE_ENTRIES).max(1)..state.head;
    objects.extend(behind.map(ObjectName::Journal));
    objects.extend(state.segments.keys().copied().map(ObjectName::Index));
    for pack in state.packs.names() {
        objects.push(ObjectName::Pack(pack?));
    }
    let is_entry =
        |object: &ObjectName| matches!(object, ObjectName::Journal(_) | ObjectName::JournalCopy(_));
    objects.retain(|object| policy.locks_entries() || !is_entry(object));
    Ok(objects)
}
