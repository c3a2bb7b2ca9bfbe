//! Reads back how objects are locked.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use strongroom_format::object_name::ObjectName;
use strongroom_store::Retention;

use super::plan::{lockable, newest_commit, say_unlocked, unlocked_entries};
use super::{HiddenObject, utc};
use crate::context::{Context, object_key};
use crate::edge::{self, Remote, Ticket, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase, Progress};
use crate::repository::Repository;

/// How [`audit_locks`](Repository::audit_locks) looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockAuditOptions {
    /// How many objects the store is asked for, chosen at random; all of them if `None`, the default. It is a request each.
    pub sample: Option<u64>,
}

impl LockAuditOptions {
    /// Says how many objects the store is asked for, chosen at random.
    #[must_use]
    pub fn with_sample(mut self, objects: u64) -> Self {
        self.sample = Some(objects);
        self
    }
}

/// How objects are locked, as the store says.
#[derive(Debug)]
#[non_exhaustive]
pub struct LockAudit {
    /// How everything in force should be locked: as the newest snapshot is promised.
    pub promise: Retention,
    /// How many objects should be.
    pub objects: u64,
    /// How many of them the store was asked for.
    pub asked: u64,
    /// How many of those are locked as promised.
    pub kept: u64,
    /// Those that are not.
    pub short: Vec<ShortLock>,
    /// Those of which the store did not say it: missing, refused, unreachable.
    pub unknown: Vec<Error>,
    /// Those that something younger stands over, on a store that keeps versions: it locks versions and not names. All of them, whatever the
    /// size of the sample. They are brought back by [`uncover`](crate::uncover).
    pub hidden: Vec<HiddenObject>,
    /// When the first of those that are locked ends to be.
    pub first_end: Option<i64>,
    /// Entries that no lock protects, because the policy leaves entries out and no bundle has them yet.
    pub unlocked: u64,
    /// The promise has ended: nothing has to be locked any more, unless there is a new snapshot.
    pub is_over: bool,
}

/// An object that is locked for less than was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShortLock {
    /// Its name.
    pub object: String,
    /// How it is locked; `None` if it is not.
    pub found: Option<Retention>,
}

impl LockAudit {
    /// Says whether everything that the store was asked for is locked as promised.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.short.is_empty() && self.unknown.is_empty() && self.hidden.is_empty()
    }
}

impl fmt::Display for LockAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_over {
            writeln!(
                f,
                "the newest snapshot was promised to be locked until {}; nothing has to be any more",
                utc(self.promise.until)
            )?;
        }
        say_unlocked(f, self.unlocked)?;
        write!(
            f,
            "asked for {} of {} objects: {} are locked until {} or longer, {} for less or not at all, {} are hidden, {} are unknown",
            self.asked,
            self.objects,
            self.kept,
            utc(self.promise.until),
            self.short.len(),
            self.hidden.len(),
            self.unknown.len()
        )
    }
}

impl Repository {
    /// Asks the store how objects in force are locked, and compares that with what was promised. Writes nothing.
    ///
    /// Where the store keeps versions it is asked which objects are hidden, one request for some hundred objects; those do not count as locked.
    /// A sample says what it saw and no more: of n objects chosen at random none is short with a probability of (1 − p)ⁿ if a share of p is.
    ///
    /// # Errors
    ///
    /// `Invalid` when the settings say nothing of locks, or the store cannot lock objects; otherwise as [`snapshots`](Self::snapshots). What the store
    /// says of single objects is in the result.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn audit_locks(
        &self,
        options: LockAuditOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<LockAudit> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-audit-locks", move |remote| {
            audit(&this, remote, options, observer.as_ref())
        })
        .await
    }
}

fn audit(
    repository: &Repository,
    remote: &Remote,
    options: LockAuditOptions,
    observer: &dyn Observer,
) -> Result<LockAudit> {
    let policy = repository.lock_policy()?;
    let context = repository.context();
    if let Some(locker) = context.store.locker() {
        locker.check_store()?;
    }
    let state = repository.journal().refresh(remote, context)?;
    let mut objects = lockable(context, &state, policy)?;
    let mut audit = LockAudit {
        promise: policy.promise(newest_commit(context, &state)),
        objects: objects.len() as u64,
        asked: 0,
        kept: 0,
        short: Vec::new(),
        unknown: Vec::new(),
        hidden: Vec::new(),
        first_end: None,
        unlocked: unlocked_entries(&state, policy),
        is_over: false,
    };
    audit.is_over = audit.promise.until <= context.components.clock.now().seconds;
    audit.look_for_hidden(remote, &mut objects)?;
    if let Some(sample) = options.sample {
        draw(context, &mut objects, sample)?;
    }
    observer.on_event(&Event::Phase(Phase::Store));
    let total = audit.asked + objects.len() as u64;
    let mut coming = objects.into_iter();
    let mut waiting: VecDeque<(ObjectName, Ticket<Option<Retention>>)> = VecDeque::new();
    loop {
        while waiting.len() < AT_ONCE {
            let Some(object) = coming.next() else { break };
            let key = object_key(&object.to_string())?;
            waiting.push_back((object, remote.retention_later(&key)));
        }
        let Some((object, ticket)) = waiting.pop_front() else {
            return Ok(audit);
        };
        match ticket.wait() {
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(cancelled()),
            // Bundles and copies of entries are written if they can be.
            Err(error) if is_optional(&object) && error.kind() == ErrorKind::NotFound => {
                audit.objects = audit.objects.saturating_sub(1);
                continue;
            }
            answer => audit.note(object, answer),
        }
        let progress = Progress {
            entries: audit.asked,
            entries_total: Some(total),
            ..Progress::default()
        };
        observer.on_event(&Event::Progress(&progress));
    }
}

fn is_optional(object: &ObjectName) -> bool {
    matches!(object, ObjectName::Bundle(_) | ObjectName::JournalCopy(_))
}

impl LockAudit {
    /// Takes those objects out that are hidden. Of them the store would speak of what hides them.
    fn look_for_hidden(&mut self, remote: &Remote, objects: &mut Vec<ObjectName>) -> Result<()> {
        let found = match remote.hidden() {
            Ok(found) => found.unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                self.unknown.push(error);
                return Ok(());
            }
        };
        let mut found: BTreeMap<ObjectName, HiddenObject> = found.into_iter().collect();
        objects.retain(|object| match found.remove(object) {
            None => true,
            Some(hidden) => {
                self.asked += 1;
                self.hidden.push(hidden);
                false
            }
        });
        Ok(())
    }

    fn note(&mut self, object: ObjectName, answer: Result<Option<Retention>>) {
        self.asked += 1;
        let found = match answer {
            Ok(found) => found,
            Err(error) => {
                self.unknown.push(error.object_named(object.to_string()));
                return;
            }
        };
        if let Some(found) = found {
            let first = self
                .first_end
                .map_or(found.until, |first| first.min(found.until));
            self.first_end = Some(first);
        }
        if self.is_over || found.is_some_and(|found| found.covers(&self.promise)) {
            self.kept += 1;
        } else {
            self.short.push(ShortLock {
                object: object.to_string(),
                found,
            });
        }
    }
}

/// Leaves so many of the objects, chosen at random.
pub(super) fn draw(context: &Context, objects: &mut Vec<ObjectName>, count: u64) -> Result<()> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    for at in 0..count.min(objects.len()) {
        let random = u64::from_le_bytes(context.random()?);
        let left = objects.len() - at;
        let step = (u128::from(random) * left as u128) >> 64;
        objects.swap(at, at + usize::try_from(step).unwrap_or(0));
    }
    objects.truncate(count);
    Ok(())
}

/// Questions on their way at once.
const AT_ONCE: usize = 16;
