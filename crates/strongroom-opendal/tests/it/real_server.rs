//! The laws on a real server: `STRONGROOM_TEST_STORE='sftp://…' cargo test -p strongroom-opendal -- --ignored`.
//!
//! The address is that of an empty folder, or of one whose folders `law-1` to `law-9` nobody needs. `STRONGROOM_DAV_USER`,
//! `STRONGROOM_DAV_PASSWORD` and what `ssh` needs are taken from the environment.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom_store::conformance::Suite;
use strongroom_store::{Cause, Environment, Error, ErrorKind, Key, Prefix, Store, StoreExt};

/// Variables, and the files of this machine.
#[derive(Debug)]
struct Surroundings(BTreeMap<String, String>);

impl Environment for Surroundings {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn environment() -> Surroundings {
    Surroundings(std::env::vars().collect())
}

fn address() -> String {
    let address = environment().variable("STRONGROOM_TEST_STORE");
    address.expect("STRONGROOM_TEST_STORE is the address of the server to be tested")
}

fn open() -> Arc<dyn Store> {
    strongroom_opendal::open(&address(), &environment()).expect("an address")
}

#[test]
#[ignore = "needs a server, named by STRONGROOM_TEST_STORE"]
fn a_real_server_conforms() {
    let report = block_on(Suite::new(&open).with_listed_objects(250).run());
    print!("{report}");
    assert!(report.is_conforming(), "{report}");
}

#[test]
#[ignore = "needs a server, named by STRONGROOM_TEST_STORE"]
fn large_objects_go_to_a_real_server_and_come_back() {
    let store = open();
    let key = Key::parse("law-1/large").expect("a key");
    let data: Vec<u8> = (0..40_u32 << 18).flat_map(u32::to_le_bytes).collect();
    block_on(async {
        store.delete(&key).await.expect("it is gone");
        store
            .put_new(&key, data.clone().into())
            .await
            .expect("it is stored");
        assert!(store.get_all(&key).await.expect("it is read") == data);
        let part = store.get_range(&key, 1_000_003..9_000_001).await;
        assert!(part.expect("it is read") == data[1_000_003..9_000_001]);
        store.delete(&key).await.expect("it is deleted");
        let left = store
            .list_all(&Prefix::parse("law-1/").expect("a prefix"))
            .await;
        assert!(left.expect("a list").is_empty());
    });
}

#[test]
#[ignore = "needs a server, named by STRONGROOM_TEST_STORE"]
fn a_real_server_without_the_folder_is_no_store() {
    let address = address();
    let (place, options) = address.split_once('?').unwrap_or((&address, ""));
    let options = options.replace("make=true", "make=false");
    let elsewhere = format!("{place}/no-such-folder?{options}");
    let store = strongroom_opendal::open(&elsewhere, &environment()).expect("an address");
    let key = Key::parse("law-1/a").expect("a key");
    let outcomes = block_on(async {
        [
            store.get_all(&key).await.map(drop),
            store.head(&key).await.map(drop),
            store.delete(&key).await,
            store.put_new(&key, "bytes".into()).await,
            store.replace(&key, "bytes".into()).await,
            store.list_all(&Prefix::root()).await.map(drop),
        ]
    });
    for outcome in outcomes {
        let error = outcome.expect_err("there is no store");
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::NoStore, Some(Cause::NoStore)),
            "{error:?}"
        );
    }
}

#[test]
#[ignore = "needs a server, named by STRONGROOM_TEST_STORE"]
fn who_is_not_known_to_a_real_server_is_told_so() {
    let address = address();
    if let Some((place, _)) = address.split_once("?ca=") {
        let error = failure(place, &environment());
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::Other, Some(Cause::Certificate)),
            "{error:?}"
        );
    }
    let Some(place) = address
        .strip_prefix("sftp:")
        .map(|_| address.split('?').next())
    else {
        let mut environment = environment();
        if environment.variable("STRONGROOM_DAV_USER").is_some() {
            environment
                .0
                .insert("STRONGROOM_DAV_PASSWORD".to_owned(), "not this".to_owned());
            let error = failure(&address, &environment);
            assert_eq!(error.cause(), Some(Cause::WrongCredentials), "{error:?}");
            environment.0.remove("STRONGROOM_DAV_USER");
            let error = failure(&address, &environment);
            assert_eq!(error.cause(), Some(Cause::NoCredentials), "{error:?}");
        }
        return;
    };
    let place = place.unwrap_or_default();
    let host_key = failure(&format!("{place}?known_hosts=/dev/null"), &environment());
    assert_eq!(host_key.cause(), Some(Cause::Certificate), "{host_key:?}");
    let other_key = address.replace("key=", "key=/no/such/file");
    let error = failure(&other_key, &BTreeMap::new());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert_eq!(error.cause(), Some(Cause::NoCredentials), "{error:?}");
    let nowhere = BTreeMap::from([("PATH".to_owned(), "/no/such/folder".to_owned())]);
    let error = failure(&address, &nowhere);
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    let closed = failure("sftp://127.0.0.1:1/", &environment());
    assert_eq!(closed.kind(), ErrorKind::Unavailable, "{closed:?}");
}

fn failure(address: &str, environment: &dyn Environment) -> Error {
    let store = strongroom_opendal::open(address, environment).expect("an address");
    let key = Key::parse("law-1/a").expect("a key");
    block_on(store.get_all(&key)).expect_err("it cannot be reached")
}
