//! TLS, with certificates that are trusted and ones that are not.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use strongroom_object_store::open;
use strongroom_store::{Cause, Environment, ErrorKind, StoreExt};

use crate::server::{Answer, Server, key, keys};

/// Keys, and the file of an authority.
#[derive(Debug)]
struct WithAuthority(BTreeMap<String, String>);

impl Environment for WithAuthority {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/etc/authority.pem") => Ok(include_bytes!("tls/authority.pem").to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn server() -> Server {
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("tls/cert.pem")).expect("a certificate");
    let secret = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem")).expect("its key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![certificate], secret)
        })
        .expect("a configuration");
    let config = Arc::new(config);
    Server::start_with(
        |_, _| Answer::new(200, "data").header("ETag", "\"1\""),
        move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            Box::new(StreamOwned::new(connection, stream))
        },
    )
}

#[test]
fn an_authority_is_trusted_if_it_is_named_and_not_else() {
    let server = server();
    let endpoint = server.url.replace("http://", "https://");
    let environment = WithAuthority(keys());
    let url = format!("s3://bucket/?endpoint={endpoint}");
    let trusting = open(&format!("{url}&ca=/etc/authority.pem"), &environment).expect("an address");
    assert_eq!(
        block_on(trusting.get_all(&key("a"))).expect("it is trusted"),
        "data"
    );

    let missing =
        open(&format!("{url}&ca=/etc/other.pem"), &environment).expect_err("no such file");
    assert_eq!(
        (missing.kind(), missing.cause()),
        (ErrorKind::Invalid, Some(Cause::Certificate))
    );

    // A machine without any roots cannot make a store at all, and says the same.
    let error = match open(&url, &environment) {
        Ok(store) => block_on(store.get_all(&key("a"))).expect_err("it is not trusted"),
        Err(error) => error,
    };
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::Other, Some(Cause::Certificate)),
        "{error:?}"
    );
    assert!(
        rustls::crypto::CryptoProvider::get_default().is_none(),
        "something was set for the process"
    );
}
