//! Where credentials come from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use strongroom_object_store::{Location, open};
use strongroom_store::{
    Cause, Environment, ErrorKind, PutOptions, Retention, RetentionMode, Store, StoreExt,
};

use crate::server::{Answer, Server, key, variables};

/// Variables and files.
#[derive(Debug, Default)]
struct Given {
    variables: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, &'static str>,
}

impl Environment for Given {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.as_bytes().to_vec())
    }
}

/// Returns who asked the server, and with which token.
fn who_asks(environment: &dyn Environment) -> (String, String) {
    let server = Server::start(|_, _| Answer::new(200, "x").header("ETag", "\"1\""));
    let store = open(
        &format!("s3://bucket/?endpoint={}", server.url),
        environment,
    )
    .expect("credentials");
    block_on(store.get_all(&key("a"))).expect("it answers");
    let asked = server.asked().pop().expect("it was asked");
    (
        asked.header("authorization").to_owned(),
        asked.header("x-amz-security-token").to_owned(),
    )
}

#[test]
fn variables_come_before_profiles() {
    let mut given = Given {
        variables: variables(&[("HOME", "/home/me")]),
        files: BTreeMap::from([
            (
                PathBuf::from("/home/me/.aws/credentials"),
                "[default]\naws_access_key_id = ONE\naws_secret_access_key = 1\n[work]\naws_access_key_id = TWO\naws_secret_access_key = 2\naws_session_token = TOKEN\n",
            ),
            (
                PathBuf::from("/home/me/.aws/config"),
                "[profile work]\nregion = eu-north-1\n",
            ),
        ]),
    };
    let (asks, token) = who_asks(&given);
    assert!(
        asks.contains("Credential=ONE/") && asks.contains("/us-east-1/") && token.is_empty(),
        "{asks}"
    );
    given.variables.insert("AWS_PROFILE".into(), "work".into());
    let (asks, token) = who_asks(&given);
    assert!(
        asks.contains("Credential=TWO/") && asks.contains("/eu-north-1/"),
        "{asks}"
    );
    assert_eq!(token, "TOKEN");
    given
        .variables
        .insert("AWS_ACCESS_KEY_ID".into(), "THREE".into());
    let half = open("s3://bucket/", &given).expect_err("a half of it");
    assert_eq!(half.kind(), ErrorKind::Invalid);
    given
        .variables
        .insert("AWS_SECRET_ACCESS_KEY".into(), "3".into());
    given
        .variables
        .insert("AWS_REGION".into(), "eu-south-2".into());
    let (asks, token) = who_asks(&given);
    assert!(
        asks.contains("Credential=THREE/") && asks.contains("/eu-south-2/"),
        "{asks}"
    );
    assert_eq!(token, "");
}

#[test]
fn without_credentials_it_is_not_opened() {
    let none = open("s3://bucket/", &()).expect_err("nothing is set");
    assert_eq!(
        (none.kind(), none.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::NoCredentials))
    );
    let environment = variables(&[("AWS_PROFILE", "elsewhere"), ("HOME", "/home/me")]);
    let none = open("s3://bucket/", &environment).expect_err("no such profile");
    assert_eq!(none.cause(), Some(Cause::NoCredentials));

    let server = Server::start(|_, _| Answer::new(200, "x").header("ETag", "\"1\""));
    let url = format!("s3://bucket/?credentials=anonymous&endpoint={}", server.url);
    block_on(open(&url, &()).expect("none are needed").get_all(&key("a"))).expect("it answers");
    assert_eq!(server.asked()[0].header("authorization"), "");
}

#[test]
fn only_the_address_may_do_without_tls() {
    let environment = variables(&[
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
    ]);
    assert_eq!(
        open("s3://bucket/", &environment)
            .expect_err("without TLS")
            .kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn addresses_that_are_none_are_refused() {
    for url in [
        "ftp://host/",
        "s3://b/",
        "s3://bucket/a//b",
        "s3://bucket/../x",
        "s3://bucket/?endpoint=http://user:pass@host",
        "s3://bucket/?endpoint=host",
        "s3://bucket/?class=a%0Ab",
        "s3://bucket/?region=a.b",
        "s3://bucket/?style=other",
        "s3://bucket/?timeout=0",
        "s3://bucket/?sse=rot13",
        "s3://bucket/?unknown=1",
        "s3://bucket/?lock=true&checksum=false",
        "az://Box/",
        "gs://b/",
        "https://user@host/",
        "https://host/?class=a",
    ] {
        let error = Location::parse(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
    }
    for url in [
        "s3://bucket",
        "s3://bucket/a/b?region=eu-west-1&lock=true",
        "az://box/x?account=a",
        "gs://bucket/x",
        "https://host:8443/x",
    ] {
        let location = Location::parse(url).expect(url);
        assert!(
            url.starts_with(location.to_string().trim_end_matches('/')),
            "{location}"
        );
    }
}

#[test]
fn a_role_is_fetched_and_signs_locks_too() {
    let server = Server::start(|_, asked| match asked.target.as_str() {
        "/role" => Answer::new(
            200,
            r#"{"AccessKeyId":"ROLE","SecretAccessKey":"s","Token":"TOKEN","Expiration":"2099-01-01T00:00:00Z"}"#,
        ),
        _ => Answer::new(200, "").header("ETag", "\"1\""),
    });
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "proof").expect("a token");
    let environment = variables(&[
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/role", server.url),
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            token.path().to_str().expect("a path"),
        ),
    ]);
    let url = format!("s3://bucket/?lock=true&endpoint={}", server.url);
    let store = open(&url, &environment).expect("a role");
    let retention = Retention::new(RetentionMode::Governance, 4_070_908_800);
    let options = PutOptions::default().with_retention(retention);
    block_on(store.put(&key("a"), "x".into(), options)).expect("it is put");
    let asked = server.asked();
    assert_eq!(asked[0].header("authorization"), "proof");
    let put = asked.last().expect("it was put");
    assert!(put.header("authorization").contains("Credential=ROLE/"));
    assert_eq!(put.header("x-amz-security-token"), "TOKEN");
    assert_eq!(put.header("x-amz-object-lock-mode"), "GOVERNANCE");
}
