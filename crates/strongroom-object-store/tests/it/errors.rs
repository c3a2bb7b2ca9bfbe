//! What the caller of a store hears of what a service says.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use strongroom_object_store::{S3, Timeouts};
use strongroom_store::{Cause, ErrorKind, Prefix, Store, StoreExt};

use crate::server::{Answer, Server, key, keys};

#[test]
fn every_refusal_has_its_kind_and_cause() {
    use {Cause as C, ErrorKind as K};
    let table = [
        (404, "NoSuchKey", K::NotFound, None),
        (404, "NoSuchBucket", K::NoStore, Some(C::NoStore)),
        (
            403,
            "InvalidAccessKeyId",
            K::PermissionDenied,
            Some(C::WrongCredentials),
        ),
        (
            403,
            "SignatureDoesNotMatch",
            K::PermissionDenied,
            Some(C::WrongCredentials),
        ),
        (
            401,
            "Whatever",
            K::PermissionDenied,
            Some(C::WrongCredentials),
        ),
        (
            400,
            "ExpiredToken",
            K::PermissionDenied,
            Some(C::ExpiredCredentials),
        ),
        (
            403,
            "RequestTimeTooSkewed",
            K::PermissionDenied,
            Some(C::ClockSkew),
        ),
        (403, "AccessDenied", K::PermissionDenied, Some(C::Forbidden)),
        (403, "Whatever", K::PermissionDenied, Some(C::Forbidden)),
        (403, "QuotaExceeded", K::NoSpace, Some(C::Full)),
        (507, "InsufficientStorage", K::NoSpace, Some(C::Full)),
        (507, "Whatever", K::NoSpace, Some(C::Full)),
        (503, "SlowDown", K::Unavailable, Some(C::Throttled)),
        (503, "Whatever", K::Unavailable, Some(C::Throttled)),
        (429, "Whatever", K::Unavailable, Some(C::Throttled)),
        (400, "RequestTimeout", K::Unavailable, Some(C::Timeout)),
        (504, "Whatever", K::Unavailable, Some(C::Timeout)),
        (500, "InternalError", K::Unavailable, None),
        (502, "Whatever", K::Unavailable, None),
        (403, "InvalidObjectState", K::Archived, Some(C::Archived)),
        (501, "NotImplemented", K::Unsupported, None),
        (413, "EntityTooLarge", K::TooLarge, None),
        (404, "Whatever", K::Other, None),
        (400, "Whatever", K::Other, None),
        (301, "PermanentRedirect", K::Other, None),
    ];
    let server = Server::start(move |count, _| {
        // A get, and a look, which asks twice.
        let (status, code, ..) = table[count / 3];
        Answer::error(status, code)
    });
    let store = server.s3("");
    for (status, code, kind, cause) in table {
        let get = block_on(store.get_all(&key("a"))).expect_err(code);
        let head = block_on(store.head(&key("a"))).expect_err(code);
        for error in [get, head] {
            assert_eq!(
                (error.kind(), error.cause()),
                (kind, cause),
                "{status} {code}: {error:?}"
            );
            assert_eq!(error.key(), Some(&key("a")));
        }
    }
}

#[test]
fn the_page_of_a_proxy_is_not_a_missing_object() {
    let server =
        Server::start(|_, _| Answer::new(404, "<html><body>Not here either</body></html>"));
    let store = server.s3("");
    let get = block_on(store.get_all(&key("a"))).expect_err("a page");
    let head = block_on(store.head(&key("a"))).expect_err("a page");
    let delete = block_on(store.delete(&key("a"))).expect_err("a page");
    let list = block_on(store.list_all(&Prefix::root())).expect_err("a page");
    for error in [get, head, delete, list] {
        assert_eq!(error.kind(), ErrorKind::Other, "{error:?}");
    }
}

#[test]
fn conditions_that_fail_and_conditions_that_are_not_known() {
    let server = Server::start(|count, asked| {
        assert_eq!(asked.header("if-none-match"), "*");
        match count {
            0 => Answer::error(412, "PreconditionFailed"),
            _ => Answer::error(501, "NotImplemented"),
        }
    });
    let store = server.s3("");
    let exists = block_on(store.put_new(&key("a"), "x".into())).expect_err("it exists");
    assert_eq!(exists.kind(), ErrorKind::AlreadyExists);
    let unknown = block_on(store.put_new(&key("a"), "x".into())).expect_err("no such condition");
    assert_eq!(unknown.kind(), ErrorKind::Unsupported);
    let source = std::error::Error::source(&unknown)
        .expect("it has one")
        .to_string();
    assert!(source.contains("create=look"), "{source}");
}

#[test]
fn two_creates_that_meet_are_looked_into() {
    // Both were refused: after a look it is our turn again.
    let server = Server::start(|count, asked| match (count, asked.method.as_str()) {
        (0, "PUT") => Answer::error(409, "ConditionalRequestConflict"),
        (1, "HEAD") => Answer::new(404, ""),
        (2, "GET") => Answer::error(404, "NoSuchKey"),
        (3, "PUT") => Answer::new(200, "").header("ETag", "\"1\""),
        other => panic!("{other:?}"),
    });
    block_on(server.s3("").put_new(&key("a"), "x".into())).expect("it is created");

    // The other one won.
    let server = Server::start(|count, _| match count {
        0 => Answer::error(409, "ConditionalRequestConflict"),
        _ => Answer::new(200, "").claiming(7),
    });
    let lost = block_on(server.s3("").put_new(&key("a"), "x".into())).expect_err("it lost");
    assert_eq!(lost.kind(), ErrorKind::AlreadyExists);

    // It never ends.
    let server = Server::start(|_, asked| match asked.method.as_str() {
        "PUT" => Answer::error(409, "ConditionalRequestConflict"),
        "HEAD" => Answer::new(404, ""),
        _ => Answer::error(404, "NoSuchKey"),
    });
    let doubt = block_on(server.s3("").put_new(&key("a"), "x".into())).expect_err("it never ends");
    assert_eq!(doubt.kind(), ErrorKind::Unavailable);
    assert_eq!(
        server
            .asked()
            .iter()
            .filter(|asked| asked.method == "PUT")
            .count(),
        4
    );
}

#[test]
fn nothing_is_tried_again_here() {
    let server = Server::start(|_, _| Answer::error(503, "SlowDown").header("Retry-After", "7"));
    let store = server.s3("");
    let error = block_on(store.get_all(&key("a"))).expect_err("it is busy");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    drop(block_on(store.put_new(&key("a"), "x".into())));
    drop(block_on(store.replace(&key("a"), "x".into())));
    drop(block_on(store.delete(&key("a"))));
    drop(block_on(store.list_all(&Prefix::root())));
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(|_, _| Answer::silence());
    let timeouts = Timeouts::default().with_idle(Duration::from_millis(100));
    let s3 = S3::new("bucket")
        .and_then(|s3| s3.with_endpoint(&server.url))
        .expect("a bucket");
    let store = s3
        .with_timeouts(timeouts)
        .open(&keys())
        .expect("keys")
        .hosted()
        .expect("threads");
    let begun = Instant::now();
    for error in [
        block_on(store.get_all(&key("a"))).expect_err("silence"),
        block_on(store.put_new(&key("a"), "x".into())).expect_err("silence"),
        block_on(store.list_all(&Prefix::root())).expect_err("silence"),
    ] {
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::Unavailable, Some(Cause::Timeout)),
            "{error:?}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_breaks_off_is_unavailable() {
    let server = Server::start(|_, _| Answer::new(200, "half").claiming(8));
    let error = block_on(server.s3("").get_all(&key("a"))).expect_err("half of it");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let nobody = "s3://bucket/?endpoint=http://127.0.0.1:1";
    let store = strongroom_object_store::open(nobody, &keys()).expect("an address");
    let error = block_on(store.get_all(&key("a"))).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

#[test]
fn what_is_too_large_is_not_read() {
    let server = Server::start(|_, _| {
        Answer::new(200, "some")
            .claiming(300 << 20)
            .header("ETag", "\"1\"")
    });
    let error = block_on(server.s3("").get_all(&key("a"))).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let server = Server::start(|_, _| {
        Answer::error(403, "SignatureDoesNotMatch").header("Date", "Thu, 01 Jan 2015 00:00:00 GMT")
    });
    let error = block_on(server.s3("").get_all(&key("a"))).expect_err("the clock");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::ClockSkew))
    );
}

#[test]
fn no_secret_is_shown() {
    let server = Server::start(|_, _| {
        Answer::new(
            403,
            "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><StringToSign>s3cr3t-k3y</StringToSign></Error>",
        )
    });
    let store = server.s3("");
    let error = block_on(store.get_all(&key("a"))).expect_err("refused");
    let mut shown = format!(
        "{store} {store:?} {error} {error:?} {:?}",
        store.capabilities()
    );
    let mut source = std::error::Error::source(&error);
    while let Some(next) = source {
        shown.push_str(&format!("{next} {next:?}"));
        source = next.source();
    }
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("Signature="),
        "{shown}"
    );
}
