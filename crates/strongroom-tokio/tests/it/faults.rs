//! What is dropped ends, and what panics is an error.

use std::error::Error as _;

use futures::executor::block_on;
use futures::future::poll_immediate;
use futures::stream::StreamExt;
use strongroom_store::{ErrorKind, Key, Prefix, Store, StoreExt};
use strongroom_tokio::Hosted;
use tokio::runtime::Builder;

use crate::fixture::{Awkward, NeedsTokio};

#[test]
fn dropping_a_call_ends_what_it_runs() {
    let (store, hangs, ended) = Awkward::new();
    let store = Hosted::new(store).expect("a runtime");
    block_on(async {
        let key = key("a");
        let mut put = Box::pin(store.put_new(&key, "bytes".into()));
        assert!(poll_immediate(&mut put).await.is_none());
        hangs.await.expect("the put hangs");
        drop(put);
        assert!(ended.await.is_err(), "its end is dropped, never sent");
        store.head(&key).await.expect("the store works on");
    });
}

#[test]
fn dropping_the_last_clone_ends_its_calls() {
    let (store, hangs, ended) = Awkward::new();
    let store = Hosted::new(store).expect("a runtime");
    let key = key("a");
    block_on(async {
        let clone = store.clone();
        let mut put = Box::pin(async move { clone.put_new(&key, "bytes".into()).await });
        assert!(poll_immediate(&mut put).await.is_none());
        hangs.await.expect("the put hangs");
        drop(store);
        drop(put);
        assert!(ended.await.is_err(), "its end is dropped, never sent");
    });
}

#[test]
fn a_panic_is_an_error_of_its_call() {
    let (store, _hangs, _ended) = Awkward::new();
    let store = Hosted::new(store).expect("a runtime");
    let key = key("a");
    block_on(async {
        let error = store.get_all(&key).await.expect_err("it panics");
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(error.key(), Some(&key));
        assert_eq!(error.operation(), "get");
        let message = error.source().expect("it has a source").to_string();
        assert_eq!(message, "the store panicked: get is broken");
        let error = store.delete(&key).await.expect_err("it panics");
        let message = error.source().expect("it has a source").to_string();
        assert_eq!(message, "the store panicked: a cannot be deleted");
        store.head(&key).await.expect("the store works on");
    });
}

#[test]
fn a_list_cut_off_by_a_panic_says_so() {
    let (store, _hangs, _ended) = Awkward::new();
    let store = Hosted::new(store).expect("a runtime");
    let listed: Vec<_> = block_on(store.list(&Prefix::root()).collect());
    assert_eq!(listed.len(), 4);
    let errors: Vec<_> = listed.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        errors.first().map(|error| error.kind()),
        Some(ErrorKind::Other)
    );
}

#[test]
fn after_the_callers_runtime_was_shut_down_calls_fail() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let store = Hosted::on(runtime.handle().clone(), NeedsTokio::default());
    runtime.shutdown_background();
    let error = block_on(store.get_all(&key("a"))).expect_err("nothing runs it");
    assert_eq!(error.kind(), ErrorKind::Other);
    let listed: Vec<_> = block_on(store.list(&Prefix::root()).collect());
    assert_eq!(listed.len(), 1, "an empty list would be a lie");
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}
