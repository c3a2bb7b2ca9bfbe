//! The laws on a real service: `STRONGROOM_TEST_STORE=s3://bucket/folder?endpoint=… cargo test -- --ignored`, with credentials in the
//! usual variables. The bucket has to be there.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::executor::block_on;
use strongroom_object_store::{ObjectStore, open, open_hosted};
use strongroom_store::conformance::{LockSuite, Suite};
use strongroom_store::wrap::Sleep;
use strongroom_store::{
    Environment, ErrorKind, Key, Prefix, PutMode, PutOptions, Retention, RetentionMode, Store,
    StoreExt,
};
use strongroom_tokio::Hosted;

/// The variables and files of the test's own process.
#[derive(Debug)]
struct Process;

impl Environment for Process {
    #[expect(clippy::disallowed_methods, reason = "it is what this is for")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn address() -> String {
    let address = Process.variable("STRONGROOM_TEST_STORE");
    address.expect("STRONGROOM_TEST_STORE is the address of a store to test")
}

/// Returns the store under test, in a folder of its own.
fn store(more: &str) -> Hosted<ObjectStore> {
    let url = address();
    let (place, query) = url.split_once('?').unwrap_or((&url, ""));
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let folder = format!("test-{}-{}", since.as_nanos(), std::process::id());
    let url = format!("{}/{folder}?{query}{more}", place.trim_end_matches('/'));
    open_hosted(&url, &Process).expect("an address and credentials")
}

#[test]
#[ignore = "needs a server"]
fn laws() {
    let make = || Arc::new(store("")) as Arc<dyn Store>;
    let suite = Suite::new(&make).with_listed_objects(1100); // more than a page
    let report = block_on(suite.run());
    println!("{report}");
    assert!(report.is_conforming(), "{report}");
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("it is after 1970").as_secs()).expect("not that late")
}

/// The bucket of the address must have Object Lock. What is locked stays for half a minute.
#[test]
#[ignore = "needs a server with a bucket that locks"]
fn lock_laws() {
    let make = || Arc::new(store("&lock=true")) as Arc<dyn Store>;
    let wait = |time: Duration| store("&lock=true").sleep().sleep(time);
    let suite = LockSuite::new(&make, &now)
        .with_seconds(20)
        .with_wait(&wait);
    let report = block_on(suite.run());
    println!("{report}");
    assert!(report.is_conforming(), "{report}");
}

/// The bucket of the address must have Object Lock.
#[test]
#[ignore = "needs a server with a bucket that locks"]
fn locks() {
    let plain = store("");
    let discovery = block_on(plain.call("discover", |store| async move { store.discover().await }))
        .expect("its configuration");
    assert!(
        discovery.object_lock && discovery.versioning,
        "{discovery:?}"
    );

    let store = store("&lock=true");
    let key = Key::parse("locked").expect("a key");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_secs();
    let until = i64::try_from(now).expect("not that late") + 20;
    let retention = Retention::new(RetentionMode::Compliance, until);
    let options = PutOptions::default().with_retention(retention);
    block_on(store.put(&key, "worm".into(), options)).expect("it is put");
    let lock = store.object_lock().expect("it locks");
    assert_eq!(
        block_on(lock.retention(&key)).expect("its lock"),
        Some(retention)
    );
    let longer = Retention::new(RetentionMode::Compliance, until + 4);
    block_on(lock.extend(&key, longer)).expect("longer");
    assert_eq!(
        block_on(lock.retention(&key)).expect("its lock"),
        Some(longer)
    );
    let shorter = block_on(lock.extend(&key, Retention::new(RetentionMode::Compliance, until - 5)));
    shorter.expect("it is covered already");
    let weaker = block_on(lock.extend(&key, Retention::new(RetentionMode::Governance, until + 60)));
    assert_eq!(weaker.expect_err("weaker").kind(), ErrorKind::Invalid);
    for refused in [
        block_on(store.delete(&key)),
        block_on(store.put(
            &key,
            "other".into(),
            PutOptions::default().with_mode(PutMode::Overwrite),
        )),
    ] {
        let error = refused.expect_err("it is locked");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_eq!(
            error.cause(),
            Some(strongroom_store::Cause::Retained),
            "{error:?}"
        );
    }
    assert_eq!(block_on(store.get_all(&key)).expect("it is there"), "worm");

    let loose = Key::parse("loose").expect("a key");
    block_on(store.put_new(&loose, "1".into())).expect("it is put");
    block_on(store.replace(&loose, "2".into())).expect("it is replaced");
    block_on(store.delete(&loose)).expect("it is deleted");
    let missing = block_on(store.get_all(&loose)).expect_err("no version of it comes to light");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
#[ignore = "needs a server"]
fn a_missing_bucket_is_no_missing_object() {
    let url = address();
    let (scheme, rest) = url.split_once("://").expect("an address");
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let store =
        open(&format!("{scheme}://no-such-bucket-here?{query}"), &Process).expect("an address");
    let key = Key::parse("a/b").expect("a key");
    let prefix = Prefix::root();
    for error in [
        block_on(store.get_all(&key)).expect_err("no bucket"),
        block_on(store.head(&key)).expect_err("no bucket"),
        block_on(store.put_new(&key, "x".into())).expect_err("no bucket"),
        block_on(store.replace(&key, "x".into())).expect_err("no bucket"),
        block_on(store.delete(&key)).expect_err("no bucket"),
        block_on(store.list_all(&prefix)).expect_err("no bucket"),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoStore, "{error:?}");
    }
}

/// The bucket of the address must have Object Lock.
#[test]
#[ignore = "needs a server with a bucket that locks"]
fn hidden_objects_come_back() {
    let strict = store("&lock=true");
    // Of one who deletes and replaces without a thought for versions.
    let url = strict.to_string();
    let address = address();
    let (_, query) = address.split_once('?').unwrap_or((&address, ""));
    let (url, _) = url.split_once('?').unwrap_or((&url, ""));
    let thief = open_hosted(&format!("{url}?{query}"), &Process).expect("the same folder");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_secs();
    let until = i64::try_from(now).expect("not that late") + 20;
    let retention = Retention::new(RetentionMode::Compliance, until);
    let locked = PutOptions::default().with_retention(retention);
    let key = |name| Key::parse(name).expect("a key");
    for name in ["deleted", "replaced", "sound"] {
        let key = key(name);
        let put = strict.put(&key, name.into(), locked.clone());
        block_on(put).expect("it is put");
    }
    block_on(strict.put_new(&key("loose"), "loose".into())).expect("it is put");
    for name in ["deleted", "loose"] {
        block_on(thief.delete(&key(name))).expect("a marker is laid on it");
    }
    block_on(thief.replace(&key("replaced"), "garbage".into())).expect("it is laid over it");
    let missing = block_on(strict.get_all(&key("deleted"))).expect_err("it is hidden");
    assert_eq!(missing.kind(), ErrorKind::NotFound);

    let lock = strict.object_lock().expect("it locks");
    let hidden = || {
        let page = block_on(lock.hidden(&Prefix::root(), None)).expect("a page");
        let names = page.objects.into_iter();
        let names = names.map(|one| format!("{} {}", one.key, one.deleted));
        names.collect::<Vec<_>>()
    };
    assert_eq!(hidden(), ["deleted true", "loose true", "replaced false"]);
    for (name, back) in [
        ("deleted", true),
        ("replaced", true),
        ("loose", false),
        ("sound", false),
    ] {
        let uncovered = block_on(lock.uncover(&key(name))).expect("it answers");
        assert_eq!(uncovered, back, "{name}");
    }
    assert_eq!(hidden(), ["loose true"]);
    for name in ["deleted", "replaced", "sound"] {
        let data = block_on(strict.get_all(&key(name))).expect("it is back");
        assert_eq!(data, name);
        let kept = block_on(lock.retention(&key(name))).expect("its lock");
        assert_eq!(kept, Some(retention));
    }
}
