//! Why nothing is pruned.

use strongroom_crypt::Id;
use strongroom_format::{Config, object_name};

use crate::context::object_key;
use crate::edge::Remote;
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

/// Refuses when config names features that maintenance must know.
///
/// # Errors
///
/// `Incompatible` naming the feature; what the store said.
pub(crate) fn unknown_features(remote: &Remote) -> Result<()> {
    let names = [object_name::config(), object_name::config_copy()];
    let mut failure = None;
    for name in names {
        let config = remote
            .get(&object_key(&name)?, None)
            .and_then(|bytes| Config::decode(&bytes).map_err(|error| Error::decode(name, error)));
        match config {
            Ok(config) => {
                return match config.unsupported_maintain_features().first() {
                    None => Ok(()),
                    Some(feature) => {
                        let what = format!(
                            "maintenance needs the feature {feature}, which this version does not know"
                        );
                        Err(Error::new(ErrorKind::Incompatible, what).object_named("config"))
                    }
                };
            }
            Err(error) if is_loss(&error) => failure = failure.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    failure.map_or(Ok(()), Err)
}
