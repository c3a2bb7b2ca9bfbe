//! Locks of a mirror: as weak as the weakest member's.

use async_trait::async_trait;
use futures::future::join_all;

use super::member::{Member, words};
use super::{Mirrored, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::lock::{ObjectLock, Retention};
use crate::options::PutOptions;
use crate::wrap::locking::{can_lock, lock_of};

/// There is one if every member has one. As many members must answer, or be locked, as the [`WritePolicy`](super::WritePolicy) asks for
/// writes, the arbiter among them; a follower that lacks the object is passed over: it will be given it locked as the arbiter's then is.
#[async_trait]
impl ObjectLock for Mirrored {
    fn locks(&self, key: &Key) -> bool {
        self.members().all(|store| can_lock(&**store, key))
    }

    /// The weakest answer.
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let mut found = self.shared.lock_calls(key, None).await?.into_iter();
        let first = found.next().flatten();
        Ok(found.fold(first, |weakest, one| weaker(weakest?, one?)))
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        self.shared.lock_calls(key, Some(to)).await.map(drop)
    }
}

impl Shared {
    /// Extends the lock on every member, or asks for it, and returns what those said that have the object, the arbiter first.
    async fn lock_calls(&self, key: &Key, to: Option<Retention>) -> Result<Vec<Option<Retention>>> {
        let arbiter = self.arbiter()?;
        let first = lock_call(arbiter, key, to).await.inspect_err(|error| {
            if error.is_retryable() {
                arbiter.failed(error);
            }
        })?;
        let mut answers = vec![first];
        let mut failures = Vec::new();
        let calls = self.followers().map(async |(number, follower)| {
            let outcome = lock_call(follower, key, to).await;
            (number, follower, outcome)
        });
        for (number, follower, outcome) in join_all(calls).await {
            match outcome {
                Ok(answer) => answers.push(answer),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.is_retryable() => {
                    follower.failed(&error);
                    failures.push((number, words(&error)));
                }
                // It was reached, and does not do it.
                Err(error) => return Err(error),
            }
        }
        if self.members.len() - failures.len() < self.quorum() {
            let verb = if to.is_some() { "extend" } else { "retention" };
            return Err(self.too_few(verb, key, &failures));
        }
        Ok(answers)
    }

    /// Makes sure, before the arbiter has it, that a follower can have it too.
    pub(super) fn expect_locks(&self, key: &Key, options: &PutOptions) -> Result<()> {
        let lacks = |member: &Member| !can_lock(&*member.store, key);
        if options.retention.is_none() || !self.members.iter().any(lacks) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, "put")
            .with_key(key)
            .with_source("not every member of the mirror locks such objects"))
    }
}

/// Extends the lock of an object on one member, or asks for it.
async fn lock_call(member: &Member, key: &Key, to: Option<Retention>) -> Result<Option<Retention>> {
    match to {
        None => lock_of(&*member.store, "retention")?.retention(key).await,
        Some(to) => {
            let lock = lock_of(&*member.store, "extend")?;
            lock.extend(key, to).await.map(|()| None)
        }
    }
}

/// Returns what holds of both locks.
fn weaker(one: Retention, other: Retention) -> Option<Retention> {
    let until = one.until.min(other.until);
    Some(Retention::new(one.mode.min(other.mode), until))
}
