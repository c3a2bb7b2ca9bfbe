//! A store works from any executor, and can be dropped anywhere.

use futures::executor::block_on;
use strongroom_store::StoreExt;
use tokio::runtime::Builder;

use crate::server::{Answer, Server, key};

fn server() -> Server {
    Server::start(|_, _| Answer::new(200, "data").header("ETag", "\"1\""))
}

#[test]
fn from_no_runtime_and_from_every_kind_of_it() {
    let server = server();
    let store = server.s3("");
    let a = key("a");
    assert_eq!(block_on(store.get_all(&a)).expect("there"), "data");
    let current = Builder::new_current_thread()
        .build()
        .expect("a runtime without timers or sockets");
    assert_eq!(current.block_on(store.get_all(&a)).expect("there"), "data");
    let many = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    assert_eq!(many.block_on(store.get_all(&a)).expect("there"), "data");
    let spawned = many.spawn(async move { store.get_all(&a).await });
    assert_eq!(
        many.block_on(spawned).expect("it runs").expect("there"),
        "data"
    );
}

#[test]
fn dropped_inside_async_code() {
    let server = server();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = server.s3("");
        assert_eq!(store.get_all(&key("a")).await.expect("there"), "data");
        drop(store);
    });
}

#[test]
fn on_the_runtime_of_the_caller() {
    let server = server();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let store = server.s3("");
    let bare = store.store().clone();
    assert_eq!(
        runtime.block_on(bare.get_all(&key("a"))).expect("there"),
        "data"
    );
}
