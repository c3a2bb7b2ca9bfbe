//! Whether somebody may delete.

use crate::context::{Context, object_key};
use crate::edge::Remote;
use crate::error::{ErrorKind, Result};

/// Whether the credentials of a handle may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MayDelete {
    /// The store was asked to delete an object that is not there, and did not refuse. Some look whether it is there before they look who asks, and say no only
    /// when something is deleted.
    Yes,
    /// It refused, or says that nothing can be deleted.
    No,
    /// It could not be asked.
    Unknown,
}

impl MayDelete {
    /// Asks the store to delete an object that is never there.
    pub(crate) fn ask(remote: &Remote, context: &Context) -> Result<Self> {
        if !context.store.capabilities().delete {
            return Ok(Self::No);
        }
        match remote.delete(&object_key(NEVER_THERE)?) {
            Ok(()) => Ok(Self::Yes),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(Self::No),
            Err(_) => Ok(Self::Unknown),
        }
    }

    /// Says what is lacking, to people.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        match self {
            Self::No => Some(LACKS),
            _ => None,
        }
    }
}

const LACKS: &str =
    "these credentials may not delete: what is dropped stays until somebody deletes it who may";

/// An object that the store is asked to delete to see whether it would: where packs are, if not everything is in one place. Whoever lists packs ignores
/// such names.
const NEVER_THERE: &str = "pack/never-there";
