//! TLS by ring and the roots of the system, without setting anything for the process.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use strongroom_store::{Cause, Error, ErrorKind, Result};

/// Which certificates a connection is checked with.
#[derive(Debug, Clone, Default)]
pub(crate) enum Trust {
    /// Those of the system.
    #[default]
    System,
    /// Those of the system, and authorities of the caller's own, in PEM.
    SystemAnd(Vec<u8>),
    /// None: the connection is plain HTTP, and one over TLS must fail.
    Nothing,
}

/// Returns the configuration of every TLS connection.
pub(crate) fn client_config(trust: &Trust) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let verifier = match trust {
        Trust::Nothing => {
            return Ok(builder
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth());
        }
        Trust::System => Verifier::new(provider),
        Trust::SystemAnd(pem) => Verifier::new_with_extra_roots(authorities(pem)?, provider),
    };
    let verifier = Arc::new(verifier.map_err(unusable)?);
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::new(ErrorKind::Invalid, "open")
            .with_cause(Cause::Certificate)
            .with_source("the file of authorities holds no certificate in PEM")),
        Err(error) => Err(Error::new(ErrorKind::Invalid, "open")
            .with_cause(Cause::Certificate)
            .with_source(error.to_string())),
    }
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(ErrorKind::Other, "open")
        .with_cause(Cause::Certificate)
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_set_for_the_process() {
        for trust in [Trust::Nothing, Trust::System] {
            // A machine without roots fails here; what must not happen, happens in neither case.
            drop(client_config(&trust));
        }
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn authorities_must_be_some() {
        for pem in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ] {
            let error = client_config(&Trust::SystemAnd(pem.into())).expect_err("no authority");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{pem}");
            assert_eq!(error.cause(), Some(Cause::Certificate));
        }
    }
}
