//! Azure.

use futures::executor::block_on;
use strongroom_object_store::{ObjectStore, open, open_hosted};
use strongroom_store::{
    Cause, ErrorKind, PutOptions, StorageClass, Store, StoreExt, Warmer, Warmth,
};
use strongroom_tokio::Hosted;

use crate::server::{Answer, Server, key, variables};

const KEY: &str = "c2VjcmV0LWtleS1vZi10aGUtYWNjb3VudA==";

fn store(server: &Server, more: &str) -> Hosted<ObjectStore> {
    let url = format!("az://box/folder?account=acme&endpoint={}{more}", server.url);
    open_hosted(&url, &variables(&[("AZURE_STORAGE_ACCOUNT_KEY", KEY)])).expect("an address")
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>because</Message></Error>"
    );
    Answer::new(status, body).header("x-ms-error-code", code)
}

#[test]
fn every_refusal_has_its_kind_and_cause() {
    use {Cause as C, ErrorKind as K};
    let table = [
        (404, "BlobNotFound", K::NotFound, None),
        (404, "ContainerNotFound", K::NoStore, Some(C::NoStore)),
        (
            403,
            "AuthenticationFailed",
            K::PermissionDenied,
            Some(C::WrongCredentials),
        ),
        (
            401,
            "NoAuthenticationInformation",
            K::PermissionDenied,
            Some(C::NoCredentials),
        ),
        (
            403,
            "AuthorizationPermissionMismatch",
            K::PermissionDenied,
            Some(C::Forbidden),
        ),
        (503, "ServerBusy", K::Unavailable, Some(C::Throttled)),
        (500, "OperationTimedOut", K::Unavailable, Some(C::Timeout)),
        (409, "BlobArchived", K::Archived, Some(C::Archived)),
        (
            409,
            "BlobImmutableDueToPolicy",
            K::PermissionDenied,
            Some(C::Retained),
        ),
        (416, "InvalidRange", K::InvalidRange, None),
    ];
    let server = Server::start(move |count, _| error(table[count / 2].0, table[count / 2].1));
    let store = store(&server, "");
    for (_, code, kind, cause) in table {
        for error in [
            block_on(store.get_all(&key("a"))).expect_err(code),
            block_on(store.head(&key("a"))).expect_err(code),
        ] {
            assert_eq!(
                (error.kind(), error.cause()),
                (kind, cause),
                "{code}: {error:?}"
            );
        }
    }
}

#[test]
fn a_signature_of_another_time_has_expired() {
    let body = "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>Signature not valid in the specified time frame</AuthenticationErrorDetail></Error>";
    let server = Server::start(move |_, asked| {
        assert!(asked.target.contains("sig=s3cr3t"), "{}", asked.target);
        Answer::new(403, body)
    });
    let url = format!("az://box/?account=acme&endpoint={}", server.url);
    let store = open(
        &url,
        &variables(&[("AZURE_STORAGE_SAS_TOKEN", "?sv=2023-11-03&sig=s3cr3t")]),
    )
    .expect("an address");
    for error in [
        block_on(store.get_all(&key("a"))).expect_err("expired"),
        block_on(store.delete(&key("a"))).expect_err("expired"),
    ] {
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::PermissionDenied, Some(Cause::ExpiredCredentials))
        );
        assert!(
            !format!("{store} {store:?} {error} {error:?}").contains("s3cr3t"),
            "{error:?}"
        );
    }
}

#[test]
fn requests_are_signed_and_say_the_class() {
    let server = Server::start(|count, _| match count {
        0 => Answer::new(201, "").header("ETag", "\"1\""),
        1 => error(409, "BlobAlreadyExists"),
        2 => error(404, "BlobNotFound"),
        _ => Answer::new(202, ""),
    });
    let store = store(&server, "&class=Archive");
    let cold = PutOptions::default().with_class(StorageClass::Cold);
    block_on(store.put(&key("a"), "x".into(), cold)).expect("it is put");
    let exists = block_on(store.put_new(&key("a"), "x".into())).expect_err("it exists");
    assert_eq!(exists.kind(), ErrorKind::AlreadyExists);
    block_on(store.delete(&key("a"))).expect("it was missing");
    block_on(store.delete(&key("a"))).expect("it is deleted");
    let asked = server.asked();
    assert_eq!(asked[0].header("x-ms-access-tier"), "Archive");
    assert_eq!(asked[0].header("if-none-match"), "*");
    assert_eq!(
        (asked[3].method.as_str(), asked[3].target.as_str()),
        ("DELETE", "/box/folder/a")
    );
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization").starts_with("SharedKey acme:"))
    );
}

#[test]
fn the_archive_is_thawed_once() {
    let server = Server::start(
        |_, asked| match (asked.method.as_str(), asked.target.as_str()) {
            ("HEAD", "/box/folder/cold") => {
                Answer::new(200, "").header("x-ms-access-tier", "Archive")
            }
            ("HEAD", "/box/folder/warming") => Answer::new(200, "")
                .header("x-ms-access-tier", "Archive")
                .header("x-ms-archive-status", "rehydrate-pending-to-hot"),
            ("HEAD", _) => Answer::new(200, "").header("x-ms-access-tier", "Hot"),
            ("PUT", "/box/folder/cold?comp=tier") => Answer::new(202, ""),
            other => panic!("{other:?}"),
        },
    );
    let store = store(&server, "");
    let keys = [key("cold"), key("warming"), key("hot")];
    let warmth: Vec<_> = keys
        .iter()
        .map(|key| block_on(store.warmth(key)).expect("its warmth"))
        .collect();
    assert_eq!(
        warmth,
        [Warmth::Cold, Warmth::Warming, Warmth::Ready { until: None }]
    );
    block_on(store.warm(&keys)).expect("asked for");
}

#[test]
fn connection_strings_are_understood() {
    let connection = format!(
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={KEY};EndpointSuffix=core.windows.net"
    );
    let store = open(
        "az://box/x",
        &variables(&[("AZURE_STORAGE_CONNECTION_STRING", &connection)]),
    )
    .expect("all of it is there");
    assert_eq!(store.to_string(), "az://box/x?account=acme");
    let none = open("az://box/x?account=acme", &()).expect_err("no credentials");
    assert_eq!(
        (none.kind(), none.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::NoCredentials))
    );
}
