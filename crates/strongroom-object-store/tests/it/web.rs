//! A plain web server.

use futures::executor::block_on;
use strongroom_object_store::open;
use strongroom_store::{ErrorKind, Prefix, Store, StoreExt};

use crate::server::{Answer, Server, key};

#[test]
fn it_is_read_and_nothing_else() {
    let server = Server::start(|_, asked| {
        match (
            asked.method.as_str(),
            asked.target.as_str(),
            asked.header("range"),
        ) {
            ("GET", "/a%20folder/there", "") => Answer::new(200, "0123456789"),
            ("HEAD", "/a%20folder/there", _) => Answer::new(200, "").claiming(10),
            ("GET", "/a%20folder/there", "bytes=2-4") => {
                Answer::new(206, "234").header("Content-Range", "bytes 2-4/10")
            }
            ("GET" | "HEAD", _, _) => Answer::new(404, "<html>no</html>"),
            _ => Answer::new(405, ""),
        }
    });
    let store = open(&format!("{}/a%20folder", server.url), &()).expect("an address");
    let there = key("there");
    assert_eq!(
        block_on(store.get_all(&there)).expect("it is there"),
        "0123456789"
    );
    assert_eq!(
        block_on(store.get_range(&there, 2..5)).expect("a part"),
        "234"
    );
    assert_eq!(block_on(store.head(&there)).expect("it is there").len, 10);
    assert_eq!(
        block_on(store.get_all(&key("gone")))
            .expect_err("gone")
            .kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        block_on(store.head(&key("gone"))).expect_err("gone").kind(),
        ErrorKind::NotFound
    );
    let asked = server.asked().len();
    assert_eq!(
        block_on(store.put_new(&there, "x".into()))
            .expect_err("read-only")
            .kind(),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        block_on(store.delete(&there))
            .expect_err("read-only")
            .kind(),
        ErrorKind::PermissionDenied
    );
    assert_eq!(server.asked().len(), asked);
    let listed = block_on(store.list_all(&Prefix::root())).expect_err("no WebDAV");
    assert_eq!(listed.kind(), ErrorKind::Unsupported, "{listed:?}");
    assert!(!store.capabilities().put && !store.capabilities().delete);
}
