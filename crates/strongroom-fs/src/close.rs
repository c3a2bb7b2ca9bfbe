//! Closing a file so that errors surface.

use std::os::fd::{IntoRawFd, OwnedFd};

use rustix::io::Errno;

/// Closes the file and returns what the system says. Network file systems and quotas report a failed
/// write only here, and dropping an [`OwnedFd`] hides it.
#[expect(
    unsafe_code,
    reason = "no safe interface closes a descriptor and returns the error"
)]
pub(crate) fn close(fd: OwnedFd) -> Result<(), Errno> {
    // SAFETY: `into_raw_fd` gives up the only owner of an open descriptor, and nothing uses it afterwards.
    let closed = unsafe { rustix::io::try_close(fd.into_raw_fd()) };
    match closed {
        // Linux has released the descriptor; the file's data is not in question.
        Err(Errno::INTR) => Ok(()),
        other => other,
    }
}
