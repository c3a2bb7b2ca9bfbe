//! What is sent to S3, and how answers are read.

use futures::executor::block_on;
use futures::stream::StreamExt;
use strongroom_store::{
    ErrorKind, GetOptions, Key, Prefix, PutOptions, StorageClass, Store, StoreExt, Warmer, Warmth,
};

use crate::server::{Answer, Server, key};

fn stored() -> Answer {
    Answer::new(200, "").header("ETag", "\"1\"")
}

#[test]
fn a_put_is_one_signed_request() {
    let server = Server::start(|_, _| stored());
    let store = server.s3("&class=GLACIER&hot_class=STANDARD_IA&sse=AES256");
    let data = vec![7; 700_000]; // several pieces
    block_on(store.put_new(&key("pack/ab"), data.clone().into())).expect("it is put");
    let cold = PutOptions::default().with_class(StorageClass::Cold);
    block_on(store.put(&key("pack/cd"), "x".into(), cold)).expect("it is put");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        (asked[0].method.as_str(), asked[0].target.as_str()),
        ("PUT", "/bucket/folder/pack/ab")
    );
    assert_eq!(asked[0].body, data);
    assert_eq!(asked[0].header("if-none-match"), "*");
    assert_eq!(asked[0].header("x-amz-storage-class"), "STANDARD_IA");
    assert_eq!(asked[0].header("x-amz-server-side-encryption"), "AES256");
    assert_eq!(asked[0].header("x-amz-checksum-sha256").len(), 44);
    assert_ne!(asked[0].header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    assert!(
        asked[0]
            .header("authorization")
            .contains("/eu-test-1/s3/aws4_request")
    );
    assert_eq!(asked[1].header("x-amz-storage-class"), "GLACIER");
}

#[test]
fn a_single_writer_can_look_first() {
    let server = Server::start(|count, asked| match (count, asked.method.as_str()) {
        (0, "HEAD") => Answer::new(404, ""),
        (1, "GET") => Answer::error(404, "NoSuchKey"),
        (2, "PUT") => stored(),
        (3, "HEAD") => Answer::new(200, ""),
        other => panic!("{other:?}"),
    });
    let store = server.s3("&create=look");
    assert!(!store.capabilities().atomic_create);
    block_on(store.put_new(&key("a"), "x".into())).expect("it is put");
    let exists = block_on(store.put_new(&key("a"), "x".into())).expect_err("it is there");
    assert_eq!(exists.kind(), ErrorKind::AlreadyExists);
    assert_eq!(server.asked()[2].header("if-none-match"), "");
}

#[test]
fn ranges_are_exact() {
    let server = Server::start(|_, asked| match asked.header("range") {
        "bytes=2-4" => Answer::new(206, "234").header("Content-Range", "bytes 2-4/10"),
        "bytes=8-11" => Answer::new(206, "89").header("Content-Range", "bytes 8-9/10"),
        "" => Answer::new(200, "").claiming(10),
        _ => Answer::error(416, "InvalidRange"),
    });
    let store = server.s3("");
    let a = key("a");
    assert_eq!(block_on(store.get_range(&a, 2..5)).expect("within"), "234");
    assert_eq!(
        block_on(store.get_range(&a, 10..10)).expect("nothing at the end"),
        ""
    );
    #[expect(clippy::reversed_empty_ranges, reason = "it is the case")]
    for range in [8..12, 10..11, 11..11, 5..4] {
        let error = block_on(store.get(&a, GetOptions::default().with_range(range.clone())))
            .expect_err("beyond");
        assert_eq!(error.kind(), ErrorKind::InvalidRange, "{range:?} {error:?}");
    }
}

fn page(keys: &[&str], next: &str) -> Answer {
    let objects: String = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key><Size>3</Size><LastModified>2026-11-22T08:30:11Z</LastModified></Contents>"))
        .collect();
    let next = if next.is_empty() {
        String::new()
    } else {
        format!("<NextContinuationToken>{next}</NextContinuationToken>")
    };
    Answer::new(
        200,
        format!("<ListBucketResult>{objects}{next}</ListBucketResult>"),
    )
}

#[test]
fn lists_have_pages_and_leave_out_what_is_no_key() {
    let server = Server::start(|_, asked| {
        assert!(
            asked.target.contains("prefix=folder%2Fpack%2F"),
            "{}",
            asked.target
        );
        if asked.target.contains("continuation-token=more") {
            page(&["folder/pack/c"], "")
        } else {
            page(
                &[
                    "folder/pack/a",
                    "folder/pack/Ünüsual name",
                    "folder/pack/.tmp",
                    "folder/pack/b",
                ],
                "more",
            )
        }
    });
    let listed = block_on(
        server
            .s3("")
            .list_all(&Prefix::parse("pack/").expect("a folder")),
    )
    .expect("a list");
    let names: Vec<_> = listed
        .iter()
        .map(|object| (object.key.as_str(), object.len))
        .collect();
    assert_eq!(names, [("pack/a", 3), ("pack/b", 3), ("pack/c", 3)]);
}

#[test]
fn a_list_ends_with_its_first_error() {
    let server = Server::start(|count, _| match count {
        0 => page(&["folder/a"], "more"),
        _ => Answer::error(403, "AccessDenied"),
    });
    let store = server.s3("");
    let listed: Vec<_> = block_on(store.list(&Prefix::root()).collect());
    assert_eq!(listed.len(), 2);
    assert!(listed[0].is_ok());
    assert_eq!(
        listed[1].as_ref().map_err(strongroom_store::Error::kind),
        Err(ErrorKind::PermissionDenied)
    );
}

#[test]
fn warmth_is_read_and_asked_for() {
    let server = Server::start(|_, asked| {
        if asked.method == "POST" {
            return match asked.target.as_str() {
                "/bucket/folder/cold?restore=" => Answer::new(202, ""),
                "/bucket/folder/warming?restore=" => Answer::error(409, "RestoreAlreadyInProgress"),
                _ => Answer::error(403, "InvalidObjectState"),
            };
        }
        let cold = Answer::new(200, "").header("x-amz-storage-class", "GLACIER");
        match asked.target.as_str() {
            "/bucket/folder/cold" => cold,
            "/bucket/folder/warming" => cold.header("x-amz-restore", "ongoing-request=\"true\""),
            "/bucket/folder/warm" => cold.header(
                "x-amz-restore",
                "ongoing-request=\"false\", expiry-date=\"Sun, 22 Nov 2026 08:30:11 GMT\"",
            ),
            _ => Answer::new(200, "").header("x-amz-storage-class", "GLACIER_IR"),
        }
    });
    let store = server.s3("&restore_days=3&restore_tier=Bulk");
    let names = ["cold", "warming", "warm", "hot"];
    let expected = [
        Warmth::Cold,
        Warmth::Warming,
        Warmth::Ready {
            until: Some(1_795_336_211),
        },
        Warmth::Ready { until: None },
    ];
    for (name, warmth) in names.into_iter().zip(expected) {
        assert_eq!(
            block_on(store.warmth(&key(name))).expect("its warmth"),
            warmth,
            "{name}"
        );
    }
    let keys: Vec<Key> = names.map(key).to_vec();
    block_on(store.warm(&keys)).expect("asked for");
    let asked = server.asked();
    let post = asked
        .iter()
        .find(|asked| asked.method == "POST")
        .expect("it was asked for");
    assert!(
        post.text().contains("<Days>3</Days>") && post.text().contains("<Tier>Bulk</Tier>"),
        "{}",
        post.text()
    );
    assert!(post.header("authorization").starts_with("AWS4-HMAC-SHA256"));
    assert_eq!(post.header("content-md5").len(), 24);
}

#[test]
fn what_is_no_list_is_no_empty_bucket() {
    for body in [
        "",
        "<html><body><p>Please log in</p></body></html>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    ] {
        let server = Server::start(move |_, _| Answer::new(200, body));
        let listed = block_on(server.s3("").list_all(&Prefix::root()));
        assert_eq!(
            listed.expect_err("no list").kind(),
            ErrorKind::Other,
            "{body}"
        );
        let deleted = block_on(server.s3("&lock=true").delete(&key("a")));
        assert!(deleted.is_err(), "{body}");
    }
}

#[test]
fn large_objects_are_looked_at() {
    let server = Server::start(|_, _| Answer::new(200, "").claiming(200 << 20));
    let object = block_on(server.s3("").head(&key("a"))).expect("it is there");
    assert_eq!(object.len, 200 << 20);
}
