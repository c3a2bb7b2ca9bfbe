//! Google.

use futures::executor::block_on;
use strongroom_object_store::{ObjectStore, open, open_hosted};
use strongroom_store::{Cause, ErrorKind, Prefix, PutOptions, StorageClass, Store, StoreExt};
use strongroom_tokio::Hosted;

use crate::server::{Answer, Server, key};

fn store(server: &Server, more: &str) -> Hosted<ObjectStore> {
    let url = format!("gs://bucket/folder?endpoint={}{more}", server.url);
    open_hosted(&url, &()).expect("an emulator needs no credentials")
}

/// Status, reason, message, and what becomes of it.
const REFUSALS: &[(u16, &str, &str, ErrorKind, Option<Cause>)] = &[
    (
        404,
        "notFound",
        "No such object: bucket/folder/a",
        ErrorKind::NotFound,
        None,
    ),
    (
        404,
        "notFound",
        "The specified bucket does not exist.",
        ErrorKind::NoStore,
        Some(Cause::NoStore),
    ),
    (
        401,
        "authError",
        "Invalid Credentials",
        ErrorKind::PermissionDenied,
        Some(Cause::WrongCredentials),
    ),
    (
        403,
        "forbidden",
        "no",
        ErrorKind::PermissionDenied,
        Some(Cause::Forbidden),
    ),
    (
        403,
        "retentionPolicyNotMet",
        "no",
        ErrorKind::PermissionDenied,
        Some(Cause::Retained),
    ),
    (
        403,
        "rateLimitExceeded",
        "no",
        ErrorKind::Unavailable,
        Some(Cause::Throttled),
    ),
    (
        429,
        "rateLimitExceeded",
        "no",
        ErrorKind::Unavailable,
        Some(Cause::Throttled),
    ),
    (
        503,
        "backendError",
        "no",
        ErrorKind::Unavailable,
        Some(Cause::Throttled),
    ),
    (
        416,
        "requestedRangeNotSatisfiable",
        "no",
        ErrorKind::InvalidRange,
        None,
    ),
];

#[test]
fn every_refusal_has_its_kind_and_cause() {
    let server = Server::start(move |_, asked| {
        let (_, row) = asked.target.split_once("row-").expect("a row");
        let digits: String = row.chars().take_while(char::is_ascii_digit).collect();
        let (status, reason, message, ..) = REFUSALS[digits.parse::<usize>().expect("a number")];
        let body = format!(
            "{{\"error\":{{\"code\":{status},\"message\":\"{message}\",\"errors\":[{{\"reason\":\"{reason}\"}}]}}}}"
        );
        Answer::new(status, body)
    });
    let store = store(&server, "");
    for (row, &(_, reason, _, kind, cause)) in REFUSALS.iter().enumerate() {
        let object = key(&format!("row-{row}"));
        let folder = Prefix::parse(&format!("row-{row}/")).expect("a folder");
        for error in [
            block_on(store.get_all(&object)).expect_err(reason),
            block_on(store.head(&object)).expect_err(reason),
            block_on(store.put_new(&object, "x".into())).expect_err(reason),
            block_on(store.list_all(&folder)).expect_err(reason),
        ] {
            let found = (error.kind(), error.cause());
            assert_eq!(found, (kind, cause), "{reason}: {error:?}");
        }
    }
}

#[test]
fn a_missing_object_is_told_from_a_missing_bucket_and_a_page() {
    let json = |message: &str| {
        Answer::new(
            404,
            format!("{{\"error\":{{\"code\":404,\"message\":\"{message}\"}}}}"),
        )
    };
    let page = || Answer::new(404, "<html>somebody else</html>");
    let forbidden = || Answer::new(403, "{}");
    let bucket = || Answer::new(200, "{\"kind\": \"storage#bucket\"}");
    // The data, the description, the bucket; and what becomes of it.
    let table = [
        // The service itself, to whom may not look at buckets.
        (
            Answer::new(404, "No such object: bucket/folder/a"),
            json("No such object: bucket/folder/a"),
            forbidden(),
            ErrorKind::NotFound,
        ),
        (
            Answer::new(404, "whatever"),
            json("The specified bucket does not exist."),
            forbidden(),
            ErrorKind::NoStore,
        ),
        // An emulator.
        (
            Answer::new(404, ""),
            Answer::new(404, ""),
            bucket(),
            ErrorKind::NotFound,
        ),
        (
            Answer::new(404, ""),
            Answer::new(404, ""),
            Answer::new(404, ""),
            ErrorKind::NoStore,
        ),
        (
            Answer::new(404, ""),
            Answer::new(404, ""),
            Answer::new(200, "<html>"),
            ErrorKind::Other,
        ),
        // A proxy.
        (
            page(),
            Answer::new(200, "{\"size\": \"1\"}"),
            bucket(),
            ErrorKind::Unavailable,
        ),
        (page(), page(), bucket(), ErrorKind::Other),
    ];
    for (data, meta, bucket, kind) in table {
        let server = Server::start(move |_, asked| match asked.target.as_str() {
            "/storage/v1/b/bucket?fields=kind" => bucket.clone(),
            target if target.contains("alt=media") => data.clone(),
            _ => meta.clone(),
        });
        let error = block_on(store(&server, "").get_all(&key("a"))).expect_err("nothing is there");
        assert_eq!(error.kind(), kind, "{error:?}");
    }
}

#[test]
fn another_part_than_was_asked_for_is_no_success() {
    for range in ["bytes 0-1/1000", "bytes 500-502/1000", "bytes 2-4/1000"] {
        let server = Server::start(move |_, _| {
            let data = if range.starts_with("bytes 0") {
                "01"
            } else {
                "234"
            };
            Answer::new(206, data).header("Content-Range", range)
        });
        let part = block_on(store(&server, "").get_range(&key("a"), 2..5));
        match range {
            "bytes 2-4/1000" => assert_eq!(part.expect("it is the part"), "234"),
            _ => assert_eq!(
                part.expect_err("another part").kind(),
                ErrorKind::Unavailable
            ),
        }
    }
}

#[test]
fn objects_are_put_in_one_request_on_a_condition() {
    let server = Server::start(|count, _| match count {
        3 => Answer::new(412, "{}"),
        _ => Answer::new(200, "{}"),
    });
    let store = store(&server, "&class=ARCHIVE");
    block_on(store.put_new(&key("a/b"), "data".into())).expect("it is put");
    let cold = PutOptions::default().with_class(StorageClass::Cold);
    block_on(store.put(&key("c"), "data".into(), cold)).expect("it is put");
    block_on(store.replace(&key("c"), "data".into())).expect("it is replaced");
    let exists = block_on(store.put_new(&key("c"), "data".into())).expect_err("it exists");
    assert_eq!(exists.kind(), ErrorKind::AlreadyExists);
    let asked = server.asked();
    assert_eq!(
        asked[0].target,
        "/upload/storage/v1/b/bucket/o?uploadType=multipart&name=folder%2Fa%2Fb&ifGenerationMatch=0"
    );
    assert!(
        asked[0].text().contains("\r\n\r\ndata\r\n--strongroom-"),
        "{}",
        asked[0].text()
    );
    // The MD5 of "data".
    assert!(
        asked[0]
            .text()
            .contains("\"md5Hash\":\"jXd/OF09/siBXSD3SWAm3A==\"")
    );
    assert!(!asked[0].text().contains("storageClass"));
    assert!(asked[1].text().contains("\"storageClass\":\"ARCHIVE\""));
    let boundary = |asked: &crate::server::Asked| asked.header("content-type").to_owned();
    assert_ne!(boundary(&asked[0]), boundary(&asked[1]));
    assert!(!asked[2].target.contains("ifGenerationMatch"));
}

#[test]
fn objects_are_read_and_listed() {
    let server = Server::start(|_, asked| {
        if asked.target.contains("alt=media") {
            return match asked.header("range") {
                "" => Answer::new(200, "0123456789"),
                "bytes=2-4" => Answer::new(206, "234").header("Content-Range", "bytes 2-4/10"),
                // This one ignores ranges.
                _ => Answer::new(200, "0123456789"),
            };
        }
        if asked.target.contains("/o?prefix=folder%2F") {
            return match asked.target.contains("pageToken=more") {
                false => Answer::new(
                    200,
                    r#"{"items":[{"name":"folder/a","size":"10"},{"name":"folder/A","size":"1"}],"nextPageToken":"more"}"#,
                ),
                true => Answer::new(200, r#"{"items":[{"name":"folder/b","size":"2"}]}"#),
            };
        }
        Answer::new(200, "{\"size\": \"10\"}")
    });
    let store = store(&server, "");
    let a = key("a");
    assert_eq!(block_on(store.get_all(&a)).expect("all"), "0123456789");
    assert_eq!(block_on(store.get_range(&a, 2..5)).expect("a part"), "234");
    assert_eq!(
        block_on(store.get_range(&a, 3..5)).expect("a part of all"),
        "34"
    );
    assert_eq!(
        block_on(store.get_range(&a, 9..12))
            .expect_err("beyond")
            .kind(),
        ErrorKind::InvalidRange
    );
    assert_eq!(block_on(store.head(&a)).expect("there").len, 10);
    let listed = block_on(store.list_all(&Prefix::root())).expect("a list");
    let names: Vec<_> = listed
        .iter()
        .map(|object| (object.key.as_str(), object.len))
        .collect();
    assert_eq!(names, [("a", 10), ("b", 2)]);
}

#[test]
fn without_credentials_it_is_not_opened() {
    let error = open("gs://bucket/x", &()).expect_err("no credentials");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::NoCredentials))
    );
}
