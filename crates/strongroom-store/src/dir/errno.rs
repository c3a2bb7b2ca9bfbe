//! Which kind of error an operating system's code is.

use std::io;

use rustix::io::Errno;

use crate::error::{Error, ErrorKind};
use crate::key::Key;

/// Returns the error for a failed system call on behalf of an object.
pub(super) fn failure(operation: &'static str, key: &Key, errno: Errno) -> Error {
    plain_failure(operation, errno).with_key(key)
}

/// Returns the error for a failed system call on behalf of the store itself.
pub(super) fn plain_failure(operation: &'static str, errno: Errno) -> Error {
    Error::new(kind_of(errno), operation).with_source(io::Error::from(errno))
}

/// Classifies a code where the call site knows no better.
///
/// Never `NotFound`: that an object is missing is decided where the root has been seen to be there.
pub(super) fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOSPC | Errno::DQUOT => ErrorKind::NoSpace,
        Errno::ROFS | Errno::ACCESS | Errno::PERM => ErrorKind::PermissionDenied,
        Errno::FBIG => ErrorKind::TooLarge,
        Errno::NOENT | Errno::STALE | Errno::NODEV | Errno::NXIO => ErrorKind::Unavailable,
        Errno::NOTCONN | Errno::TIMEDOUT | Errno::HOSTDOWN | Errno::HOSTUNREACH => {
            ErrorKind::Unavailable
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => ErrorKind::Unavailable,
        Errno::OPNOTSUPP | Errno::NOSYS => ErrorKind::Unsupported,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_kind_a_caller_acts_on() {
        let cases = [
            (Errno::NOSPC, ErrorKind::NoSpace),
            (Errno::DQUOT, ErrorKind::NoSpace),
            (Errno::ROFS, ErrorKind::PermissionDenied),
            (Errno::ACCESS, ErrorKind::PermissionDenied),
            (Errno::PERM, ErrorKind::PermissionDenied),
            (Errno::STALE, ErrorKind::Unavailable),
            (Errno::IO, ErrorKind::Other),
            (Errno::LOOP, ErrorKind::Other),
            // A missing path is not yet a missing object.
            (Errno::NOENT, ErrorKind::Unavailable),
        ];
        for (errno, kind) in cases {
            assert_eq!(kind_of(errno), kind, "{errno}");
        }
    }
}
