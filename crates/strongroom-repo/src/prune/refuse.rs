//! Why nothing is pruned.

use strongroom_crypt::Id;
use strongroom_format::object_name;

use crate::error::{Error, ErrorKind, Result};
use crate::index::{Index, is_loss};

/// Refuses when a segment in force cannot be read: what only it maps would look like garbage.
///
/// # Errors
///
/// `Damaged` naming the segment.
pub(crate) fn unreadable_index(index: &Index) -> Result<()> {
    let Some(problem) = index.problems().first() else {
        return Ok(());
    };
    let what = "nothing is pruned: an index segment in force cannot be read";
    let error = Error::new(ErrorKind::Damaged, what);
    Err(error
        .object_named(problem.object().unwrap_or_default())
        .caused_by(problem.to_string()))
}

/// Makes the error of a snapshot that could not be marked.
pub(crate) fn snapshot(n: u64, id: &Id, cause: Error) -> Error {
    if !is_loss(&cause) {
        return cause;
    }
    let object = cause
        .object()
        .map_or_else(|| object_name::journal(n), ToOwned::to_owned);
    let what = format!("nothing is pruned: something that snapshot {id} needs cannot be read");
    Error::new(ErrorKind::Damaged, what)
        .object_named(object)
        .caused_by(cause)
}
