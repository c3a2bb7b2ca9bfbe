//! Encrypted connections, without anything set for the whole process.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use strongroom_store::{Cause, Error, ErrorKind, Result};

/// Whom to trust.
pub(super) enum Trust<'a> {
    /// Nobody: connections are not encrypted.
    Nobody,
    /// Whom the system trusts.
    System,
    /// Whom the system trusts, and those whose certificates these are, in PEM.
    SystemAnd(&'a [u8]),
}

/// Returns the configuration of a client.
pub(super) fn config(trust: &Trust<'_>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions();
    let builder = versions.map_err(untrusted)?;
    let verifier = match trust {
        Trust::Nobody => {
            let nobody = builder.with_root_certificates(RootCertStore::empty());
            return Ok(nobody.with_no_client_auth());
        }
        Trust::System => Verifier::new(provider),
        Trust::SystemAnd(pem) => Verifier::new_with_extra_roots(authorities(pem)?, provider),
    };
    let verifier = Arc::new(verifier.map_err(untrusted)?);
    // It is the system's own verifier, and dangerous only in that another could be put here.
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let authorities: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let authorities = authorities.map_err(|error| untrusted(error.to_string()))?;
    if authorities.is_empty() {
        return Err(untrusted("the file has no certificates"));
    }
    Ok(authorities)
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
        let error = config(&Trust::SystemAnd(b"not PEM")).expect_err("there are none");
        assert_eq!(error.cause(), Some(Cause::Certificate));
    }
}
