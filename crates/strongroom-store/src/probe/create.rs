//! Whether a store decides who creates an object.

use bytes::Bytes;

use super::answer::{Answer, described};
use super::race::{ROUNDS, Race, WRITERS, race};
use super::scratch::Scratch;
use crate::error::{ErrorKind, Result};
use crate::store::{Store, StoreExt};

/// Creates a key twice, then races for others.
///
/// # Errors
///
/// Those of the first put, from which nothing can be learnt but that nothing can be put.
pub(super) async fn atomic_create<S: Store + ?Sized>(
    scratch: &Scratch<'_, S>,
    no_race: bool,
) -> Result<Answer> {
    let store = scratch.store;
    let twice = scratch.key("twice")?;
    match store.put_new(&twice, Bytes::from_static(b"first")).await {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Ok(Answer::No(format!(
                "the store refuses to create on condition that nothing is there ({})",
                described(&error)
            )));
        }
        Err(error) => return Err(error),
    }
    match store.put_new(&twice, Bytes::from_static(b"second")).await {
        Ok(()) => {
            let what = "the store ignores the condition: what exists was created a second time";
            return Ok(Answer::No(what.to_owned()));
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Ok(Answer::of_error(&error)),
    }
    match store.get_all(&twice).await {
        Ok(data) if data == "first" => {}
        Ok(_) => {
            let what = "the store refused to create what exists, and replaced it all the same";
            return Ok(Answer::No(what.to_owned()));
        }
        Err(error) => return Ok(Answer::of_error(&error)),
    }
    if no_race {
        return Ok(Answer::Unknown("nobody raced".to_owned()));
    }
    for round in 0..ROUNDS {
        let answer = judge(race(store, &scratch.key(&format!("race-{round}"))?).await);
        if !answer.is_yes() {
            return Ok(answer);
        }
    }
    let capabilities = store.capabilities();
    if capabilities.concurrency < 2 {
        let what = "one call at a time cannot race: leave out the limit of calls, and probe again";
        return Ok(Answer::Unknown(what.to_owned()));
    }
    Ok(match capabilities.atomic_create {
        true => Answer::Yes,
        false => Answer::No("the store does not claim it, though no fault was seen".to_owned()),
    })
}

fn judge(race: Result<Race>) -> Answer {
    match race {
        Ok(Race::OneWon) => Answer::Yes,
        Ok(Race::ManyWon(winners)) => Answer::No(format!(
            "the store honours the condition only as long as nobody races: {winners} of {WRITERS} who created one object at the same time succeeded"
        )),
        Ok(Race::NobodyWon) => Answer::No(format!(
            "all of {WRITERS} who created one object at the same time were refused"
        )),
        Ok(Race::AnotherIsThere) => Answer::No(
            "of those who created one object at the same time one succeeded, and another's content is there".to_owned(),
        ),
        Err(error) => Answer::of_error(&error),
    }
}
