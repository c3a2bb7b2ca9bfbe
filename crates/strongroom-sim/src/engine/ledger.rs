//! What the clients of a run were promised, and what they found to be otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use super::tree::{Flat, Tree};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The property, in a few words that stay the same.
    pub property: &'static str,
    /// What was seen.
    pub what: String,
}

/// What is known of one attempt to back up.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// What the source was.
    pub(crate) tree: Arc<Tree>,
    /// The snapshot and its entry, once they were acknowledged.
    pub(crate) acknowledged: Option<(Id, u64, ObjectHash)>,
    /// Attempts to forget it that nobody knows the end of: they may arrive late.
    doubts: u32,
    /// What was acknowledged last: it was forgotten.
    forgotten: bool,
    /// Attempts to forget it or to bring it back that are under way.
    under_way: u32,
}

/// What a snapshot must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// It must be there.
    Present,
    /// It must not be there.
    Absent,
    /// Nobody was promised anything; if it is there, it must be right.
    Either,
}

/// The promises of a run. A clone is another handle on the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    attempts: BTreeMap<u64, Attempt>,
    by_id: BTreeMap<Id, u64>,
    violations: Vec<Violation>,
}

impl Ledger {
    /// Notes that a backup begins; returns its number, which the snapshot has as its tag.
    pub(crate) fn begin(&self, tree: Arc<Tree>) -> u64 {
        let mut inner = self.inner();
        let number = inner.attempts.len() as u64;
        let attempt = Attempt {
            tree,
            acknowledged: None,
            doubts: 0,
            forgotten: false,
            under_way: 0,
        };
        inner.attempts.insert(number, attempt);
        number
    }

    /// Notes that a backup was acknowledged.
    pub(crate) fn acknowledge(&self, number: u64, id: Id, entry: (u64, ObjectHash)) {
        let mut inner = self.inner();
        inner.by_id.insert(id, number);
        if let Some(attempt) = inner.attempts.get_mut(&number) {
            attempt.acknowledged = Some((id, entry.0, entry.1));
        }
    }

    /// Notes that somebody sets out to forget a snapshot, or to bring one back. Of two at once nobody knows who comes last.
    pub(crate) fn set_out(&self, numbers: &[u64]) {
        self.each(numbers, |attempt| {
            attempt.doubts += u32::from(attempt.under_way > 0);
            attempt.under_way += 1;
        });
    }

    /// Notes how forgetting ended: `Some(true)` when it was done, `Some(false)` when it was certainly not.
    pub(crate) fn forgot(&self, numbers: &[u64], done: Option<bool>) {
        self.each(numbers, |attempt| {
            attempt.under_way = attempt.under_way.saturating_sub(1);
            match done {
                Some(true) => attempt.forgotten = true,
                Some(false) => {}
                None => attempt.doubts += 1,
            }
        });
    }

    /// Notes how bringing back ended.
    pub(crate) fn brought_back(&self, number: u64, done: Option<bool>) {
        self.each(&[number], |attempt| {
            attempt.under_way = attempt.under_way.saturating_sub(1);
            match done {
                Some(true) => attempt.forgotten = false,
                Some(false) => {}
                None => attempt.doubts += 1,
            }
        });
    }

    /// Returns the attempt that a snapshot is of, by its tag.
    pub(crate) fn attempt(&self, number: u64) -> Option<Attempt> {
        self.inner().attempts.get(&number).cloned()
    }

    /// Returns every attempt with what it must have become.
    pub(crate) fn duties(&self) -> Vec<(u64, Attempt, Duty)> {
        let inner = self.inner();
        let duty = |attempt: &Attempt| match attempt {
            Attempt { doubts: 1.., .. } | Attempt { under_way: 1.., .. } => Duty::Either,
            Attempt {
                forgotten: true, ..
            } => Duty::Absent,
            Attempt {
                acknowledged: Some(_),
                ..
            } => Duty::Present,
            _ => Duty::Either,
        };
        let attempts = inner.attempts.iter();
        attempts
            .map(|(number, attempt)| (*number, attempt.clone(), duty(attempt)))
            .collect()
    }

    /// Notes a broken promise.
    pub(crate) fn violate(&self, property: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.inner().violations.push(Violation { property, what });
    }

    /// Returns the broken promises.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.inner().violations.clone()
    }

    /// Compares what was restored with what the source was.
    pub(crate) fn compare(&self, number: u64, restored: &Flat) {
        let Some(attempt) = self.attempt(number) else {
            self.violate(
                "a snapshot is somebody's",
                format!("nobody made attempt {number}"),
            );
            return;
        };
        let expected = attempt.tree.flat();
        if expected == *restored {
            return;
        }
        let differs = |path: &&Vec<u8>| expected.get(*path) != restored.get(*path);
        let path = expected.keys().chain(restored.keys()).find(differs);
        let path = path.map(|path| String::from_utf8_lossy(path).into_owned());
        self.violate(
            "what is restored is what was backed up",
            format!("attempt {number} differs at {path:?}"),
        );
    }

    fn each(&self, numbers: &[u64], mut change: impl FnMut(&mut Attempt)) {
        let mut inner = self.inner();
        for number in numbers {
            if let Some(attempt) = inner.attempts.get_mut(number) {
                change(attempt);
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
