//! Encrypted connections, without anything set for the whole process.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use strongroom_store::{Cause, Error, ErrorKind, Result};

/// Whom to trust.
pub(super) enum Trust<'a> {
    /// Nobody: connections are not encrypted.
    Nobody,
    /// Whom the system trusts.
    System,
    /// Those whose certificates these are, in PEM.
    Only(&'a [u8]),
}

/// Returns the configuration of a client.
pub(super) fn config(trust: &Trust<'_>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(untrusted)?;
    let builder: ConfigBuilder<ClientConfig, WantsClientCert> = match trust {
        Trust::Nobody => builder.with_root_certificates(RootCertStore::empty()),
        Trust::System => builder.with_platform_verifier().map_err(untrusted)?,
        Trust::Only(pem) => builder.with_root_certificates(roots(pem)?),
    };
    Ok(builder.with_no_client_auth())
}

fn roots(pem: &[u8]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| untrusted(error.to_string()))?;
        roots.add(certificate).map_err(untrusted)?;
    }
    if roots.is_empty() {
        return Err(untrusted("the file has no certificates"));
    }
    Ok(roots)
}

fn untrusted(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Other, "open")
        .with_cause(Cause::Certificate)
        .with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_set_for_the_whole_process() {
        config(&Trust::Nobody).expect("a configuration");
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        let error = config(&Trust::Only(b"not PEM")).expect_err("there are none");
        assert_eq!(error.cause(), Some(Cause::Certificate));
    }
}
