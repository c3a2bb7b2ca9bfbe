//! Whether objects are there, whole, listed, and gone when they were deleted.

use std::ops::ControlFlow::{self, Break, Continue};

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::answer::Answer;
use super::scratch::Scratch;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Store, StoreExt};

/// Objects that are put to be listed, under names whose order is not that of their creation.
const LISTED: usize = 12;

/// A step of a test that may be its end.
type Step = ControlFlow<Answer>;

/// Turns an unexpected error or a found fault into the end of a test.
fn expect<T>(outcome: Result<T>, is_right: impl FnOnce(&T) -> bool, fault: &str) -> Step {
    match outcome {
        Ok(found) if is_right(&found) => Continue(()),
        Ok(_) => Break(Answer::No(fault.to_owned())),
        Err(error) => Break(Answer::of_error(&error)),
    }
}

fn expect_missing<T>(outcome: Result<T>, fault: &str) -> Step {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Continue(()),
        Err(error) if error.is_retryable() => Break(Answer::Unknown(error.to_string())),
        Err(error) => Break(Answer::No(format!("{fault} ({error})"))),
        Ok(_) => Break(Answer::No(fault.to_owned())),
    }
}

fn answer(end: Step) -> Answer {
    match end {
        Continue(()) => Answer::Yes,
        Break(answer) => answer,
    }
}

/// Asks for what is missing.
pub(super) async fn missing<S: Store + ?Sized>(scratch: &Scratch<'_, S>) -> Answer {
    let fault = "a missing object is not said to be missing";
    let asked = async || {
        let key = match scratch.folder.key("never-there") {
            Ok(key) => key,
            Err(error) => return Break(Answer::of_error(&error)),
        };
        expect_missing(scratch.store.head(&key).await, fault)?;
        expect_missing(scratch.store.get_all(&key).await, fault)
    };
    answer(asked().await)
}

/// Creates, replaces and deletes an object and looks at it after each.
pub(super) async fn read_after_write<S: Store + ?Sized>(scratch: &Scratch<'_, S>) -> Answer {
    let store = scratch.store;
    let asked = async || {
        let key = match scratch.key("seen") {
            Ok(key) => key,
            Err(error) => return Break(Answer::of_error(&error)),
        };
        let done = |outcome: Result<()>| expect(outcome, |()| true, "");
        done(store.replace(&key, Bytes::from_static(b"old")).await)?;
        let fault = "what was just put was not there, or was not what was put";
        expect(store.get_all(&key).await, |data| data == "old", fault)?;
        done(store.replace(&key, Bytes::from_static(b"newer")).await)?;
        let fault = "what was just replaced was still the old object";
        expect(store.get_all(&key).await, |data| data == "newer", fault)?;
        expect(store.head(&key).await, |object| object.len == 5, fault)?;
        let fault = "what was just put was not in the list";
        let listed = store.list_all(scratch.folder).await;
        expect(
            listed,
            |objects| {
                objects
                    .iter()
                    .any(|object| object.key == key && object.len == 5)
            },
            fault,
        )?;
        if store.delete(&key).await.is_err() {
            // Whether it can be deleted is another question.
            return Continue(());
        }
        expect_missing(
            store.get_all(&key).await,
            "what was just deleted was still there",
        )
    };
    answer(asked().await)
}

/// Reads parts of an object, and beyond its end.
pub(super) async fn ranges<S: Store + ?Sized>(scratch: &Scratch<'_, S>) -> Answer {
    let store = scratch.store;
    let asked = async || {
        let key = match scratch.key("ranges") {
            Ok(key) => key,
            Err(error) => return Break(Answer::of_error(&error)),
        };
        let put = store.replace(&key, Bytes::from_static(b"0123456789")).await;
        expect(put, |()| true, "")?;
        let fault = "a part of an object was not the part that was asked for";
        expect(
            store.get_range(&key, 3..7).await,
            |data| data == "3456",
            fault,
        )?;
        match store.get_range(&key, 7..14).await {
            Err(error) if error.kind() == ErrorKind::InvalidRange => Continue(()),
            Err(error) => Break(Answer::of_error(&error)),
            Ok(_) => Break(Answer::No(
                "a part beyond the end of an object was not refused".to_owned(),
            )),
        }
    };
    answer(asked().await)
}

/// Lists a small folder: is everything there, and in order?
pub(super) async fn lists<S: Store + ?Sized>(scratch: &Scratch<'_, S>) -> (Answer, Answer) {
    match list(scratch).await {
        Ok(answers) => answers,
        Err(error) => (Answer::of_error(&error), Answer::Unknown(error.to_string())),
    }
}

async fn list<S: Store + ?Sized>(scratch: &Scratch<'_, S>) -> Result<(Answer, Answer), Error> {
    let mut put = Vec::new();
    for index in 0..LISTED {
        // 0, 7, 2, 9, … of 12: neither rising nor falling.
        put.push(scratch.key(&format!("list/{:02}", index * 7 % LISTED))?);
    }
    let puts: Vec<_> = put
        .iter()
        .map(|key| scratch.store.replace(key, Bytes::from_static(b"x")))
        .collect();
    let concurrency = scratch.store.capabilities().concurrency.max(1);
    let puts = stream::iter(puts).buffer_unordered(concurrency);
    puts.try_collect::<()>().await?;
    put.sort_unstable();
    let folder = crate::key::Prefix::parse(&format!("{}list/", scratch.folder))?;
    let mut objects = scratch.store.list(&folder);
    let mut listed = Vec::new();
    while let Some(object) = objects.next().await {
        listed.push(object?.key);
        if listed.len() > LISTED {
            break;
        }
    }
    let ordered = listed.is_sorted();
    listed.sort_unstable();
    let complete = match listed == put {
        true => Answer::Yes,
        false => Answer::No(format!(
            "of {LISTED} objects in a folder {} were listed, or others",
            listed.len()
        )),
    };
    let ordered = match ordered {
        true => Answer::Yes,
        false => Answer::No("the names came in another order".to_owned()),
    };
    Ok((complete, ordered))
}

/// Deletes what is there, and what is not.
pub(super) async fn delete<S: Store + ?Sized>(scratch: &Scratch<'_, S>) -> Answer {
    let asked = async || {
        let key = match scratch.key("deleted") {
            Ok(key) => key,
            Err(error) => return Break(Answer::of_error(&error)),
        };
        let put = scratch.store.replace(&key, Bytes::from_static(b"x")).await;
        expect(put, |()| true, "")?;
        expect(scratch.store.delete(&key).await, |()| true, "")?;
        expect_missing(
            scratch.store.head(&key).await,
            "what was deleted is still there",
        )?;
        expect(scratch.store.delete(&key).await, |()| true, "")
    };
    answer(asked().await)
}
