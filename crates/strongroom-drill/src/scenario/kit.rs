//! Opening a repository with nothing but a recovery kit.

use std::ffi::OsStr;

use strongroom::{RecoveryKit, Repository, Stores};

use crate::recovery::StepOutcome;
use crate::stop::Stop;

/// Opens the repository that a kit is of, with nothing but its lines: where it is, unless it has moved, which one it is, and the code.
/// No cache is read or written, and no other credential is used.
///
/// # Errors
///
/// `Failed` when the kit cannot be read or does not open the repository; `NotDone` when its store is out of reach.
pub fn open_by_kit(
    page: &str,
    stores: &Stores,
    moved_to: Option<&OsStr>,
    stop: &Stop,
) -> Result<Repository, StepOutcome> {
    let kit = RecoveryKit::parse(page);
    let kit = kit.map_err(|error| StepOutcome::failed("kit-unreadable", error.to_string()))?;
    let credential = kit
        .credential()
        .ok_or_else(|| StepOutcome::failed("kit-without-code", "the kit has no recovery code"))?;
    let location = moved_to.unwrap_or(OsStr::new(kit.location()));
    let store = stores.open(location);
    let store =
        store.map_err(|error| StepOutcome::not_done("store-unavailable", error.to_string()))?;
    let opening = Repository::builder(store).pin(kit.pin()).open(&credential);
    let opened = stop.wait(opening);
    let opened =
        opened.map_err(|stopped| StepOutcome::not_done(stopped.code(), stopped.to_string()))?;
    opened.map_err(|error| match error.kind() {
        strongroom::ErrorKind::Unavailable => {
            StepOutcome::not_done("store-unavailable", error.to_string())
        }
        _ => StepOutcome::failed("kit-does-not-open", error.to_string()),
    })
}
