//! What an error says about the backup.

use strongroom::{Error, ErrorKind, Lost, LostReason};

use crate::phase::Phase;
use crate::report::{Effect, Finding};
use crate::sandbox::{SandboxError, SandboxErrorKind};
use crate::stop::Stopped;

/// Makes a finding of an error of the repository. What others could mend in a minute proves nothing; what is stored and cannot be read
/// is a failure.
pub(super) fn of_error(phase: Phase, error: &Error) -> Finding {
    use Effect::{Failed, NotProven};
    let (effect, code) = match error.kind() {
        ErrorKind::Damaged => (Failed, "object-damaged"),
        ErrorKind::NotFound => (Failed, "object-missing"),
        ErrorKind::WrongKey => (Failed, "wrong-key"),
        ErrorKind::KeysLost => (Failed, "keys-lost"),
        ErrorKind::Rollback => (Failed, "rollback"),
        ErrorKind::Fork => (Failed, "fork"),
        ErrorKind::Incompatible => (NotProven, "incompatible"),
        ErrorKind::Archived => (NotProven, "cold"),
        ErrorKind::NoSpace | ErrorKind::Target => (NotProven, "sandbox-full"),
        ErrorKind::PermissionDenied => (NotProven, "permission-denied"),
        ErrorKind::Unavailable | ErrorKind::NoStore => (NotProven, "store-unavailable"),
        _ => (NotProven, "engine"),
    };
    let object = error.object().map(str::to_owned);
    Finding::new(effect, phase, code, error.to_string()).with_object(object)
}

/// Makes a finding of an entry that was not restored.
pub(super) fn of_lost(lost: &Lost) -> Finding {
    use Effect::{Failed, NotProven};
    let (effect, code) = match lost.reason {
        LostReason::Damaged => (Failed, "entry-damaged"),
        LostReason::Listing => (Failed, "listing-damaged"),
        LostReason::Key => (Failed, "key-missing"),
        LostReason::Depth => (Failed, "entry-too-deep"),
        LostReason::Unsupported => (NotProven, "incompatible"),
        LostReason::Cold => (NotProven, "cold"),
        _ => (NotProven, "entry-not-restored"),
    };
    let path = String::from_utf8_lossy(&lost.path);
    let what = format!("{path}: {}", lost.message);
    Finding::new(effect, Phase::Restore, code, what).with_object(lost.object.clone())
}

pub(super) fn of_sandbox(phase: Phase, error: &SandboxError) -> Finding {
    let effect = match error.kind() {
        SandboxErrorKind::Refused => Effect::Failed,
        _ => Effect::NotProven,
    };
    Finding::new(effect, phase, error.kind().code(), error.to_string())
}

pub(super) fn of_stopped(phase: Phase, stopped: Stopped) -> Finding {
    let what = stopped.to_string();
    Finding::new(Effect::NotProven, phase, stopped.code(), what)
}
