//! Making a copy like its reference.

use std::fmt;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::comparison::{CompareOptions, Count, Difference};
use super::locked::copy_options;
use super::plan::{Action, SyncPlan};
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::options::{PutMode, StorageClass};
use crate::store::{Store, StoreExt as _};
use crate::wrap::Wholeness;

/// What was done to make a copy like its reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncReport {
    /// Put where nothing was.
    pub copied: Count,
    /// Put in place of something.
    pub replaced: Count,
    /// Deleted.
    pub deleted: Count,
    /// What needed nothing any more: it was there, or it is gone from the reference.
    pub settled: u64,
    /// Objects that differ, while nothing tells which is right; nothing was changed.
    pub conflicts: Vec<Key>,
    /// Objects that are broken in the reference, and not whole in the copy; nothing was changed.
    pub broken: Vec<Key>,
    /// What was not done, because an object that it follows is in conflict or broken.
    pub held_back: u64,
}

impl SyncReport {
    /// Says whether everything that was planned could be done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.conflicts.is_empty() && self.broken.is_empty() && self.held_back == 0
    }
}

impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "copied {}, replaced {}", self.copied, self.replaced)?;
        write!(f, ", deleted {}", self.deleted)?;
        if self.held_back > 0 {
            write!(f, ", {} held back", self.held_back)?;
        }
        for (what, keys) in [
            ("conflict", &self.conflicts),
            ("broken in the reference", &self.broken),
        ] {
            for key in keys {
                write!(f, "\n{what}: {key}")?;
            }
        }
        Ok(())
    }
}

/// Does what a plan says, after a second look at each object. What is put is locked as it is in the reference, if both stores lock
/// objects; it is hot, because no store tells what class an object was put with. Objects of one step of the order are put before those of the next;
/// within a step several at once. Of objects that have predecessors one comes after another, and nothing after one that is in conflict
/// or broken.
///
/// # Errors
///
/// What either store said: what comes later in the order is then not done.
///
/// # Cancellation
///
/// Dropping the future leaves a copy that the next comparison completes.
pub async fn sync(
    plan: &SyncPlan,
    reference: &Arc<dyn Store>,
    copy: &Arc<dyn Store>,
    options: &CompareOptions,
) -> Result<SyncReport> {
    let mut report = SyncReport::default();
    let mut done = 0;
    let same_step = |(a, one): &(Action, Difference), (b, two): &(Action, Difference)| {
        one.step == two.step && (*a == Action::Delete) == (*b == Action::Delete)
    };
    for step in plan.actions.chunk_by(same_step) {
        let is_chain = |(_, difference): &(Action, Difference)| {
            options.rules.predecessor(&difference.key).is_some()
        };
        let is_chain = step.iter().any(is_chain);
        let concurrency = if is_chain {
            1
        } else {
            let suggested = copy.capabilities().concurrency;
            suggested.clamp(1, CALLS_AT_ONCE)
        };
        let calls: Vec<_> = step
            .iter()
            .map(|(action, difference)| act(*action, difference, reference, copy, options))
            .collect();
        let mut calls = stream::iter(calls).buffered(concurrency);
        while let Some((key, outcome)) = calls.try_next().await? {
            report.note(key, outcome);
            done += 1;
            if is_chain && !report.is_complete() {
                report.held_back = (plan.actions.len() - done) as u64;
                return Ok(report);
            }
        }
    }
    Ok(report)
}

/// What became of one object.
enum Done {
    Copied(u64),
    Replaced(u64),
    Deleted(u64),
    Settled,
    Conflict,
    Broken,
}

impl SyncReport {
    /// Adds what another sync did.
    pub(crate) fn add(&mut self, other: Self) {
        for (all, one) in [
            (&mut self.copied, other.copied),
            (&mut self.replaced, other.replaced),
            (&mut self.deleted, other.deleted),
        ] {
            all.objects += one.objects;
            all.bytes += one.bytes;
        }
        self.settled += other.settled;
        self.held_back = other.held_back;
        self.conflicts.extend(other.conflicts);
        self.broken.extend(other.broken);
    }

    fn note(&mut self, key: Key, done: Done) {
        match done {
            Done::Copied(bytes) => self.copied.add(bytes),
            Done::Replaced(bytes) => self.replaced.add(bytes),
            Done::Deleted(bytes) => self.deleted.add(bytes),
            Done::Settled => self.settled += 1,
            Done::Conflict => self.conflicts.push(key),
            Done::Broken => self.broken.push(key),
        }
    }
}

async fn act(
    action: Action,
    difference: &Difference,
    reference: &Arc<dyn Store>,
    copy: &Arc<dyn Store>,
    options: &CompareOptions,
) -> Result<(Key, Done)> {
    let key = &difference.key;
    let done = match action {
        Action::Report => Done::Conflict,
        Action::Lost => Done::Broken,
        Action::Delete if reference.exists(key).await? => Done::Settled,
        Action::Delete => {
            copy.delete(key).await?;
            Done::Deleted(difference.copy_len.unwrap_or(0))
        }
        Action::Copy | Action::Replace => put(action, key, reference, copy, options).await?,
    };
    Ok((key.clone(), done))
}

async fn put(
    action: Action,
    key: &Key,
    reference: &Arc<dyn Store>,
    copy: &Arc<dyn Store>,
    options: &CompareOptions,
) -> Result<Done> {
    let bytes = match reference.get_fresh(key).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Done::Settled),
        Err(error) => return Err(error),
    };
    if options.rules.check(key, &bytes) == Wholeness::Broken {
        return Ok(Done::Broken);
    }
    let len = bytes.len() as u64;
    let how = |mode| (mode, StorageClass::Hot);
    let replacing = how(PutMode::Overwrite);
    if action == Action::Replace {
        let options = copy_options(&**reference, &**copy, key, replacing).await?;
        copy.put(key, bytes, options).await?;
        return Ok(Done::Replaced(len));
    }
    let creating = copy_options(&**reference, &**copy, key, how(PutMode::Create)).await?;
    match copy.put(key, bytes.clone(), creating).await {
        Ok(()) => Ok(Done::Copied(len)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let theirs = copy.get_fresh(key).await?;
            if theirs == bytes {
                Ok(Done::Settled)
            } else if options.rules.check(key, &theirs) == Wholeness::Broken {
                let options = copy_options(&**reference, &**copy, key, replacing).await?;
                copy.put(key, bytes, options).await?;
                Ok(Done::Replaced(len))
            } else {
                Ok(Done::Conflict)
            }
        }
        Err(error) => Err(error),
    }
}

/// Objects that are copied at once; each may be as large as an object can be.
const CALLS_AT_ONCE: usize = 4;
