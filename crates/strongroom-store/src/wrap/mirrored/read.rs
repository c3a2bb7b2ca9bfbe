//! Reading: the first good copy.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::RangeReads;
use super::Shared;
use super::member::Member;
use super::rules::Wholeness;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::options::{GetOptions, ObjectMeta};
use crate::store::check_range;

/// What a member has.
enum Copy<T> {
    Good(T),
    /// It is there, and is not what was put.
    Broken(Result<T>),
    Missing,
    Failed(Error),
}

/// What members said so far that have no good copy.
struct Search<T> {
    broken: Option<Result<T>>,
    arbiter_lacks: bool,
    /// Followers that know of everything acknowledged, and not of this.
    absent: usize,
    error: Option<Error>,
    flawed: Vec<usize>,
}

impl Shared {
    pub(super) async fn get(&self, key: &Key, options: &GetOptions) -> Result<Bytes> {
        let mut search = Search::new();
        for (number, member) in self.members.iter().enumerate() {
            if !self.asks(number, member, key, &mut search) {
                continue;
            }
            let copy = self.copy(number, member, key, options).await;
            if let Some(bytes) = self.judge(number, member, key, copy, &mut search) {
                return Ok(bytes);
            }
        }
        self.conclude("get", key, search)
    }

    pub(super) async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let mut search = Search::new();
        for (number, member) in self.members.iter().enumerate() {
            if !self.asks(number, member, key, &mut search) {
                continue;
            }
            let copy = match member.store.head(key).await {
                Ok(object) => Copy::Good(object),
                Err(error) => error.into(),
            };
            if let Some(object) = self.judge(number, member, key, copy, &mut search) {
                return Ok(object);
            }
        }
        self.conclude("head", key, search)
    }

    /// Says whether a member is worth asking.
    fn asks<T>(&self, number: usize, member: &Member, key: &Key, search: &mut Search<T>) -> bool {
        if number == 0 {
            return true;
        }
        if member.is_to_delete(key) {
            search.absent += 1;
            return false;
        }
        // Without the arbiter everybody is asked; with its word, only those that answer.
        !search.arbiter_lacks || member.is_worth_a_try()
    }

    async fn copy(
        &self,
        number: usize,
        member: &Member,
        key: &Key,
        options: &GetOptions,
    ) -> Copy<Bytes> {
        let rules = &self.settings.rules;
        let is_part = options.range.is_some();
        let trusted = is_part
            && (self.settings.ranges == RangeReads::Trusted
                || self.checked().contains(&(number, key.clone())));
        if trusted || !rules.can_check(key) {
            return match member.store.get(key, options.clone()).await {
                Ok(bytes) => Copy::Good(bytes),
                Err(error) => error.into(),
            };
        }
        let whole = GetOptions::default().with_fresh(options.fresh);
        let whole = match member.store.get(key, whole).await {
            Ok(whole) => whole,
            Err(error) => return error.into(),
        };
        let part = check_range(key, whole.len() as u64, options).map(|range| {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            whole.slice(at(range.start)..at(range.end))
        });
        if rules.check(key, &whole) == Wholeness::Broken {
            return Copy::Broken(part);
        }
        if is_part {
            self.set_checked(number, key);
        }
        match part {
            Ok(bytes) => Copy::Good(bytes),
            Err(error) => Copy::Failed(error),
        }
    }

    /// Returns a good copy, after taking note of those that asked before have none.
    fn judge<T>(
        &self,
        number: usize,
        member: &Member,
        key: &Key,
        copy: Copy<T>,
        search: &mut Search<T>,
    ) -> Option<T> {
        match copy {
            Copy::Good(found) => {
                member.succeeded();
                for flawed in &search.flawed {
                    self.note_flaw(*flawed, key);
                }
                if search.error.is_some() && number > 0 {
                    self.degraded_answers.fetch_add(1, Ordering::Relaxed);
                }
                return Some(found);
            }
            Copy::Broken(part) => {
                search.flawed.push(number);
                search.broken.get_or_insert(part);
            }
            Copy::Missing if number == 0 => {
                search.arbiter_lacks = true;
                search.flawed.push(number);
            }
            Copy::Missing if member.is_stale(key) => {}
            Copy::Missing => {
                search.absent += 1;
                search.flawed.push(number);
            }
            Copy::Failed(error) => {
                if error.kind() == ErrorKind::InvalidRange {
                    search.flawed.push(number);
                } else {
                    member.failed(&error);
                }
                search.error.get_or_insert(error);
            }
        }
        None
    }

    /// Decides when no member has a good copy.
    fn conclude<T>(&self, verb: &'static str, key: &Key, search: Search<T>) -> Result<T> {
        if let Some(broken) = search.broken {
            // As any store would: whoever reads it will see that it is damaged.
            return broken;
        }
        let missing = || Error::new(ErrorKind::NotFound, verb).with_key(key);
        if search.arbiter_lacks {
            // The arbiter has whatever was acknowledged, so nobody else need be reached.
            let refused = search
                .error
                .filter(|error| error.kind() == ErrorKind::InvalidRange);
            return Err(refused.unwrap_or_else(missing));
        }
        match search.error {
            Some(error) if error.kind() == ErrorKind::InvalidRange => Err(error),
            _ if self.is_sure(search.absent) => {
                self.degraded_answers.fetch_add(1, Ordering::Relaxed);
                Err(missing())
            }
            Some(error) => Err(error),
            None => Err(Error::new(ErrorKind::Unavailable, verb).with_key(key)),
        }
    }
}

impl<T> Search<T> {
    fn new() -> Self {
        Self {
            broken: None,
            arbiter_lacks: false,
            absent: 0,
            error: None,
            flawed: Vec::new(),
        }
    }
}

impl<T> From<Error> for Copy<T> {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            _ => Self::Failed(error),
        }
    }
}
