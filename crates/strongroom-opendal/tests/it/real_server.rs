//! The laws on a real server: `STRONGROOM_TEST_STORE='sftp://…' cargo test -p strongroom-opendal -- --ignored`.
//!
//! The address is that of an empty folder, or of one whose folders `law-1` to `law-9` nobody needs. `STRONGROOM_DAV_USER`,
//! `STRONGROOM_DAV_PASSWORD` and what `ssh` needs are taken from the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom_store::conformance::Suite;
use strongroom_store::{Key, Prefix, Store, StoreExt};

fn open() -> Arc<dyn Store> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let address = environment
        .get("STRONGROOM_TEST_STORE")
        .expect("STRONGROOM_TEST_STORE is the address of the server to be tested");
    strongroom_opendal::open(address, &environment).expect("an address")
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
