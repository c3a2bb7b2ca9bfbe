//! Object Lock.

use futures::executor::block_on;
use strongroom_store::{
    Cause, ErrorKind, Hidden, Prefix, PutOptions, Retention, RetentionMode, Store, StoreExt,
};

use crate::server::{Answer, Server, key};

const UNTIL: i64 = 4_070_908_800; // 2099-01-01

fn compliance(until: i64) -> Retention {
    Retention::new(RetentionMode::Compliance, until)
}

fn locked_until(text: &str) -> Answer {
    Answer::new(
        200,
        format!(
            "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{text}</RetainUntilDate></Retention>"
        ),
    )
}

#[test]
fn a_put_with_a_lock_is_signed_with_its_lock() {
    let server = Server::start(|_, _| Answer::new(200, "").header("ETag", "\"1\""));
    let options = PutOptions::default().with_retention(compliance(UNTIL));
    block_on(
        server
            .s3("&lock=true")
            .put(&key("a"), "x".into(), options.clone()),
    )
    .expect("it is put");
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("x-amz-object-lock-mode"), "COMPLIANCE");
    assert_eq!(
        asked[0].header("x-amz-object-lock-retain-until-date"),
        "2099-01-01T00:00:00Z"
    );
    let signed = asked[0].header("authorization");
    for name in [
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "if-none-match",
        "x-amz-sdk-checksum-algorithm",
    ] {
        assert!(signed.contains(name), "{name} in {signed}");
    }
    assert_eq!(asked[0].header("x-amz-content-sha256").len(), 64);

    let unlocked = server.s3("");
    assert!(unlocked.object_lock().is_none());
    let error =
        block_on(unlocked.put(&key("a"), "x".into(), options)).expect_err("it does not lock");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn locks_are_read_and_only_extended() {
    let server = Server::start(|_, asked| match asked.method.as_str() {
        "PUT" => Answer::new(200, ""),
        _ if asked.target.contains("/none?") => Answer::error(404, "NoSuchObjectLockConfiguration"),
        _ if asked.target.contains("/past?") => locked_until("2001-01-01T00:00:00.000Z"),
        _ if asked.target.contains("/missing?") => Answer::error(404, "NoSuchKey"),
        _ => locked_until("2099-01-01T00:00:00.000Z"),
    });
    let store = server.s3("&lock=true");
    let lock = store.object_lock().expect("it locks");
    let retention = |name: &str| block_on(lock.retention(&key(name)));
    assert_eq!(
        retention("there").expect("its lock"),
        Some(compliance(UNTIL))
    );
    assert_eq!(retention("none").expect("no lock"), None);
    assert_eq!(retention("past").expect("no lock any more"), None);
    assert_eq!(
        retention("missing").expect_err("missing").kind(),
        ErrorKind::NotFound
    );

    block_on(lock.extend(&key("there"), compliance(UNTIL - 1))).expect("it is covered");
    let weaker = Retention::new(RetentionMode::Governance, UNTIL + 1);
    assert_eq!(
        block_on(lock.extend(&key("there"), weaker))
            .expect_err("weaker")
            .kind(),
        ErrorKind::Invalid
    );
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
    block_on(lock.extend(&key("there"), compliance(UNTIL + 60))).expect("longer");
    let put = server.asked().pop().expect("it was asked");
    assert_eq!(
        (put.method.as_str(), put.target.as_str()),
        ("PUT", "/bucket/folder/there?retention=")
    );
    assert!(
        put.text()
            .contains("<RetainUntilDate>2099-01-01T00:01:00Z</RetainUntilDate>"),
        "{}",
        put.text()
    );
    assert_eq!(put.header("content-md5").len(), 24);
    assert_eq!(put.header("x-amz-checksum-sha256").len(), 44);
}

#[test]
fn what_is_locked_is_neither_deleted_nor_replaced() {
    let server = Server::start(|_, asked| match asked.method.as_str() {
        "HEAD" => Answer::new(200, "")
            .header("x-amz-version-id", "v1")
            .header("x-amz-object-lock-mode", "COMPLIANCE")
            .header(
                "x-amz-object-lock-retain-until-date",
                "2099-01-01T00:00:00Z",
            ),
        "DELETE" => Answer::error(403, "AccessDenied"),
        _ if asked.target.contains("versions") => Answer::new(
            200,
            "<ListVersionsResult><Version><Key>folder/a</Key><VersionId>v1</VersionId></Version></ListVersionsResult>",
        ),
        _ => locked_until("2099-01-01T00:00:00Z"),
    });
    let store = server.s3("&lock=true");
    for error in [
        block_on(store.delete(&key("a"))).expect_err("it is locked"),
        block_on(store.replace(&key("a"), "x".into())).expect_err("it is locked"),
    ] {
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::PermissionDenied, Some(Cause::Retained)),
            "{error:?}"
        );
    }
    assert!(server.asked().iter().all(|asked| asked.method != "PUT"));
}

#[test]
fn every_version_is_deleted_the_oldest_first() {
    let server = Server::start(|_, asked| match asked.method.as_str() {
        "DELETE" => Answer::new(204, ""),
        _ => Answer::new(
            200,
            "<ListVersionsResult><IsTruncated>false</IsTruncated>\
             <Version><Key>folder/a</Key><VersionId>v4/+</VersionId></Version>\
             <DeleteMarker><Key>folder/a</Key><VersionId>m3</VersionId></DeleteMarker>\
             <Version><Key>folder/a</Key><VersionId>v2</VersionId></Version>\
             <Version><Key>folder/ab</Key><VersionId>other</VersionId></Version></ListVersionsResult>",
        ),
    });
    block_on(server.s3("&lock=true").delete(&key("a"))).expect("it is deleted");
    let asked: Vec<_> = server
        .asked()
        .into_iter()
        .map(|asked| asked.target)
        .collect();
    assert_eq!(
        asked,
        [
            "/bucket/?prefix=folder%2Fa&versions=",
            "/bucket/folder/a?versionId=v2",
            "/bucket/folder/a?versionId=m3",
            "/bucket/folder/a?versionId=v4%2F%2B",
        ]
    );
}

#[test]
fn what_a_bucket_says_of_itself() {
    let server = Server::start(|_, asked| match asked.target.as_str() {
        "/bucket/?versioning=" => Answer::new(200, "<V><Status>Enabled</Status></V>"),
        "/bucket/?object-lock=" => {
            Answer::new(200, "<O><ObjectLockEnabled>Enabled</ObjectLockEnabled></O>")
        }
        other => panic!("{other}"),
    });
    let store = server.s3("");
    let discovery = block_on(store.call("discover", |store| async move { store.discover().await }))
        .expect("it says");
    assert!(discovery.versioning && discovery.object_lock);
    let knowing = store.store().with_discovery(discovery);
    assert!(knowing.capabilities().versioning && knowing.object_lock().is_some());

    let server = Server::start(|_, asked| match asked.target.as_str() {
        "/bucket/?versioning=" => Answer::error(501, "NotImplemented"),
        _ => Answer::error(404, "ObjectLockConfigurationNotFoundError"),
    });
    let plain = server.s3("");
    let discovery = block_on(plain.call("discover", |store| async move { store.discover().await }))
        .expect("it says");
    assert!(!discovery.versioning && !discovery.object_lock);
}

/// What a bucket keeps of some objects, a page after another.
fn versions(asked: &str) -> Answer {
    let version = |key: &str, id: &str, etag: &str| {
        format!(
            "<Version><Key>folder/{key}</Key><VersionId>{id}</VersionId><ETag>{etag}</ETag><Size>1</Size></Version>"
        )
    };
    let marker = |key: &str, id: &str| {
        format!("<DeleteMarker><Key>folder/{key}</Key><VersionId>{id}</VersionId></DeleteMarker>")
    };
    let deleted = [marker("deleted", "m2"), version("deleted", "v1", "a")].concat();
    let other = [version("other", "v2", "b"), version("other", "v1", "a")].concat();
    let loose = [marker("loose", "m2"), version("loose", "past", "a")].concat();
    let again = [version("again", "v2", "a"), version("again", "v1", "a")].concat();
    let (text, more) = match asked {
        "/bucket/?prefix=folder%2F&versions=" => (
            [again, deleted].concat() + &version("edge", "v3", "a"),
            "<IsTruncated>true</IsTruncated><NextKeyMarker>folder/edge</NextKeyMarker>\
             <NextVersionIdMarker>v3</NextVersionIdMarker>",
        ),
        "/bucket/?prefix=folder%2F&versions=&key-marker=folder%2Fedge" => {
            ([loose, version("one", "v1", "a"), other].concat(), "")
        }
        "/bucket/?prefix=folder%2Fedge&versions=" => {
            let edge = version("edge", "v3", "b") + &version("edge", "v1", "a");
            (edge, "")
        }
        "/bucket/?prefix=folder%2Fdeleted&versions=" => (deleted, ""),
        "/bucket/?prefix=folder%2Fother&versions=" => (other, ""),
        "/bucket/?prefix=folder%2Floose&versions=" => (loose, ""),
        "/bucket/?prefix=folder%2Fagain&versions=" => (again, ""),
        other => panic!("{other}"),
    };
    Answer::new(
        200,
        format!("<ListVersionsResult>{more}{text}</ListVersionsResult>"),
    )
}

fn bucket_of_versions() -> Server {
    Server::start(|_, asked| match asked.method.as_str() {
        "PUT" => Answer::new(200, "<CopyObjectResult><ETag>a</ETag></CopyObjectResult>"),
        "DELETE" => Answer::new(204, ""),
        "HEAD" if asked.target.ends_with("past") => Answer::new(200, ""),
        "HEAD" => Answer::new(200, "")
            .header("x-amz-object-lock-mode", "COMPLIANCE")
            .header(
                "x-amz-object-lock-retain-until-date",
                "2099-01-01T00:00:00Z",
            ),
        _ => versions(&asked.target),
    })
}

#[test]
fn what_is_under_markers_and_other_versions_is_found() {
    let server = bucket_of_versions();
    let store = server.s3("&lock=true");
    let lock = store.object_lock().expect("it locks");
    let page = block_on(lock.hidden(&Prefix::root(), None)).expect("a page");
    assert_eq!(
        page.objects,
        [
            Hidden::new(key("deleted"), true),
            Hidden::new(key("edge"), false)
        ]
    );
    let next = page.next.expect("there is more");
    let page = block_on(lock.hidden(&Prefix::root(), Some(&next))).expect("a page");
    assert_eq!(
        page.objects,
        [
            Hidden::new(key("loose"), true),
            Hidden::new(key("other"), false)
        ]
    );
    assert_eq!(page.next, None);
}

#[test]
fn what_is_locked_and_hidden_is_brought_back() {
    let server = bucket_of_versions();
    let store = server.s3("&lock=true");
    let lock = store.object_lock().expect("it locks");
    let changes = || -> Vec<_> {
        let asked = server.asked().into_iter();
        let changes = asked.filter(|asked| !["GET", "HEAD"].contains(&asked.method.as_str()));
        changes.collect()
    };
    let uncover = |name: &str| block_on(lock.uncover(&key(name))).expect("it answers");
    assert!(!uncover("again") && !uncover("loose"));
    assert!(changes().is_empty());

    assert!(uncover("deleted"));
    let deletion = changes().pop().expect("a marker goes");
    assert_eq!(
        (deletion.method.as_str(), deletion.target.as_str()),
        ("DELETE", "/bucket/folder/deleted?versionId=m2")
    );

    assert!(uncover("other"));
    let copy = changes().pop().expect("it is laid on top");
    assert_eq!(
        (copy.method.as_str(), copy.target.as_str()),
        ("PUT", "/bucket/folder/other")
    );
    let source = "/bucket/folder/other?versionId=v1";
    assert_eq!(copy.header("x-amz-copy-source"), source);
    assert_eq!(copy.header("x-amz-object-lock-mode"), "COMPLIANCE");
    assert_eq!(
        copy.header("x-amz-object-lock-retain-until-date"),
        "2099-01-01T00:00:00Z"
    );
    assert_eq!(changes().len(), 2);
}

#[test]
fn who_may_not_delete_hears_of_it_where_there_is_nothing() {
    let server = Server::start(|_, asked| match asked.method.as_str() {
        "DELETE" => Answer::error(403, "AccessDenied"),
        _ if asked.target.contains("retention") => Answer::error(404, "NoSuchKey"),
        _ => Answer::new(200, "<ListVersionsResult></ListVersionsResult>"),
    });
    let error =
        block_on(server.s3("&lock=true").delete(&key("never-there"))).expect_err("forbidden");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::Forbidden))
    );
}

#[test]
fn all_pages_of_versions_are_deleted() {
    let server = Server::start(|_, asked| {
        if asked.method == "DELETE" {
            return Answer::new(204, "");
        }
        let page = asked
            .target
            .split("version-id-marker=")
            .nth(1)
            .map_or(0, |page| page.parse::<u32>().expect("a page"));
        let next = page + 1;
        let more = match page {
            14 => String::new(),
            _ => format!(
                "<IsTruncated>true</IsTruncated><NextKeyMarker>folder/a</NextKeyMarker><NextVersionIdMarker>{next}</NextVersionIdMarker>"
            ),
        };
        Answer::new(
            200,
            format!(
                "<ListVersionsResult>{more}<Version><Key>folder/a</Key><VersionId>v{page}</VersionId></Version></ListVersionsResult>"
            ),
        )
    });
    block_on(server.s3("&lock=true").delete(&key("a"))).expect("it is deleted");
    let deleted = server
        .asked()
        .iter()
        .filter(|asked| asked.method == "DELETE")
        .count();
    assert_eq!(deleted, 15);
}

#[test]
fn who_may_not_see_locks_replaces_nothing() {
    let server = Server::start(|_, asked| match asked.method.as_str() {
        "HEAD" => Answer::new(200, "").header("x-amz-version-id", "v1"),
        "GET" => Answer::error(403, "AccessDenied"),
        other => panic!("{other}"),
    });
    let error =
        block_on(server.s3("&lock=true").replace(&key("a"), "x".into())).expect_err("who knows");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::Forbidden))
    );
}
