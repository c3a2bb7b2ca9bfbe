//! Which kind of error a server's answer is.

use strongroom_store::{Cause, Error, ErrorKind};

use super::channel::Fault;
use super::wire::code;
use crate::address::MAKE_IT;

/// Returns the error for a request that failed, where the call site knows no better.
///
/// Never `NotFound`: that an object is missing is decided where the root has been seen to be there.
pub(super) fn failure(operation: &'static str, fault: Fault) -> Error {
    let (kind, cause) = match &fault {
        Fault::Lost(_) => (ErrorKind::Unavailable, None),
        Fault::Silent(_) => (ErrorKind::Unavailable, Some(Cause::Timeout)),
        Fault::Garbled(_) => (ErrorKind::Other, None),
        Fault::Status { code, .. } => match *code {
            code::PERMISSION_DENIED => (ErrorKind::PermissionDenied, Some(Cause::Forbidden)),
            code::OP_UNSUPPORTED => (ErrorKind::Unsupported, None),
            code::NO_SUCH_FILE | code::NO_CONNECTION | code::CONNECTION_LOST => {
                (ErrorKind::Unavailable, None)
            }
            _ => (ErrorKind::Other, None),
        },
    };
    let error = Error::new(kind, operation).with_source(fault);
    match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

/// Returns whether a server said that a path is not there.
pub(super) fn is_missing(fault: &Fault) -> bool {
    matches!(fault, Fault::Status { code, .. } if *code == code::NO_SUCH_FILE)
}

/// Returns whether a server answered, and refused.
pub(super) fn is_refused(fault: &Fault) -> bool {
    matches!(fault, Fault::Status { .. })
}

/// Returns the error for a store whose folder is not there.
pub(super) fn no_store(operation: &'static str, root: &str) -> Error {
    Error::new(ErrorKind::NoStore, operation)
        .with_cause(Cause::NoStore)
        .with_source(format!("the server has no folder {root}; {MAKE_IT}"))
}
