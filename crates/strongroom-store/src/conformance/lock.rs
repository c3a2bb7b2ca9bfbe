//! The laws of stores that lock objects, numbered from 21.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{LawReport, Report, Verdict, Violation, clean_up, ensure, key};
use crate::error::{Cause, Error, ErrorKind};
use crate::key::{Key, Prefix};
use crate::lock::{ObjectLock, Retention, RetentionMode};
use crate::options::{PutMode, PutOptions};
use crate::store::{Store, StoreExt};

/// The laws of [`ObjectLock`], and how to run them.
///
/// | law | |
/// |---|---|
/// | 21 | a locked object is read, listed and shown to be locked as it was asked for |
/// | 22 | a locked object is neither deleted nor replaced, and the refusal says why |
/// | 23 | a lock gets longer or stricter, never shorter or weaker |
/// | 24 | an object without a lock has none and can be locked; a missing one is not found |
/// | 25 | a lock ends at its date |
/// | 26 | a store that cannot lock says so, and stores nothing that was to be locked |
///
/// Objects are locked for [`with_seconds`](Self::with_seconds), in the mode `Compliance`: nobody can delete what the laws leave behind before
/// that. Each law works below a folder of its own, `law-21/` to `law-26/`, and expects it to be empty.
pub struct LockSuite<'a> {
    make: &'a dyn Fn() -> Arc<dyn Store>,
    now: &'a dyn Fn() -> i64,
    wait: Option<Wait<'a>>,
    seconds: i64,
}

/// Lets time pass.
type Wait<'a> = &'a dyn Fn(Duration) -> BoxFuture<'a, ()>;

impl<'a> LockSuite<'a> {
    /// Returns the suite for stores that `make` makes, one for each law. `now` says what time it is by the store's clock, in seconds since
    /// 1970.
    #[must_use]
    pub fn new(make: &'a dyn Fn() -> Arc<dyn Store>, now: &'a dyn Fn() -> i64) -> Self {
        Self {
            make,
            now,
            wait: None,
            seconds: 60,
        }
    }

    /// Says how long objects are locked. Default 60; less than that saves time with law 25, and a store that is slow needs more.
    #[must_use]
    pub fn with_seconds(mut self, seconds: u32) -> Self {
        self.seconds = i64::from(seconds.max(1));
        self
    }

    /// Says how to let time pass, for law 25, which is not asked otherwise.
    #[must_use]
    pub fn with_wait(mut self, wait: Wait<'a>) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Runs every law.
    pub async fn run(&self) -> Report {
        let mut laws = Vec::new();
        for (number, title) in (21..).zip(TITLES) {
            let store = (self.make)();
            let verdict = match self.excuse(number, &store) {
                Some(excuse) => Verdict::Excused(excuse),
                None => {
                    let outcome = self.run_law(number, &store).await;
                    clean_up(number, &store).await;
                    outcome.map_or_else(Verdict::Broken, |()| Verdict::Kept)
                }
            };
            laws.push(LawReport {
                number,
                title,
                verdict,
            });
        }
        Report { laws }
    }

    fn excuse(&self, number: u8, store: &Arc<dyn Store>) -> Option<&'static str> {
        match (number, store.object_lock()) {
            _ if !store.capabilities().put => Some("cannot put"),
            (26, Some(_)) => Some("can lock"),
            (26, None) => None,
            (_, None) => Some("cannot lock objects"),
            (25, _) if self.wait.is_none() => Some("nobody waits"),
            _ => None,
        }
    }

    async fn run_law(&self, number: u8, store: &Arc<dyn Store>) -> Result<(), Violation> {
        let until = (self.now)().saturating_add(self.seconds);
        match number {
            21 => law_21_a_locked_object_is_read(store, until).await,
            22 => law_22_a_locked_object_stays(store, until).await,
            23 => law_23_locks_never_get_weaker(store, until).await,
            24 => law_24_what_is_not_locked_can_be(store, until).await,
            25 => law_25_a_lock_ends(store, until, self.wait, self.seconds).await,
            _ => law_26_who_cannot_lock_says_so(store, until).await,
        }
    }
}

const TITLES: [&str; 6] = [
    "a locked object is read, and its lock is shown",
    "a locked object is neither deleted nor replaced",
    "a lock never gets shorter or weaker",
    "what is not locked can be",
    "a lock ends at its date",
    "who cannot lock says so",
];

/// Law 21: what was put with a lock is read, listed and shown to be locked so.
///
/// # Errors
///
/// How it was broken.
pub async fn law_21_a_locked_object_is_read(
    store: &Arc<dyn Store>,
    until: i64,
) -> Result<(), Violation> {
    ensure(store.capabilities().object_lock, || {
        "its capabilities do not say that it locks objects".to_owned()
    })?;
    let locked = key("law-21/locked")?;
    let retention = put_locked(store, &locked, until).await?;
    ensure(store.get_all(&locked).await? == CONTENT, || {
        "get misses the locked object".to_owned()
    })?;
    let listed = store.list_all(&Prefix::parse("law-21/")?).await?;
    ensure(listed.iter().any(|object| object.key == locked), || {
        "list misses the locked object".to_owned()
    })?;
    shows(store, &locked, Some(retention)).await?;
    let again = PutOptions::default().with_retention(retention);
    let outcome = store.put(&locked, "other".into(), again).await;
    let is_refused = matches!(&outcome, Err(error) if error.kind() == ErrorKind::AlreadyExists);
    ensure(is_refused, || {
        format!("to create it again gave {outcome:?}")
    })
}

/// Law 22: a locked object can neither be deleted nor replaced; the refusal is `PermissionDenied` with [`Cause::Retained`].
///
/// # Errors
///
/// How it was broken.
pub async fn law_22_a_locked_object_stays(
    store: &Arc<dyn Store>,
    until: i64,
) -> Result<(), Violation> {
    let locked = key("law-22/locked")?;
    put_locked(store, &locked, until).await?;
    if store.capabilities().delete {
        refused(store.delete(&locked).await, &locked, "delete")?;
    }
    let replace = PutOptions::default().with_mode(PutMode::Overwrite);
    refused(
        store.put(&locked, "other".into(), replace).await,
        &locked,
        "put in its place",
    )?;
    ensure(store.get_all(&locked).await? == CONTENT, || {
        "the object is not what it was".to_owned()
    })
}

/// Law 23: a lock gets longer or stricter, and never shorter or weaker. To ask for what it covers already changes nothing.
///
/// # Errors
///
/// How it was broken.
pub async fn law_23_locks_never_get_weaker(
    store: &Arc<dyn Store>,
    until: i64,
) -> Result<(), Violation> {
    let locked = key("law-23/locked")?;
    let first = put_locked(store, &locked, until).await?;
    let lock = lock_of(store)?;
    let longer = Retention::new(first.mode, until.saturating_add(3));
    lock.extend(&locked, longer).await?;
    shows(store, &locked, Some(longer)).await?;
    // All of these are covered already.
    let weaker = RetentionMode::Governance;
    for less in [
        longer,
        first,
        Retention::new(weaker, longer.until),
        Retention::new(weaker, until),
    ] {
        lock.extend(&locked, less).await?;
        shows(store, &locked, Some(longer)).await?;
    }
    let contrary = Retention::new(weaker, longer.until.saturating_add(3));
    let outcome = lock.extend(&locked, contrary).await;
    let is_refused = matches!(&outcome, Err(error) if error.kind() == ErrorKind::Invalid);
    ensure(is_refused, || {
        format!("a longer and weaker lock gave {outcome:?}")
    })?;
    shows(store, &locked, Some(longer)).await
}

/// Law 24: an object that was put without a lock has none and can be locked; a missing one is not found.
///
/// # Errors
///
/// How it was broken.
pub async fn law_24_what_is_not_locked_can_be(
    store: &Arc<dyn Store>,
    until: i64,
) -> Result<(), Violation> {
    let free = key("law-24/free")?;
    store.put_new(&free, CONTENT).await?;
    shows(store, &free, None).await?;
    let lock = lock_of(store)?;
    let retention = Retention::new(RetentionMode::Compliance, until);
    lock.extend(&free, retention).await?;
    shows(store, &free, Some(retention)).await?;
    if store.capabilities().delete {
        refused(store.delete(&free).await, &free, "delete")?;
    }
    let missing = key("law-24/missing")?;
    for outcome in [
        lock.retention(&missing).await.map(drop),
        lock.extend(&missing, retention).await,
    ] {
        let is_missing = matches!(&outcome, Err(error) if error.kind() == ErrorKind::NotFound && error.key() == Some(&missing));
        ensure(is_missing, || {
            format!("the lock of a missing object gave {outcome:?}")
        })?;
    }
    Ok(())
}

/// Law 25: after its date an object is not locked any more, and can be deleted.
///
/// # Errors
///
/// How it was broken.
pub async fn law_25_a_lock_ends(
    store: &Arc<dyn Store>,
    until: i64,
    wait: Option<Wait<'_>>,
    seconds: i64,
) -> Result<(), Violation> {
    let locked = key("law-25/locked")?;
    put_locked(store, &locked, until).await?;
    if let Some(wait) = wait {
        let seconds = u64::try_from(seconds).unwrap_or(0).saturating_add(2);
        wait(Duration::from_secs(seconds)).await;
    }
    shows(store, &locked, None).await?;
    if store.capabilities().delete {
        store.delete(&locked).await?;
        ensure(!store.exists(&locked).await?, || {
            "it was deleted and is there".to_owned()
        })?;
    }
    Ok(())
}

/// Law 26: a store that cannot lock objects fails with `Unsupported` when it is to, and stores nothing.
///
/// # Errors
///
/// How it was broken.
pub async fn law_26_who_cannot_lock_says_so(
    store: &Arc<dyn Store>,
    until: i64,
) -> Result<(), Violation> {
    ensure(!store.capabilities().object_lock, || {
        "its capabilities say that it locks objects".to_owned()
    })?;
    let locked = key("law-26/locked")?;
    let options =
        PutOptions::default().with_retention(Retention::new(RetentionMode::Compliance, until));
    let outcome = store.put(&locked, CONTENT, options).await;
    let is_refused = matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unsupported);
    ensure(is_refused, || {
        format!("an object that was to be locked gave {outcome:?}")
    })?;
    ensure(!store.exists(&locked).await?, || {
        "it was stored without a lock".to_owned()
    })
}

const CONTENT: Bytes = Bytes::from_static(b"held");

async fn put_locked(store: &Arc<dyn Store>, key: &Key, until: i64) -> Result<Retention, Error> {
    let retention = Retention::new(RetentionMode::Compliance, until);
    let options = PutOptions::default().with_retention(retention);
    store.put(key, CONTENT, options).await?;
    Ok(retention)
}

fn lock_of(store: &Arc<dyn Store>) -> Result<&dyn ObjectLock, Violation> {
    let none = || Violation::new("the store locks objects and has no way to");
    store.object_lock().ok_or_else(none)
}

async fn shows(
    store: &Arc<dyn Store>,
    key: &Key,
    expected: Option<Retention>,
) -> Result<(), Violation> {
    let found = lock_of(store)?.retention(key).await?;
    ensure(found == expected, || {
        format!("{key} has the lock {found:?}, and {expected:?} was due")
    })
}

fn refused(outcome: Result<(), Error>, key: &Key, what: &str) -> Result<(), Violation> {
    let is_retained = matches!(&outcome, Err(error) if error.kind() == ErrorKind::PermissionDenied
        && error.cause() == Some(Cause::Retained)
        && error.key() == Some(key));
    ensure(is_retained, || {
        format!("{what} of a locked object gave {outcome:?}")
    })
}

impl fmt::Debug for LockSuite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockSuite")
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}
