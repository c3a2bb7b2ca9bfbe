//! The store against a server of our own on the loopback interface.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use reqwest::Url;
use strongroom_store::conformance::assert_conforms;
use strongroom_store::{Cause, ErrorKind, Key, Prefix, Store, StoreExt};
use strongroom_tokio::Hosted;
use tempfile::TempDir;

use self::server::{Fault, Server, answer};
use super::read::name_in;
use super::{Dav, DavCreate, DavCredentials, DavSettings};

mod server;

struct World {
    folder: TempDir,
    server: Server,
    store: Hosted<Dav>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut DavSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let server = Server::start(folder.path());
        let store = open(&server, set);
        Self {
            folder,
            server,
            store,
        }
    }

    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path().join("store/.tmp")).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        names
            .map(|entry| name(entry).into_string().expect("UTF-8"))
            .collect()
    }

    /// Waits until what nobody waited for is done.
    fn settle(&self) {
        for _ in 0..1_000 {
            if self.left().is_empty() {
                return;
            }
            block_on(self.store.exists(&key("none"))).expect("it answers");
        }
    }
}

fn open(server: &Server, set: impl FnOnce(&mut DavSettings)) -> Hosted<Dav> {
    let mut settings = DavSettings::new(server.url());
    settings.timeout = Duration::from_secs(20);
    set(&mut settings);
    Hosted::new(Dav::new(&settings).expect("a store")).expect("a runtime")
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

fn conforms(create: DavCreate) {
    let worlds = Mutex::new(Vec::new());
    assert_conforms(|| {
        let world = World::with(|settings| settings.create = create);
        let store = world.store.clone();
        worlds.lock().expect("no panic").push(world.folder);
        Arc::new(store)
    });
}

#[test]
fn it_conforms_where_conditions_lose_races() {
    conforms(DavCreate::Claim);
}

#[test]
fn it_conforms_with_a_condition_for_one_writer() {
    conforms(DavCreate::Condition);
    let world = World::with(|settings| settings.create = DavCreate::Condition);
    assert!(!world.store.capabilities().atomic_create);
}

#[test]
fn a_create_is_five_requests_and_leaves_nothing() {
    let world = World::new();
    block_on(world.store.put_new(&key("first"), "bytes".into())).expect("it is stored");
    world.settle();
    world.server.asked();
    block_on(world.store.put_new(&key("one"), "bytes".into())).expect("it is stored");
    let methods: Vec<_> = world
        .server
        .asked()
        .iter()
        .filter_map(|asked| asked.split(' ').next().map(str::to_owned))
        .filter(|method| method != "DELETE")
        .collect();
    assert_eq!(methods, ["MKCOL", "PUT", "MOVE", "MOVE"]);
    world.settle();
    assert!(world.left().is_empty());
}

#[test]
fn a_server_behind_another_that_ends_the_encryption_is_told_its_own_name() {
    let world = World::new();
    world.server.believe_in_https();
    for name in ["a", "b"] {
        block_on(world.store.put_new(&key(name), "bytes".into())).expect("it is stored");
    }
    let moves = world.server.asked();
    let moves = moves.iter().filter(|asked| asked.starts_with("MOVE"));
    assert_eq!(moves.count(), 5, "it is learnt once");
}

#[test]
fn the_claim_of_a_dead_creator_is_gone_on_with() {
    let world = World::new();
    let claim = world.folder.path().join("store/.tmp/key-journal~7");
    fs::create_dir_all(&claim).expect("a folder");
    fs::write(claim.join("object-of-the-dead"), "the dead's").expect("a file");
    let error =
        block_on(world.store.put_new(&key("journal/7"), "ours".into())).expect_err("it is his");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        block_on(world.store.get_all(&key("journal/7"))).expect("it is there"),
        "the dead's"
    );
}

#[test]
fn an_empty_claim_is_in_nobodys_way() {
    let world = World::new();
    fs::create_dir_all(world.folder.path().join("store/.tmp/key-a")).expect("a folder");
    block_on(world.store.put_new(&key("a"), "ours".into())).expect("it is stored");
    assert_eq!(
        block_on(world.store.get_all(&key("a"))).expect("it is there"),
        "ours"
    );
}

#[test]
fn a_lost_answer_is_found_out_about() {
    for (method, path) in [
        ("MKCOL", "put-"),
        ("PUT", "object-"),
        ("MOVE", "put-"),
        ("MOVE", "key-a"),
        ("PROPFIND", ""),
    ] {
        for fault in [Fault::HangUp, Fault::DoneAndHangUp] {
            let world = World::new();
            world.server.fail(method, path, fault.clone());
            let put = block_on(world.store.put_new(&key("a"), "bytes".into()));
            put.unwrap_or_else(|error| panic!("{method} {path} {fault:?}: {error:?}"));
            assert_eq!(
                block_on(world.store.get_all(&key("a"))).expect("it is there"),
                "bytes"
            );
            let error =
                block_on(world.store.put_new(&key("a"), "others".into())).expect_err("it is there");
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        }
    }
}

#[test]
fn answers_have_the_kind_and_cause_a_caller_acts_on() {
    let world = World::new();
    for (status, kind, cause) in [
        (
            "401 Unauthorized",
            ErrorKind::PermissionDenied,
            Some(Cause::NoCredentials),
        ),
        (
            "403 Forbidden",
            ErrorKind::PermissionDenied,
            Some(Cause::Forbidden),
        ),
        ("405 Method Not Allowed", ErrorKind::Unsupported, None),
        ("423 Locked", ErrorKind::Unavailable, None),
        (
            "429 Too Many Requests",
            ErrorKind::Unavailable,
            Some(Cause::Throttled),
        ),
        ("500 Internal Server Error", ErrorKind::Unavailable, None),
        (
            "503 Service Unavailable",
            ErrorKind::Unavailable,
            Some(Cause::Throttled),
        ),
        (
            "504 Gateway Timeout",
            ErrorKind::Unavailable,
            Some(Cause::Timeout),
        ),
        (
            "507 Insufficient Storage",
            ErrorKind::NoSpace,
            Some(Cause::Full),
        ),
        ("301 Moved Permanently", ErrorKind::Other, None),
        ("204 No Content", ErrorKind::Other, None),
    ] {
        world
            .server
            .fail("GET", "/a", Fault::Answer(answer(status, "")));
        let error = block_on(world.store.get_all(&key("a"))).expect_err(status);
        assert_eq!((error.kind(), error.cause()), (kind, cause), "{status}");
        assert_eq!(error.key(), Some(&key("a")));
    }
    let full = Fault::Answer(answer("507 Insufficient Storage", ""));
    world.server.fail("PUT", "object-", full);
    let error = block_on(world.store.put_new(&key("a"), "bytes".into())).expect_err("it is full");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::NoSpace, Some(Cause::Full))
    );
    let later = "503 So\r\nRetry-After: 7";
    world
        .server
        .fail("GET", "/a", Fault::Answer(answer(later, "")));
    let error = block_on(world.store.get_all(&key("a"))).expect_err("not now");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn a_missing_folder_is_no_store_and_a_page_no_answer() {
    let world = World::new();
    let a = key("a");
    let page = || Fault::Answer(answer("200 OK", "<html>Welcome to the hotel</html>"));
    world.server.fail(
        "GET",
        "/a",
        Fault::Answer(answer("404 Not Found", "by a proxy")),
    );
    world.server.fail("PROPFIND", "", page());
    let error = block_on(world.store.get_all(&a)).expect_err("a proxy answers");
    assert_eq!(error.kind(), ErrorKind::Other);
    world.server.fail("PROPFIND", "", page());
    let error = block_on(world.store.list_all(&Prefix::root())).expect_err("a proxy answers");
    assert_eq!(error.kind(), ErrorKind::Other);
    let cut = r#"<multistatus xmlns="DAV:"><response><href>/store/</href></response>"#;
    world.server.fail(
        "PROPFIND",
        "",
        Fault::Answer(answer("207 Multi-Status", cut)),
    );
    let error = block_on(world.store.list_all(&Prefix::root())).expect_err("it is cut off");
    assert_eq!(error.kind(), ErrorKind::Other);

    fs::remove_dir_all(world.folder.path().join("store")).expect("it is removed");
    let outcomes = block_on(async {
        [
            world.store.get_all(&a).await.map(drop),
            world.store.head(&a).await.map(drop),
            world.store.delete(&a).await,
            world.store.put_new(&a, "bytes".into()).await,
            world.store.replace(&a, "bytes".into()).await,
            world.store.list_all(&Prefix::root()).await.map(drop),
        ]
    });
    for outcome in outcomes {
        let error = outcome.expect_err("there is no store");
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::NoStore, Some(Cause::NoStore))
        );
    }
}

#[test]
fn a_folder_is_made_if_that_is_asked_for() {
    let world = World::with(|settings| {
        settings.url.push_str("new/");
        settings.make_folder = true;
    });
    block_on(world.store.put_new(&key("a"), "bytes".into())).expect("it is stored");
    assert!(world.folder.path().join("store/new/a").is_file());
}

#[test]
fn an_error_within_an_answer_is_no_object() {
    let world = World::new();
    let inner = |status: &str| {
        let xml = format!(
            r#"<multistatus xmlns="DAV:"><response><href>/store/a</href>{status}</response></multistatus>"#
        );
        Fault::Answer(answer("207 Multi-Status", &xml))
    };
    let failed = "<status>HTTP/1.1 500 Internal Server Error</status>";
    let nothing =
        "<propstat><prop><resourcetype/></prop><status>HTTP/1.1 403 Forbidden</status></propstat>";
    for (status, kind) in [
        (failed, ErrorKind::Unavailable),
        (nothing, ErrorKind::Other),
    ] {
        // The object cannot be renamed out of its claim, and what is in its way cannot be looked at.
        world
            .server
            .fail("MOVE", "key-a", Fault::Answer(answer("500 So", "")));
        world
            .server
            .fail("PROPFIND", "key-a", Fault::Answer(answer("404 So", "")));
        world.server.fail("PROPFIND", "/store/a", inner(status));
        let error = block_on(world.store.put_new(&key("a"), "bytes".into())).expect_err("unknown");
        assert_eq!(error.kind(), kind, "{error:?}");
        world.server.fail("PROPFIND", "/store/a", inner(status));
        let error = block_on(world.store.head(&key("a"))).expect_err("unknown");
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    let elsewhere =
        r#"<multistatus xmlns="DAV:"><response><href>/store/b</href></response></multistatus>"#;
    let elsewhere = Fault::Answer(answer("207 Multi-Status", elsewhere));
    world.server.fail("PROPFIND", "/store/a", elsewhere);
    let error = block_on(world.store.head(&key("a"))).expect_err("of another");
    assert_eq!(error.kind(), ErrorKind::Other);
}

#[test]
fn credentials_are_sent_and_refusals_told_apart() {
    let world = World::new();
    world.server.admit("Basic bWU6Z2VoZWlt"); // me:geheim
    let error = block_on(world.store.head(&key("a"))).expect_err("who is it");
    assert_eq!(error.cause(), Some(Cause::NoCredentials));
    let with = |password: &str| {
        let credentials = DavCredentials::basic("me", password);
        open(&world.server, |settings| {
            settings.credentials = Some(credentials);
        })
    };
    let error = block_on(with("falsch").head(&key("a"))).expect_err("it is wrong");
    assert_eq!(error.cause(), Some(Cause::WrongCredentials));
    let error = block_on(with("geheim").head(&key("a"))).expect_err("it is missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    world.server.admit("Bearer zeichen");
    let bearer = open(&world.server, |settings| {
        settings.credentials = Some(DavCredentials::bearer("zeichen"));
    });
    assert!(!block_on(bearer.exists(&key("a"))).expect("it answers"));
    let shown = format!("{:?} {}", with("geheim"), with("geheim"));
    assert!(!shown.contains("geheim"), "{shown}");
}

#[test]
fn a_range_is_exact_whatever_the_server_makes_of_it() {
    let world = World::new();
    let whole = || Fault::Answer(answer("200 OK", "0123456789"));
    world.server.fail("GET", "/a", whole());
    let part = block_on(world.store.get_range(&key("a"), 2..5)).expect("a part of all");
    assert_eq!(part, "234");
    world.server.fail("GET", "/a", whole());
    let error = block_on(world.store.get_range(&key("a"), 8..11)).expect_err("beyond the end");
    assert_eq!(error.kind(), ErrorKind::InvalidRange);
    for (header, body) in [
        ("Content-Range: bytes 1-3/10", "123"),
        ("Content-Range: bytes 2-4/10", "23"),
        ("X: y", "234"),
    ] {
        let answer = answer(&format!("206 So\r\n{header}"), body);
        world.server.fail("GET", "/a", Fault::Answer(answer));
        let error = block_on(world.store.get_range(&key("a"), 2..5)).expect_err(header);
        assert_eq!(error.kind(), ErrorKind::Other, "{header}");
    }
    let huge = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_owned();
    world.server.fail("GET", "/a", Fault::Answer(huge));
    let error = block_on(world.store.get_all(&key("a"))).expect_err("nobody has a buffer for it");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn a_silent_server_is_given_up() {
    let world = World::with(|settings| settings.timeout = Duration::from_millis(60));
    world.server.fail("GET", "/a", Fault::Silence);
    let error = block_on(world.store.get_all(&key("a"))).expect_err("it is silent");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::Unavailable, Some(Cause::Timeout))
    );
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234".to_owned();
    world.server.fail("GET", "/a", Fault::Answer(short));
    let error = block_on(world.store.get_all(&key("a"))).expect_err("it never comes");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::Unavailable, Some(Cause::Timeout))
    );
}

#[test]
fn what_does_not_speak_tls_is_told_and_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop((&stream).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
            drop((&stream).read(&mut [0; 9_000])); // so that what was sent is not reset
        }
    });
    let settings = DavSettings::new(format!("https://{address}/"));
    let store = Hosted::new(Dav::new(&settings).expect("a store")).expect("a runtime");
    let error = block_on(store.get_all(&key("a"))).expect_err("it speaks in clear");
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Other, None));
}

#[test]
fn only_old_leftovers_are_swept() {
    let world = World::new();
    let temp = world.folder.path().join("store/.tmp");
    for name in ["put-old", "key-old~a", "put-young"] {
        fs::create_dir_all(temp.join(name)).expect("a leftover");
    }
    block_on(world.store.put_new(&key("a"), "bytes".into())).expect("it is stored");
    let left = world.left();
    assert!(left.contains(&"put-young".to_owned()));
    assert!(!left.iter().any(|name| name.contains("old")), "{left:?}");
}

#[test]
fn an_object_in_the_way_of_a_folder_is_invalid() {
    let world = World::new();
    block_on(async {
        world
            .store
            .put_new(&key("f/a"), "bytes".into())
            .await
            .expect("it is stored");
        for outcome in [
            world.store.put_new(&key("f"), "bytes".into()).await,
            world.store.replace(&key("f"), "bytes".into()).await,
            world.store.put_new(&key("f/a/b"), "bytes".into()).await,
        ] {
            assert_eq!(outcome.expect_err("it is taken").kind(), ErrorKind::Invalid);
        }
        assert_eq!(
            world.store.get_all(&key("f/a")).await.expect("it is there"),
            "bytes"
        );
    });
}

#[test]
fn names_in_a_folder_are_told_from_what_is_elsewhere() {
    let folder = Url::parse("http://host/my%20dav/pack/").expect("a URL");
    for (href, name) in [
        ("/my%20dav/pack/", None),
        ("/my%20dav/pack", None),
        ("/my%20dav/pack/a", Some("a")),
        ("/my%20dav/pack/%61b/", Some("ab")),
        ("http://other:81/my%20dav/pack/a", Some("a")),
    ] {
        let found = name_in(&folder, href).expect("it is in the folder");
        assert_eq!(found.as_deref(), name, "{href}");
    }
    for href in [
        "/",
        "/my%20dav/packs/a",
        "/my%20dav/pack/a/b",
        "/my%20dav/pack/a%2Fb",
        "/other/a",
    ] {
        assert!(name_in(&folder, href).is_err(), "{href}");
    }
}
