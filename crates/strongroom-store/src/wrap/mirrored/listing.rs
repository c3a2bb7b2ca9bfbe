//! Listing: what the arbiter has, and what only others have.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::stream::{self, BoxStream, StreamExt as _};

use super::Shared;
use crate::error::{Error, Result};
use crate::key::{Key, Prefix};
use crate::options::ObjectMeta;

/// Lists every member. What the arbiter lists comes first and as it comes.
///
/// The names of all objects listed are in memory, some 120 bytes each: members list in any order, and none may come twice.
pub(super) fn list(
    shared: &Arc<Shared>,
    prefix: &Prefix,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let union = Union {
        shared: Arc::clone(shared),
        prefix: prefix.clone(),
        objects: None,
        number: 0,
        seen: HashSet::new(),
        whole_followers: 0,
        arbiter_error: None,
        ended: false,
    };
    stream::unfold(union, async |mut union| {
        let object = union.next().await?;
        Some((object, union))
    })
    .boxed()
}

struct Union {
    shared: Arc<Shared>,
    prefix: Prefix,
    /// The list of the current member.
    objects: Option<BoxStream<'static, Result<ObjectMeta>>>,
    number: usize,
    seen: HashSet<Key>,
    /// Followers whose whole list was seen, and that know of everything acknowledged.
    whole_followers: usize,
    /// Why the arbiter's list is not whole.
    arbiter_error: Option<Error>,
    ended: bool,
}

impl Union {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        while !self.ended {
            let Some(member) = self.shared.members.get(self.number) else {
                self.ended = true;
                return self.end();
            };
            if self.objects.is_none() && self.number > 0 && self.is_passed_over() {
                self.number += 1;
                continue;
            }
            let begin = || member.store.list(&self.prefix);
            let objects = self.objects.get_or_insert_with(begin);
            match objects.next().await {
                Some(Ok(object)) => {
                    let deleted = self.number > 0 && member.is_to_delete(&object.key);
                    if !deleted && self.is_new(&object.key) {
                        return Some(Ok(object));
                    }
                }
                Some(Err(error)) => {
                    member.failed(&error);
                    if self.number == 0 {
                        self.arbiter_error = Some(error);
                    }
                    self.advance();
                }
                None => {
                    member.succeeded();
                    if self.number > 0 && member.has_everything() {
                        self.whole_followers += 1;
                    }
                    self.advance();
                }
            }
        }
        None
    }

    /// With the arbiter's list nobody else's is needed; what others have beyond it is worth a try, no more.
    fn is_passed_over(&self) -> bool {
        let member = self.shared.members.get(self.number);
        self.arbiter_error.is_none() && !member.is_some_and(super::Member::is_worth_a_try)
    }

    fn is_new(&mut self, key: &Key) -> bool {
        self.shared.members.len() == 1 || self.seen.insert(key.clone())
    }

    fn advance(&mut self) {
        self.objects = None;
        self.number += 1;
    }

    /// Ends well if nothing acknowledged can be missing.
    fn end(&mut self) -> Option<Result<ObjectMeta>> {
        let error = self.arbiter_error.take()?;
        if self.shared.is_sure(self.whole_followers) {
            self.shared.degraded_answers.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Err(error))
    }
}
