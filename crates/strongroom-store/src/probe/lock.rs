//! Whether a locked object is kept.

use bytes::Bytes;

use super::answer::Answer;
use super::scratch::Scratch;
use crate::error::{ErrorKind, Result};
use crate::lock::{ObjectLock, Retention, RetentionMode};
use crate::options::PutOptions;
use crate::store::{Store, StoreExt};

/// For how long the scratch object is locked. Long enough for clocks that differ a little.
const LOCK_SECONDS: i64 = 60;

/// Puts an object with a retention, reads the lock, makes it last longer, and tries to delete the object.
pub(super) async fn object_lock<S: Store + ?Sized>(
    scratch: &Scratch<'_, S>,
    now: Option<i64>,
) -> Answer {
    let claimed = scratch.store.capabilities().object_lock;
    let lock = match (scratch.store.object_lock(), claimed) {
        (None, true) => return Answer::No("claimed, and no way to do it".to_owned()),
        (None, false) => {
            return Answer::No("as it was opened, the store offers no locks".to_owned());
        }
        (Some(lock), _) => lock,
    };
    let Some(now) = now else {
        return Answer::Unknown("it was not tried".to_owned());
    };
    match try_lock(scratch, lock, now).await {
        Ok(answer) => answer,
        Err(error) => Answer::of_error(&error),
    }
}

async fn try_lock<S: Store + ?Sized>(
    scratch: &Scratch<'_, S>,
    lock: &dyn ObjectLock,
    now: i64,
) -> Result<Answer> {
    let no = |what: &str| Ok(Answer::No(what.to_owned()));
    let store = scratch.store;
    let key = scratch.key("locked")?;
    let until = |times: i64| {
        let until = now.saturating_add(LOCK_SECONDS.saturating_mul(times));
        Retention::new(RetentionMode::Governance, until)
    };
    let options = PutOptions::default().with_retention(until(1));
    store
        .put(&key, Bytes::from_static(b"locked"), options)
        .await?;
    let holds = |found: Option<Retention>, wanted: Retention| {
        found.is_some_and(|found| found.covers(&wanted))
    };
    if !holds(lock.retention(&key).await?, until(1)) {
        return no("an object put with a lock is not locked");
    }
    lock.extend(&key, until(2)).await?;
    if !holds(lock.retention(&key).await?, until(2)) {
        return no("a lock that was extended is not longer");
    }
    match store.delete(&key).await {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Err(error) => return Ok(Answer::of_error(&error)),
        Ok(()) => return no("a locked object was deleted"),
    }
    match store.get_all(&key).await? == "locked" {
        true => Ok(Answer::Yes),
        false => no("a locked object was changed"),
    }
}
