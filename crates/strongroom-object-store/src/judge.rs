//! What an error of a service means: a kind to act on and a cause to put right.

use std::error::Error as StdError;
use std::io;

use strongroom_store::{Cause, Error, ErrorKind, Key};

use crate::refusal::Refusal;
use crate::transport::{TimedOut, TooLong, root_cause};

/// The difference of two clocks from which services refuse signatures, in seconds.
const CLOCK_SKEW: i64 = 15 * 60;

/// What was being done, where an answer means something else for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// An object was put on the condition that there is none.
    Create,
    /// An object was read from a web server, which knows no better word for a missing one than 404.
    ReadPage,
    /// Anything else.
    Otherwise,
}

/// A kind, and a cause if there is one.
type Verdict = (ErrorKind, Option<Cause>);

/// Returns the error that the caller of a store gets.
pub(crate) fn explain(
    operation: &'static str,
    key: Option<&Key>,
    doing: Doing,
    error: &(dyn StdError + 'static),
) -> Error {
    let clues = Clues::of(error);
    let (kind, cause) = clues.verdict(doing);
    let mut explained = Error::new(kind, operation);
    if let Some(key) = key {
        explained = explained.with_key(key);
    }
    if let Some(cause) = cause {
        explained = explained.with_cause(cause);
    }
    if let Some(wait) = clues.refusal.and_then(|refusal| refusal.retry_after) {
        explained = explained.with_retry_after(wait);
    }
    // The library's own words are left out: they repeat addresses, which may hold tokens.
    match clues.refusal {
        Some(refusal) => explained.with_source(refusal.clone()),
        None => explained.with_source(root_cause(error)),
    }
}

/// Returns what the service said, if it was it that said no.
pub(crate) fn refusal<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Refusal> {
    Clues::of(error).refusal
}

/// What was found in a chain of errors.
#[derive(Default)]
struct Clues<'a> {
    refusal: Option<&'a Refusal>,
    timed_out: bool,
    too_long: bool,
    certificate: bool,
    /// The service was not reached, or the connection broke.
    network: bool,
}

impl<'a> Clues<'a> {
    fn of(error: &'a (dyn StdError + 'static)) -> Self {
        let mut clues = Self::default();
        let mut next = Some(error);
        while let Some(error) = next {
            clues.add(error);
            // An `io::Error` leaves out of its sources what it was made from.
            next = match error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
            {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        clues
    }

    fn add(&mut self, error: &'a (dyn StdError + 'static)) {
        if let Some(refusal) = error.downcast_ref() {
            self.refusal = Some(refusal);
        } else if error.is::<TimedOut>() {
            self.timed_out = true;
        } else if error.is::<TooLong>() {
            self.too_long = true;
        } else if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            self.certificate = is_about_certificates(tls);
            self.network = true;
        } else if let Some(client) = error.downcast_ref::<reqwest::Error>() {
            self.timed_out |= client.is_timeout();
            self.network |= client.is_connect()
                || client.is_request()
                || client.is_body()
                || client.is_decode();
        }
    }

    fn verdict(&self, doing: Doing) -> Verdict {
        if let Some(refusal) = self.refusal {
            judge(refusal, doing)
        } else if self.too_long {
            (ErrorKind::TooLarge, None)
        } else if self.certificate {
            (ErrorKind::Other, Some(Cause::Certificate))
        } else if self.timed_out {
            (ErrorKind::Unavailable, Some(Cause::Timeout))
        } else if self.network {
            (ErrorKind::Unavailable, None)
        } else {
            (ErrorKind::Other, None)
        }
    }
}

/// Whether a person has to look after a certificate. What else goes wrong in TLS comes from the link or from a busy server, and passes.
fn is_about_certificates(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType
        | rustls::Error::InvalidCertRevocationList(_) => true,
        rustls::Error::AlertReceived(alert) => matches!(
            alert,
            Alert::UnknownCA
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
        ),
        _ => false,
    }
}

/// Says what a refusal means.
pub(crate) fn judge(refusal: &Refusal, doing: Doing) -> Verdict {
    let verdict = match (doing, refusal.status, refusal.code()) {
        // 304 is what some services say to a condition that does not hold.
        (Doing::Create, 304 | 412, _) => (ErrorKind::AlreadyExists, None),
        (Doing::Create, _, "BlobAlreadyExists" | "UnauthorizedBlobOverwrite") => {
            (ErrorKind::AlreadyExists, None)
        }
        (Doing::ReadPage, 404 | 410, _) => (ErrorKind::NotFound, None),
        (_, status, code) => by_code(code).unwrap_or_else(|| by_status(status)),
    };
    let credentials = matches!(
        verdict.1,
        Some(Cause::WrongCredentials | Cause::ExpiredCredentials | Cause::Forbidden)
    );
    let skewed = refusal
        .clock_ahead
        .is_some_and(|ahead| ahead.abs() > CLOCK_SKEW);
    match verdict {
        (kind, _) if credentials && skewed => (kind, Some(Cause::ClockSkew)),
        (kind, Some(Cause::WrongCredentials)) if refusal.expired => {
            (kind, Some(Cause::ExpiredCredentials))
        }
        verdict => verdict,
    }
}

/// What the services' own words mean.
fn by_code(code: &str) -> Option<Verdict> {
    let known = WORDS.iter().find(|(words, ..)| words.contains(&code));
    known.map(|(_, kind, cause)| (*kind, *cause))
}

/// What an answer means whose code says nothing. 404 is not *not found*: it may be the page of a proxy.
fn by_status(status: u16) -> Verdict {
    match status {
        401 => (ErrorKind::PermissionDenied, Some(Cause::WrongCredentials)),
        403 => (ErrorKind::PermissionDenied, Some(Cause::Forbidden)),
        405 | 501 => (ErrorKind::Unsupported, None),
        408 | 504 => (ErrorKind::Unavailable, Some(Cause::Timeout)),
        413 => (ErrorKind::TooLarge, None),
        416 => (ErrorKind::InvalidRange, None),
        429 | 503 => (ErrorKind::Unavailable, Some(Cause::Throttled)),
        500 | 502 => (ErrorKind::Unavailable, None),
        507 => (ErrorKind::NoSpace, Some(Cause::Full)),
        _ => (ErrorKind::Other, None),
    }
}

/// Those of S3, Azure and Google, which do not contradict each other.
const WORDS: &[(&[&str], ErrorKind, Option<Cause>)] = &[
    (
        &["NoSuchKey", "NoSuchVersion", "BlobNotFound"],
        ErrorKind::NotFound,
        None,
    ),
    (
        &[
            "NoSuchBucket",
            "ContainerNotFound",
            "ContainerBeingDeleted",
            "ContainerDisabled",
        ],
        ErrorKind::NoStore,
        Some(Cause::NoStore),
    ),
    (
        &["NoAuthenticationInformation"],
        ErrorKind::PermissionDenied,
        Some(Cause::NoCredentials),
    ),
    (
        &[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidToken",
            "InvalidSecurity",
            "InvalidClientTokenId",
            "AuthenticationFailed",
            "InvalidAuthenticationInfo",
            "AuthenticationRequired",
            "authError",
            "invalid_grant",
            "invalid_client",
            "unauthorized_client",
        ],
        ErrorKind::PermissionDenied,
        Some(Cause::WrongCredentials),
    ),
    (
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "TokenRefreshRequired",
        ],
        ErrorKind::PermissionDenied,
        Some(Cause::ExpiredCredentials),
    ),
    (
        &["RequestTimeTooSkewed", "RequestExpired"],
        ErrorKind::PermissionDenied,
        Some(Cause::ClockSkew),
    ),
    (
        &[
            "AccessDenied",
            "AllAccessDisabled",
            "AccountProblem",
            "UserSuspended",
            "NotSignedUp",
            "AuthorizationFailure",
            "AuthorizationPermissionMismatch",
            "AuthorizationProtocolMismatch",
            "AuthorizationSourceIPMismatch",
            "InsufficientAccountPermissions",
            "AccountIsDisabled",
            "UserProjectAccountProblem",
            "insufficient_scope",
        ],
        ErrorKind::PermissionDenied,
        Some(Cause::Forbidden),
    ),
    (
        &[
            "QuotaExceeded",
            "ServiceQuotaExceeded",
            "InsufficientStorage",
            "XMinioStorageFull",
            "InsufficientCapacity",
        ],
        ErrorKind::NoSpace,
        Some(Cause::Full),
    ),
    (
        &[
            "EntityTooLarge",
            "RequestBodyTooLarge",
            "MaxMessageLengthExceeded",
        ],
        ErrorKind::TooLarge,
        None,
    ),
    (&["InvalidRange"], ErrorKind::InvalidRange, None),
    (
        &[
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "ServiceUnavailable",
            "ServerBusy",
            "TooManyRequests",
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "BandwidthLimitExceeded",
            // Google's quota is one of requests.
            "rateLimitExceeded",
            "userRateLimitExceeded",
            "quotaExceeded",
        ],
        ErrorKind::Unavailable,
        Some(Cause::Throttled),
    ),
    (
        &["RequestTimeout", "OperationTimedOut"],
        ErrorKind::Unavailable,
        Some(Cause::Timeout),
    ),
    (
        // What was damaged on its way may arrive whole the next time.
        &[
            "InternalError",
            "OperationAborted",
            "ConditionalRequestConflict",
            "BadDigest",
            "IncompleteBody",
            "XAmzContentSHA256Mismatch",
            "Md5Mismatch",
            "Crc64Mismatch",
        ],
        ErrorKind::Unavailable,
        None,
    ),
    (
        &["InvalidObjectState", "BlobArchived", "BlobBeingRehydrated"],
        ErrorKind::Archived,
        Some(Cause::Archived),
    ),
    (
        &[
            "BlobImmutableDueToPolicy",
            "BlobImmutableDueToLegalHold",
            "RetentionPolicyNotMet",
            "retentionPolicyNotMet",
            "ObjectUnderActiveHold",
            "objectUnderActiveHold",
        ],
        ErrorKind::PermissionDenied,
        Some(Cause::Retained),
    ),
    (
        &["NotImplemented", "MethodNotAllowed", "UnsupportedHttpVerb"],
        ErrorKind::Unsupported,
        None,
    ),
];

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError};

    use super::*;

    fn verdict(error: rustls::Error) -> Verdict {
        // As it comes out of the client: within others.
        let error = io::Error::other(io::Error::other(error));
        let error = explain("get", None, Doing::Otherwise, &error);
        (error.kind(), error.cause())
    }

    #[test]
    fn only_certificates_are_about_certificates() {
        for error in [
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer),
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired),
        ] {
            assert_eq!(verdict(error), (ErrorKind::Other, Some(Cause::Certificate)));
        }
        for error in [
            rustls::Error::AlertReceived(AlertDescription::InternalError),
            rustls::Error::DecryptError,
            rustls::Error::General("broken".to_owned()),
        ] {
            assert_eq!(verdict(error), (ErrorKind::Unavailable, None));
        }
    }

    #[test]
    fn every_word_means_one_thing() {
        let mut words: Vec<_> = WORDS.iter().flat_map(|(words, ..)| words.iter()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
