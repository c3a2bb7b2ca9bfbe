//! What errors mean to who keeps statistics of them.

use strongroom_format::record::ErrorClass;
use strongroom_store::Cause;

use crate::error::{Error, ErrorKind};

impl Error {
    /// Returns where the cause most likely is, for the record of a run.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self.cause() {
            Some(cause) => of_cause(cause),
            None => of_kind(self.kind()),
        }
    }

    /// Returns a word that never changes for what went wrong, for the record of a run: that of the cause, if the store named one, or of the kind.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.cause() {
            Some(cause) => code_of_cause(cause),
            None => code_of_kind(self.kind()),
        }
    }
}

fn of_kind(kind: ErrorKind) -> ErrorClass {
    match kind {
        ErrorKind::Damaged | ErrorKind::ReadOnly => ErrorClass::Hardware,
        ErrorKind::Conflict | ErrorKind::Stale | ErrorKind::Incompatible | ErrorKind::Internal => {
            ErrorClass::Software
        }
        ErrorKind::NoSpace | ErrorKind::Target => ErrorClass::Shortage,
        ErrorKind::Unavailable => ErrorClass::Network,
        ErrorKind::WrongKey | ErrorKind::KeysLost | ErrorKind::PermissionDenied => {
            ErrorClass::Access
        }
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Invalid
        | ErrorKind::NoStore
        | ErrorKind::Unfit
        | ErrorKind::Archived => ErrorClass::Configuration,
        ErrorKind::Source => ErrorClass::Source,
        // Somebody put back an old copy, showed another one, wrote from elsewhere, or stopped it.
        ErrorKind::Rollback | ErrorKind::Fork | ErrorKind::TakenOver | ErrorKind::Cancelled => {
            ErrorClass::Human
        }
    }
}

fn of_cause(cause: Cause) -> ErrorClass {
    match cause {
        Cause::WrongCredentials
        | Cause::ExpiredCredentials
        | Cause::Forbidden
        | Cause::Certificate
        | Cause::Retained => ErrorClass::Access,
        Cause::Full | Cause::Throttled => ErrorClass::Shortage,
        Cause::Timeout => ErrorClass::Network,
        // Missing credentials, a wrong clock, a bucket that is not there, cold storage.
        _ => ErrorClass::Configuration,
    }
}

fn code_of_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not-found",
        ErrorKind::AlreadyExists => "already-exists",
        ErrorKind::WrongKey => "wrong-key",
        ErrorKind::KeysLost => "keys-lost",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Rollback => "rollback",
        ErrorKind::Fork => "fork",
        ErrorKind::TakenOver => "taken-over",
        ErrorKind::Damaged => "damaged",
        ErrorKind::Incompatible => "incompatible",
        ErrorKind::Invalid => "invalid",
        ErrorKind::ReadOnly => "read-only",
        ErrorKind::PermissionDenied => "permission-denied",
        ErrorKind::NoStore => "no-store",
        ErrorKind::Unfit => "unfit",
        ErrorKind::NoSpace => "no-space",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Archived => "archived",
        ErrorKind::Stale => "stale",
        ErrorKind::Source => "source",
        ErrorKind::Target => "target",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Internal => "internal",
    }
}

fn code_of_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::NoCredentials => "no-credentials",
        Cause::WrongCredentials => "wrong-credentials",
        Cause::ExpiredCredentials => "expired-credentials",
        Cause::ClockSkew => "clock-skew",
        Cause::Forbidden => "forbidden",
        Cause::NoStore => "no-store",
        Cause::Full => "no-space",
        Cause::Certificate => "certificate",
        Cause::Throttled => "throttled",
        Cause::Timeout => "timeout",
        Cause::Archived => "archived",
        Cause::Retained => "retained",
        _ => "store",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_says_more_than_the_kind() {
        let plain = Error::new(ErrorKind::Unavailable, "no answer");
        assert_eq!(
            (plain.class(), plain.code()),
            (ErrorClass::Network, "unavailable")
        );
        let store = strongroom_store::Error::new(strongroom_store::ErrorKind::Unavailable, "put");
        let caused: Error = store.with_cause(Cause::ClockSkew).into();
        assert_eq!(
            (caused.class(), caused.code()),
            (ErrorClass::Configuration, "clock-skew")
        );
    }
}
