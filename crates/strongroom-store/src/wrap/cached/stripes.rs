//! Which reads are too old to be kept.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::Name;

/// A count of changes for each of some groups of names. What was read before a change is not kept after it.
#[derive(Debug)]
pub(super) struct Stripes(Vec<Mutex<u64>>);

/// A moment in the life of a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) name: Name,
    changes: u64,
}

impl Stripes {
    pub(super) fn new() -> Self {
        Self((0..STRIPES).map(|_| Mutex::default()).collect())
    }

    /// Returns this moment.
    pub(super) fn token(&self, name: Name) -> Token {
        let changes = self.lock(name).map_or(0, |changes| *changes);
        Token { name, changes }
    }

    /// Makes earlier moments too old, and returns this one.
    pub(super) fn change(&self, name: Name) -> Token {
        self.changing(name, || ())
    }

    /// Makes earlier moments too old, and does something before any later one.
    pub(super) fn changing(&self, name: Name, does: impl FnOnce()) -> Token {
        let changes = self.lock(name).map_or(0, |mut changes| {
            *changes += 1;
            does();
            *changes
        });
        Token { name, changes }
    }

    /// Does something if nothing has changed since, and before anything does.
    pub(super) fn unless_changed<T>(&self, token: Token, does: impl FnOnce() -> T) -> Option<T> {
        let changes = self.lock(token.name)?;
        (*changes == token.changes).then(does)
    }

    fn lock(&self, name: Name) -> Option<MutexGuard<'_, u64>> {
        let at = usize::from(name.first_byte()) % STRIPES;
        let stripe = self.0.get(at)?;
        Some(stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Token {
    /// Returns the moment after one more change.
    pub(super) fn next(self) -> Self {
        Self {
            changes: self.changes + 1,
            ..self
        }
    }
}

/// Names that share a count by chance cost a miss, no more.
const STRIPES: usize = 64;
