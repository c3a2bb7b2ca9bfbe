//! Which kind of error an answer, or the lack of one, is.

use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use strongroom_store::{Cause, Error, ErrorKind};

use crate::address::MAKE_IT;

/// Returns the error for an answer that is no success, where the call site knows no better.
///
/// Never `NotFound`: that an object is missing is decided where the folder of the store has been seen to be there.
pub(super) fn refused(
    operation: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    has_credentials: bool,
) -> Error {
    let (kind, cause) = match status.as_u16() {
        401 if has_credentials => (ErrorKind::PermissionDenied, Some(Cause::WrongCredentials)),
        401 => (ErrorKind::PermissionDenied, Some(Cause::NoCredentials)),
        403 | 407 => (ErrorKind::PermissionDenied, Some(Cause::Forbidden)),
        404 | 410 => (ErrorKind::Unavailable, None),
        405 | 501 => (ErrorKind::Unsupported, None),
        408 | 504 => (ErrorKind::Unavailable, Some(Cause::Timeout)),
        413 => (ErrorKind::TooLarge, None),
        // Somebody has locked it, for a while.
        423 => (ErrorKind::Unavailable, None),
        429 | 503 => (ErrorKind::Unavailable, Some(Cause::Throttled)),
        500 | 502 => (ErrorKind::Unavailable, None),
        507 => (ErrorKind::NoSpace, Some(Cause::Full)),
        _ => (ErrorKind::Other, None),
    };
    let mut error = Error::new(kind, operation).with_source(format!("the server answers {status}"));
    if let Some(cause) = cause {
        error = error.with_cause(cause);
    }
    match retry_after(headers) {
        Some(wait) if kind == ErrorKind::Unavailable => error.with_retry_after(wait),
        _ => error,
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Returns the error for a request that has no answer.
pub(super) fn unanswered(operation: &'static str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (kind, cause) = if let Some(judged) = judge_tls(&error) {
        judged
    } else if error.is_timeout() {
        (ErrorKind::Unavailable, Some(Cause::Timeout))
    } else if error.is_builder() {
        (ErrorKind::Invalid, None)
    } else {
        (ErrorKind::Unavailable, None)
    };
    let typed = Error::new(kind, operation).with_source(error);
    match cause {
        Some(cause) => typed.with_cause(cause),
        None => typed,
    }
}

/// Returns what a failure of the encryption is, if it is one that will not pass by itself.
fn judge_tls(error: &reqwest::Error) -> Option<(ErrorKind, Option<Cause>)> {
    let mut judged = None;
    any_cause(error, &mut |cause| {
        judged = cause.downcast_ref::<rustls::Error>().and_then(judge);
        judged.is_some()
    });
    judged
}

fn judge(error: &rustls::Error) -> Option<(ErrorKind, Option<Cause>)> {
    use rustls::{AlertDescription as Alert, Error as Tls};
    match error {
        Tls::InvalidCertificate(_)
        | Tls::NoCertificatesPresented
        | Tls::InvalidCertRevocationList(_)
        | Tls::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired,
        ) => Some((ErrorKind::Other, Some(Cause::Certificate))),
        // The two have no way of speaking in common, or one does not encrypt.
        Tls::PeerIncompatible(_)
        | Tls::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
        | Tls::AlertReceived(
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity,
        ) => Some((ErrorKind::Other, None)),
        // An overloaded balancer, a broken link.
        _ => None,
    }
}

/// Returns whether a connection was closed under a request.
pub(super) fn is_closed(error: &reqwest::Error) -> bool {
    !error.is_connect()
        && any_cause(
            error,
            &mut |cause| match cause.downcast_ref::<io::Error>() {
                Some(error) => matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::BrokenPipe
                ),
                // An error of `hyper`, which is not ours to name.
                None => cause.to_string() == "connection closed before message completed",
            },
        )
}

fn any_cause(
    error: &reqwest::Error,
    test: &mut dyn FnMut(&(dyn std::error::Error + 'static)) -> bool,
) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if test(error) {
            return true;
        }
        // What an input error carries is not its source, but may be an input error itself.
        let carried = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    false
}

/// Returns the error for a silence that lasted too long.
pub(super) fn silent(operation: &'static str, time: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .with_cause(Cause::Timeout)
        .with_source(format!("nothing moved for {} s", time.as_secs()))
}

/// Returns the error for an answer that makes no sense.
pub(super) fn garbled(operation: &'static str, why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Other, operation).with_source(why.into())
}

/// Returns the error for a store whose folder is not there.
pub(super) fn no_store(operation: &'static str) -> Error {
    Error::new(ErrorKind::NoStore, operation)
        .with_cause(Cause::NoStore)
        .with_source(format!("the server has no such folder; {MAKE_IT}"))
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription as Alert, CertificateError, Error as Tls};

    use super::*;

    #[test]
    fn only_what_a_certificate_is_to_blame_for_is_its_fault() {
        let certificate = Some((ErrorKind::Other, Some(Cause::Certificate)));
        for (error, judged) in [
            (
                Tls::InvalidCertificate(CertificateError::Expired),
                certificate,
            ),
            (Tls::AlertReceived(Alert::UnknownCA), certificate),
            (
                Tls::AlertReceived(Alert::ProtocolVersion),
                Some((ErrorKind::Other, None)),
            ),
            (Tls::AlertReceived(Alert::InternalError), None),
            (Tls::AlertReceived(Alert::UserCanceled), None),
            (Tls::DecryptError, None),
        ] {
            assert_eq!(judge(&error), judged, "{error}");
        }
    }
}
