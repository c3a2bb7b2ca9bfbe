//! Calls work wherever they are polled, and the runtime ends wherever it is dropped.

use std::sync::Arc;

use futures::executor::block_on;
use futures::stream::{self, StreamExt, TryStreamExt};
use strongroom_store::conformance::assert_conforms;
use strongroom_store::{
    Key, Prefix, Result, Retention, RetentionMode, Store, StoreExt, Warmer, Warmth,
};
use strongroom_tokio::Hosted;
use tokio::runtime::{Builder, Runtime};

use crate::fixture::NeedsTokio;

#[test]
fn a_store_that_needs_tokio_conforms_without() {
    assert_conforms(|| Arc::new(hosted()));
}

#[test]
fn blocking_code_calls_it() {
    block_on(use_it(&hosted())).expect("every call succeeds");
}

#[test]
fn a_runtime_of_one_thread_calls_it_and_drops_it() {
    let store = hosted();
    current_thread().block_on(async move {
        use_it(&store).await.expect("every call succeeds");
        drop(store);
    });
}

#[test]
fn a_runtime_of_several_threads_calls_it_and_drops_it() {
    multi_thread().block_on(async {
        let store = hosted();
        let calls = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { use_it(&store).await })
        });
        let calls: Vec<_> = calls.collect();
        drop(store);
        for call in calls {
            call.await.expect("no panic").expect("every call succeeds");
        }
    });
}

#[test]
fn several_executors_call_it_at_once() {
    let store = hosted();
    std::thread::scope(|scope| {
        scope.spawn(|| block_on(use_it(&store)).expect("every call succeeds"));
        scope.spawn(|| {
            current_thread()
                .block_on(use_it(&store))
                .expect("every call succeeds");
        });
        scope.spawn(|| {
            multi_thread()
                .block_on(use_it(&store))
                .expect("every call succeeds");
        });
    });
}

#[test]
fn a_runtime_of_the_callers_carries_it() {
    let runtime = multi_thread();
    let store = Hosted::on(runtime.handle().clone(), NeedsTokio::default());
    block_on(use_it(&store)).expect("every call succeeds");
    runtime
        .block_on(use_it(&store))
        .expect("every call succeeds");

    let single = current_thread();
    let store = Hosted::on(single.handle().clone(), NeedsTokio::default());
    single
        .block_on(use_it(&store))
        .expect("every call succeeds");
}

#[test]
fn a_list_outlives_the_store() {
    let store = hosted();
    let expected = block_on(put_many(&store)).expect("every put succeeds");
    let listed = store.list(&Prefix::root());
    drop(store);
    let listed: Vec<_> = block_on(listed.try_collect()).expect("a list");
    assert_eq!(listed.len(), expected);
}

#[test]
fn a_list_that_is_dropped_ends_its_task() {
    let store = hosted();
    block_on(async {
        put_many(&store).await.expect("every put succeeds");
        let mut listed = store.list(&Prefix::root());
        assert!(listed.next().await.is_some());
    });
}

#[test]
fn what_a_store_can_do_besides_goes_through_the_runtime() {
    let store = hosted();
    let key = Key::parse("a").expect("a key");
    block_on(async {
        let until_7 = Retention::new(RetentionMode::Compliance, 7);
        let lock = store.object_lock().expect("the store locks");
        assert_eq!(lock.retention(&key).await.expect("a lock"), Some(until_7));
        lock.extend(&key, until_7).await.expect("it is extended");
        let warmth = store.warmth(&key).await.expect("its warmth");
        assert_eq!(warmth, Warmth::Warming);
        store.warm(&[key]).await.expect("it is asked for");
        let own = store.call("own", |store| async move { Ok(store.to_string()) });
        assert_eq!(own.await.expect("its name"), store.to_string());
    });
    assert!(
        Hosted::on(
            current_thread().handle().clone(),
            strongroom_store::MemoryStore::new()
        )
        .object_lock()
        .is_none()
    );
}

async fn use_it(store: &Hosted<NeedsTokio>) -> Result<()> {
    let key = Key::parse("used/object")?;
    store.replace(&key, "bytes".into()).await?;
    assert_eq!(store.get_all(&key).await?, "bytes");
    assert_eq!(store.head(&key).await?.len, 5);
    assert_eq!(store.list_all(&Prefix::parse("used/")?).await?.len(), 1);
    store.delete(&Key::parse("used/other")?).await
}

/// Puts more than a list fetches ahead.
async fn put_many(store: &Hosted<NeedsTokio>) -> Result<usize> {
    const OBJECTS: usize = 700;
    let keys: Vec<_> = (0..OBJECTS)
        .map(|number| Key::parse(&format!("many/{number}")))
        .collect::<Result<_>>()?;
    stream::iter(&keys)
        .map(|key| store.put_new(key, "bytes".into()))
        .buffer_unordered(32)
        .try_collect::<()>()
        .await?;
    Ok(OBJECTS)
}

fn hosted() -> Hosted<NeedsTokio> {
    Hosted::new(NeedsTokio::default()).expect("a runtime")
}

fn current_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}
