//! Writing: the arbiter first, then the followers, or their queues.

use bytes::Bytes;
use futures::future::join_all;

use super::Shared;
use super::member::{Member, Queued, Wanted, words};
use super::rules::Wholeness;
use super::turns::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::options::{PutMode, PutOptions, StorageClass};
use crate::store::StoreExt as _;

impl Shared {
    pub(super) async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.expect_locks(key, &options)?;
        self.catch_up_a_little().await;
        // The arbiter decides between those that create it.
        let kind = match options.mode {
            PutMode::Create => Kind::Shared,
            PutMode::Overwrite => Kind::Alone,
        };
        let turn = self.turns.take(key, kind).await;
        self.expect_members(key).await?;
        let arbiter = self.arbiter()?;
        let predecessor = self.settings.rules.predecessor(key);
        if !follows(arbiter, predecessor.as_ref()).await? {
            // It went back, or is another one: followers know more than it.
            let what = "the arbiter lacks the predecessor";
            return Err(unavailable("put", key).with_source(what));
        }
        let wanted = match options.mode {
            PutMode::Create => Wanted::Created,
            PutMode::Overwrite => Wanted::Replaced,
        };
        let mut doubts = Doubts::new(self, key, wanted, (data.len() as u64, options.class));
        self.forget(key);
        match arbiter.store.put(key, data.clone(), options.clone()).await {
            Ok(()) => doubts.decided(),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                doubts.none();
                // Whoever of this process created it tells the followers first.
                drop(turn);
                let _turn = self.turns.take(key, Kind::Alone).await;
                self.tell_of(key).await;
                return Err(error);
            }
            Err(error) => {
                if is_refusal(error.kind()) {
                    // Nothing was stored: there is nothing to give the followers.
                    doubts.none();
                } else {
                    arbiter.failed(&error);
                }
                return Err(error);
            }
        }
        arbiter.succeeded();
        if predecessor.is_some() {
            arbiter.set_tail(key);
        }
        arbiter.forget_flaw(key);
        let puts = self.followers().map(async |(number, follower)| {
            if !follower.is_ready() {
                return (number, Err(lag(follower)));
            }
            let given = self.give(follower, key, &data, options.clone()).await;
            (number, given.map_err(|error| words(&error)))
        });
        let mut failures = Vec::new();
        for (number, outcome) in join_all(puts).await {
            match outcome {
                Ok(()) => doubts.not(number),
                Err(words) => failures.push((number, words)),
            }
        }
        drop(doubts);
        let have = self.members.len() - failures.len();
        if have >= self.quorum() || self.second_try(&failures, self.quorum() - have).await {
            return Ok(());
        }
        Err(self.too_few("put", key, &failures))
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<()> {
        let _turn = self.turns.take(key, Kind::Alone).await;
        let mut lags = Vec::new();
        for (number, follower) in self.followers() {
            if !self.drain(follower, usize::MAX).await {
                lags.push((number, lag(follower)));
            }
        }
        if !lags.is_empty() {
            return Err(self.too_few("delete", key, &lags));
        }
        let mut doubts = Doubts::new(self, key, Wanted::Absent, (0, StorageClass::Hot));
        self.forget(key);
        let arbiter = self.arbiter()?;
        if let Err(error) = arbiter.store.delete(key).await {
            if is_refusal(error.kind()) {
                doubts.none();
            } else {
                arbiter.failed(&error);
            }
            return Err(error);
        }
        doubts.decided();
        let deletes = self.followers().map(async |(number, follower)| {
            let outcome = follower.store.delete(key).await;
            (number, outcome.inspect_err(|error| follower.failed(error)))
        });
        let mut failure = None;
        for (number, outcome) in join_all(deletes).await {
            match outcome {
                Ok(()) => doubts.not(number),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        for member in &self.members {
            member.forget_flaw(key);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Makes sure that followers will have an object that the arbiter was found to have: whoever put it may not have come that far.
    async fn tell_of(&self, key: &Key) {
        for (_, follower) in self.followers() {
            if !follower.is_ready() {
                continue;
            }
            match follower.store.exists(key).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => follower.failed(&error),
            }
            follower.enqueue(Queued {
                key: key.clone(),
                wanted: Wanted::Created,
                len: 0,
                // Whoever put it knows better, and is not here to be asked.
                class: StorageClass::Hot,
                decided: true,
            });
        }
    }

    /// Gives a follower an object that the arbiter has.
    pub(super) async fn give(
        &self,
        follower: &Member,
        key: &Key,
        data: &Bytes,
        options: PutOptions,
    ) -> Result<()> {
        let predecessor = self.settings.rules.predecessor(key);
        let given = async {
            if !follows(follower, predecessor.as_ref()).await? {
                follower.lacks(key);
                return Ok(false);
            }
            match follower.store.put(key, data.clone(), options.clone()).await {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    self.settle(follower, key, data, options).await
                }
                other => other.map(|()| true),
            }
        };
        match given.await {
            Ok(true) => {
                follower.succeeded();
                follower.forget_flaw(key);
                if predecessor.is_some() {
                    follower.set_tail(key);
                }
                Ok(())
            }
            Ok(false) => Err(unavailable("put", key).with_source(lag(follower))),
            Err(error) => {
                follower.failed(&error);
                Err(error)
            }
        }
    }

    /// Decides what becomes of an object that a follower has and was to be given. Says whether it has the right one now.
    async fn settle(
        &self,
        follower: &Member,
        key: &Key,
        data: &Bytes,
        options: PutOptions,
    ) -> Result<bool> {
        let theirs = follower.store.get_fresh(key).await?;
        if theirs == *data {
            return Ok(true);
        }
        if self.settings.rules.check(key, &theirs) == Wholeness::Broken {
            // Its class and its lock are those of the copy that it replaces.
            let options = options.with_mode(PutMode::Overwrite);
            follower.store.put(key, data.clone(), options).await?;
            return Ok(true);
        }
        if follower.is_superseded(key) {
            // It was replaced since; that is queued, or about to be.
            return Ok(true);
        }
        follower.diverges(key);
        Ok(false)
    }

    /// Works off the queues of followers, to which what they were not given was added. Says whether so many of them have it now.
    async fn second_try(&self, failures: &[(usize, String)], mut wanted: usize) -> bool {
        for (number, _) in failures {
            if let Some(follower) = self.members.get(*number)
                && self.drain(follower, usize::MAX).await
            {
                wanted -= 1;
                if wanted == 0 {
                    return true;
                }
            }
        }
        false
    }

    /// Makes sure, before anything is written, that enough members will take it.
    async fn expect_members(&self, key: &Key) -> Result<()> {
        let mut lags = Vec::new();
        for (number, follower) in self.followers() {
            if !follower.is_ready() {
                lags.push((number, follower));
            }
        }
        let mut ready = self.members.len() - lags.len();
        let mut behind = Vec::new();
        for (number, follower) in lags {
            if ready < self.quorum() && self.drain(follower, usize::MAX).await {
                ready += 1;
            } else {
                behind.push((number, lag(follower)));
            }
        }
        if ready >= self.quorum() {
            return Ok(());
        }
        Err(self.too_few("put", key, &behind))
    }

    /// The error of a write that too few members have, or can be given.
    pub(super) fn too_few(
        &self,
        verb: &'static str,
        key: &Key,
        failures: &[(usize, String)],
    ) -> Error {
        let have = self.members.len() - failures.len();
        let wanted = match verb {
            "delete" => self.members.len(),
            _ => self.quorum(),
        };
        let failures: Vec<_> = failures
            .iter()
            .map(|(number, words)| format!("member {number}: {words}"))
            .collect();
        let what = format!("{have} of {wanted} members; {}", failures.join("; "));
        unavailable(verb, key).with_source(what)
    }
}

/// Followers of which it is not known that they have what was written: it is queued for them when this is dropped, be it that they
/// failed, or that the caller did not wait.
struct Doubts<'a> {
    shared: &'a Shared,
    queued: Queued,
    members: Vec<usize>,
}

impl<'a> Doubts<'a> {
    fn new(
        shared: &'a Shared,
        key: &Key,
        wanted: Wanted,
        (len, class): (u64, StorageClass),
    ) -> Self {
        let queued = Queued {
            key: key.clone(),
            wanted,
            len,
            class,
            decided: false,
        };
        let members = shared.followers().map(|(number, _)| number).collect();
        if wanted != Wanted::Created {
            shared.followers().for_each(|(_, one)| one.announce(key));
        }
        Self {
            shared,
            queued,
            members,
        }
    }

    /// Says that the arbiter has done it.
    fn decided(&mut self) {
        self.queued.decided = true;
    }

    fn none(&mut self) {
        self.members.clear();
    }

    fn not(&mut self, member: usize) {
        self.members.retain(|doubted| *doubted != member);
    }
}

impl Drop for Doubts<'_> {
    fn drop(&mut self) {
        for number in &self.members {
            if let Some(member) = self.shared.members.get(*number) {
                member.enqueue(self.queued.clone());
            }
        }
        if self.queued.wanted != Wanted::Created {
            let followers = self.shared.followers();
            followers.for_each(|(_, one)| one.retract(&self.queued.key));
        }
    }
}

/// Says whether a member has the object that comes before, if there is one.
async fn follows(member: &Member, predecessor: Option<&Key>) -> Result<bool> {
    match predecessor {
        Some(predecessor) if !member.is_tail(predecessor) => member.store.exists(predecessor).await,
        _ => Ok(true),
    }
}

fn unavailable(verb: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::Unavailable, verb).with_key(key)
}

/// Says why a follower gets nothing now.
fn lag(follower: &Member) -> String {
    let status = follower.status();
    let words = status.last_error.unwrap_or_default();
    format!("{} ({words})", status.health)
}

/// Says whether an error of this kind promises that nothing was changed.
fn is_refusal(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Unavailable | ErrorKind::Other)
}
