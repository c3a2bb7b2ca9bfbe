//! Working off what is queued for members, and repairing what reads found.

use futures::TryStreamExt as _;
use futures::future::join_all;

use super::member::{Member, Queued, Wanted};
use super::rules::Wholeness;
use super::turns::Kind;
use super::{MirrorStatus, Mirrored, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::options::{PutMode, StorageClass};
use crate::replica::copy_options;
use crate::store::StoreExt as _;

impl Mirrored {
    /// Gives lagging members what is queued for them, and repairs what reads found missing or broken, as far as members can be
    /// reached. What failed is in the status that is returned.
    ///
    /// An object that the *arbiter* lacks is not put there: it may have been deleted. [`sync`](crate::replica::sync) does that for
    /// whoever knows better.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the rest queued.
    pub async fn catch_up(&self) -> MirrorStatus {
        let shared = &*self.shared;
        let followers = shared.followers();
        join_all(followers.map(|(_, follower)| shared.drain(follower, usize::MAX))).await;
        for (number, member) in shared.members.iter().enumerate() {
            for key in member.flaws() {
                shared.repair(number, member, &key).await;
            }
        }
        self.status()
    }
}

impl Shared {
    /// Does a part of it before a write that has to be done anyway.
    pub(super) async fn catch_up_a_little(&self) {
        for (number, member) in self.members.iter().enumerate() {
            if number > 0 && !member.is_ready() && member.can_catch_up() && member.is_worth_a_try()
            {
                self.drain(member, DRAINED_A_WRITE).await;
            }
            if let Some(key) = member.next_flaw() {
                self.repair(number, member, &key).await;
            }
        }
    }

    /// Works off what is queued for a follower, at most so many objects. Says whether it is ready for more.
    pub(super) async fn drain(&self, follower: &Member, most: usize) -> bool {
        if follower.is_ready() {
            return true;
        }
        let _turn = follower.draining.lock().await;
        for _ in 0..most {
            let Some(queued) = follower.front() else {
                break;
            };
            match self.bring_up(follower, &queued).await {
                Ok(true) => follower.done(&queued),
                Ok(false) => return false,
                Err(error) => {
                    follower.failed(&error);
                    return false;
                }
            }
        }
        follower.is_ready()
    }

    /// Makes a follower like the arbiter in one object. Says whether it is now.
    async fn bring_up(&self, follower: &Member, queued: &Queued) -> Result<bool> {
        let key = &queued.key;
        let ours = match self.arbiter()?.store.get_fresh(key).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // What was put was deleted since, or never came; only what was to be deleted is deleted here.
                if queued.wanted == Wanted::Absent {
                    follower.store.delete(key).await?;
                    follower.succeeded();
                } else if self.arbiter_is_empty().await? {
                    // An empty mount point says so of everything.
                    return Err(Error::new(ErrorKind::Unavailable, "get")
                        .with_key(key)
                        .with_source("the arbiter has no object at all".to_owned()));
                }
                return Ok(true);
            }
            Err(error) => {
                let words = super::member::words(&error);
                return Err(Error::new(ErrorKind::Unavailable, "get")
                    .with_key(key)
                    .with_source(format!("the arbiter: {words}")));
            }
        };
        if queued.wanted == Wanted::Absent {
            // It was put again, and is queued for that too; or the delete did not come.
            return Ok(true);
        }
        if self.settings.rules.check(key, &ours) == Wholeness::Broken {
            // Damage is not copied. Both are repaired from elsewhere, or by somebody who knows more.
            self.note_flaw(0, key);
            follower.has_flaw(key);
            return Ok(true);
        }
        let mode = match queued.wanted {
            Wanted::Replaced => PutMode::Overwrite,
            _ => PutMode::Create,
        };
        let how = (mode, queued.class);
        let options = copy_options(&*self.arbiter()?.store, &*follower.store, key, how).await?;
        match self.give(follower, key, &ours, options).await {
            Ok(()) => Ok(true),
            Err(_) => Ok(false),
        }
    }

    async fn arbiter_is_empty(&self) -> Result<bool> {
        let mut listed = self.arbiter()?.store.list(&Prefix::root());
        Ok(listed.try_next().await?.is_none())
    }

    /// Repairs one copy, after a second look.
    pub(super) async fn repair(&self, number: usize, member: &Member, key: &Key) {
        let _turn = self.turns.take(key, Kind::Alone).await;
        match self.mend(number, member, key).await {
            Ok(Mended::Now) => {
                member.repaired(key);
                self.forget(key);
            }
            Ok(Mended::NotNeeded) => member.forget_flaw(key),
            Ok(Mended::NotPossible) => member.give_up(key),
            Err(error) => {
                member.give_up(key);
                member.failed(&error);
            }
        }
    }

    async fn mend(&self, number: usize, member: &Member, key: &Key) -> Result<Mended> {
        let rules = &self.settings.rules;
        let missing = match member.store.get_fresh(key).await {
            Ok(bytes) if rules.check(key, &bytes) != Wholeness::Broken => {
                return Ok(Mended::NotNeeded);
            }
            Ok(_) => false,
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if missing {
            if number == 0 {
                return Ok(Mended::NotPossible);
            }
            if !self.arbiter()?.store.exists(key).await? {
                // It was deleted.
                return Ok(Mended::NotNeeded);
            }
        }
        for (from, source) in self.members.iter().enumerate() {
            if from == number || source.is_stale(key) {
                continue;
            }
            let Ok(bytes) = source.store.get_fresh(key).await else {
                continue;
            };
            let suffices = match rules.check(key, &bytes) {
                Wholeness::Proven => true,
                // The arbiter's word is what it is; nobody else's is put in its place.
                Wholeness::Plausible => number > 0,
                Wholeness::Unknown => missing && from == 0,
                Wholeness::Broken => false,
            };
            if !suffices {
                continue;
            }
            let mode = if missing {
                PutMode::Create
            } else {
                PutMode::Overwrite
            };
            let how = (mode, StorageClass::Hot);
            let options = copy_options(&*source.store, &*member.store, key, how).await?;
            if missing {
                self.give(member, key, &bytes, options).await?;
            } else {
                member.store.put(key, bytes, options).await?;
            }
            return Ok(Mended::Now);
        }
        Ok(Mended::NotPossible)
    }

    /// Takes note that a member's copy is missing or broken.
    pub(super) fn note_flaw(&self, number: usize, key: &Key) {
        if let Some(member) = self.members.get(number) {
            member.has_flaw(key);
        }
    }
}

/// What became of a repair.
enum Mended {
    Now,
    NotNeeded,
    NotPossible,
}

/// Queued objects that a write gives to each lagging member before its own.
const DRAINED_A_WRITE: usize = 4;
