//! The laws that show only when several threads act at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use futures::future::FutureExt;

use super::{Driver, Violation, ensure, get_if_present, key};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::store::{Store, StoreExt};

/// Larger than what any system writes in one piece.
const OBJECT_BYTES: usize = 200_000;

const REPLACEMENTS: u8 = 12;
const READERS: usize = 3;
const CREATORS: usize = 16;
const CREATE_ROUNDS: usize = 6;

/// Law 1: readers see one writer's whole object, or none before the first.
///
/// # Errors
///
/// How it was broken.
pub async fn law_1_put_is_atomic(
    store: &Arc<dyn Store>,
    driver: Driver<'_>,
) -> Result<(), Violation> {
    let created = key("law-1/created")?;
    let replaced = key("law-1/replaced")?;
    store.put_new(&replaced, pattern(0)).await?;

    let done = AtomicBool::new(false);
    let violations = Mutex::new(Vec::new());
    let note = |outcome: Result<(), Violation>| {
        if let Err(violation) = outcome {
            violations
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(violation);
        }
    };
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    driver(async { note(read(store, &created, &replaced).await) }.boxed());
                }
            });
        }
        // Not on this thread, which may be inside an executor that cannot be entered twice.
        scope.spawn(|| {
            let _done = SetWhenDropped(&done);
            driver(async { note(write(store, &created, &replaced).await) }.boxed());
        });
    });
    let first = violations
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_iter()
        .next();
    first.map_or(Ok(()), Err)
}

/// Lets the readers go even if the writer panics.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

async fn write(store: &Arc<dyn Store>, created: &Key, replaced: &Key) -> Result<(), Violation> {
    for fill in 1..=REPLACEMENTS {
        store.replace(replaced, pattern(fill)).await?;
    }
    store.put_new(created, pattern(REPLACEMENTS)).await?;
    let (created, replaced) = (
        store.get_all(created).await?,
        store.get_all(replaced).await?,
    );
    let same = created == replaced && created == pattern(REPLACEMENTS);
    ensure(same, || "an object is not what was put".to_owned())
}

async fn read(store: &Arc<dyn Store>, created: &Key, replaced: &Key) -> Result<(), Violation> {
    let data = get_if_present(store, replaced).await?;
    let whole = data.as_ref().is_some_and(is_whole);
    ensure(whole, || {
        "a reader saw a part of a replaced object, or none".to_owned()
    })?;
    let data = get_if_present(store, created).await?;
    let whole = data.as_ref().is_none_or(is_whole);
    ensure(whole, || "a reader saw a part of a new object".to_owned())
}

fn pattern(fill: u8) -> Bytes {
    Bytes::from(vec![fill; OBJECT_BYTES])
}

fn is_whole(data: &Bytes) -> bool {
    data.first().is_some_and(|fill| *data == pattern(*fill))
}

/// Law 2: of concurrent creators one wins, the rest get `AlreadyExists` and change nothing.
///
/// # Errors
///
/// How it was broken.
pub async fn law_2_one_creator_wins(
    store: &Arc<dyn Store>,
    driver: Driver<'_>,
) -> Result<(), Violation> {
    let twice = key("law-2/twice")?;
    store.put_new(&twice, "first".into()).await?;
    refused(store.put_new(&twice, "second".into()).await)?;
    ensure(store.get_all(&twice).await? == "first", || {
        "the second of two changed it".to_owned()
    })?;

    for round in 0..CREATE_ROUNDS {
        let raced = key(&format!("law-2/raced-{round}"))?;
        let mut winner = None;
        for (creator, outcome) in race(store, &raced, driver) {
            if outcome.is_ok() {
                ensure(winner.is_none(), || format!("two creators of {raced} won"))?;
                winner = Some(content(creator));
            } else {
                refused(outcome)?;
            }
        }
        let winner = winner.ok_or_else(|| Violation::new(format!("nobody created {raced}")))?;
        let found = store.get_all(&raced).await?;
        ensure(found == winner, || {
            format!("{raced} is not what its creator put")
        })?;
    }
    Ok(())
}

fn race(store: &Arc<dyn Store>, key: &Key, driver: Driver<'_>) -> Vec<(usize, Result<(), Error>)> {
    let start = Barrier::new(CREATORS);
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for creator in 0..CREATORS {
            let (start, outcomes) = (&start, &outcomes);
            scope.spawn(move || {
                let data = content(creator);
                start.wait();
                let create = async {
                    let outcome = store.put_new(key, data).await;
                    let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                    outcomes.push((creator, outcome));
                };
                driver(create.boxed());
            });
        }
    });
    outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

fn content(creator: usize) -> Bytes {
    Bytes::from(format!("creator {creator:2} ").repeat(500))
}

fn refused(outcome: Result<(), Error>) -> Result<(), Violation> {
    match outcome {
        Ok(()) => Err(Violation::new("what exists was created again")),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}
