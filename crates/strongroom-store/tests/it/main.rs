//! Tests of the stores and wrappers from outside.

mod adaptive;
mod bandwidth;
mod broken_stores_are_caught;
#[cfg(unix)]
mod cached;
mod counted;
mod deadline;
mod directory_faults;
mod directory_store;
mod every_store_conforms;
mod hedged;
mod mirrors;
mod probe_tells_racy_stores;
mod retrying;
mod split;
mod support;
mod wrappers;
mod wrappers_pass_everything_on;

use futures::executor::block_on;
use strongroom_store::{ErrorKind, Key, Prefix, Result, Store, StoreExt};

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

fn folder(text: &str) -> Prefix {
    Prefix::parse(text).expect("a folder")
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("it should have failed").kind()
}

fn put(store: &impl Store, name: &str, data: &'static str) {
    block_on(store.put_new(&key(name), data.into())).expect("it can be put");
}

fn names(store: &impl Store, prefix: &str) -> Vec<String> {
    let objects = block_on(store.list_all(&folder(prefix))).expect("it can be listed");
    objects
        .iter()
        .map(|object| object.key.to_string())
        .collect()
}
