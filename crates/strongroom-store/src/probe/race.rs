//! Whether one creator alone wins when many race.

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::store::{Store, StoreExt};

/// Creators in each race. Of sixteen, real servers that lose the race let three to sixteen win.
pub(super) const WRITERS: usize = 16;

/// Races. A store that is right by luck once is hardly so three times.
pub(super) const ROUNDS: usize = 3;

/// Returns whether one creator alone wins when many create one key at the same time.
///
/// Some stores ignore the condition, and some honour it only as long as nobody races, so asking in
/// sequence proves nothing: sixteen `put`s are in flight together, in several rounds, under the
/// folder `scratch`, which the caller makes up for the occasion. Afterwards the objects are deleted,
/// whatever came of it. The contents are a few bytes. [`probe`](super::probe) asks more, and says why.
///
/// `false` is certain; `true` means that no fault was seen. It is meant for the moment a repository
/// is created, and needs no runtime.
///
/// # Errors
///
/// Those of `put`, `get` and `delete`, when they are neither success nor `AlreadyExists`: the
/// question is open then. `Invalid` if `scratch` leaves no room for a name, `AlreadyExists` if it is
/// not empty at the key that is raced for.
///
/// # Cancellation
///
/// Dropping the future may leave scratch objects behind.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use strongroom_store::{MemoryStore, Prefix, probe_atomic_create};
///
/// assert!(probe_atomic_create(&MemoryStore::new(), &Prefix::parse("session/probe-5f1c/")?).await?);
/// # Ok(())
/// # })
/// # }
/// ```
pub async fn probe_atomic_create<S: Store + ?Sized>(store: &S, scratch: &Prefix) -> Result<bool> {
    for round in 0..ROUNDS {
        let key = scratch.key(&format!("race-{round}"))?;
        if store.exists(&key).await? {
            return Err(Error::new(ErrorKind::AlreadyExists, "probe").with_key(&key));
        }
        let outcome = race(store, &key).await;
        let cleaned = store.delete(&key).await;
        let outcome = outcome?;
        cleaned?;
        if outcome != Race::OneWon {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How a race ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Race {
    /// One succeeded, and its content is there.
    OneWon,
    /// So many succeeded.
    ManyWon(usize),
    /// All were refused.
    NobodyWon,
    /// One succeeded, and the content of another is there.
    AnotherIsThere,
}

/// Lets all writers create the key and returns what came of it.
pub(super) async fn race<S: Store + ?Sized>(store: &S, key: &Key) -> Result<Race> {
    let content = |writer: usize| Bytes::from(format!("writer {writer}"));
    let mut puts: FuturesUnordered<_> = (0..WRITERS)
        .map(|writer| async move { (writer, store.put_new(key, content(writer)).await) })
        .collect();
    let mut winners = Vec::new();
    let mut failure = None;
    // All of them are waited for even after a failure: a straggler would outlive the clean-up.
    while let Some((writer, outcome)) = puts.next().await {
        match outcome {
            Ok(()) => winners.push(writer),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => failure = Some(error),
        }
    }
    match (winners.as_slice(), failure) {
        // Two winners are two winners, whatever became of the others.
        (many @ [_, _, ..], _) => Ok(Race::ManyWon(many.len())),
        (_, Some(error)) => Err(error),
        ([winner], None) => match store.get_all(key).await? == content(*winner) {
            true => Ok(Race::OneWon),
            false => Ok(Race::AnotherIsThere),
        },
        ([], None) => Ok(Race::NobodyWon),
    }
}
