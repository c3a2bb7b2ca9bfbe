//! Where a pack's parts are.

use std::ops::Range;

use strongroom_format::{ObjectHash, PackClass, PackTail, object_name};
use strongroom_store::Key;

use crate::context::object_key;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};

/// What is known of a pack without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackInfo {
    /// Its name.
    pub(crate) name: ObjectHash,
    /// Its length in bytes.
    pub(crate) len: u32,
    /// Where its header begins.
    pub(crate) header_offset: u32,
    /// How long its sealed header is.
    pub(crate) header_len: u32,
    /// Which kinds of blobs it has.
    pub(crate) class: PackClass,
}

impl PackInfo {
    /// Returns the name of the object.
    pub(crate) fn object(&self) -> String {
        object_name::pack(&self.name)
    }

    /// Returns the key of the object.
    ///
    /// # Errors
    ///
    /// `Internal` if the store's grammar has no room for the name; it has.
    pub(crate) fn key(&self) -> Result<Key> {
        object_key(&self.object())
    }

    /// Where its preamble is, which is needed to open its header.
    pub(crate) const FRONT: Range<u64> = 0..PREAMBLE_LEN as u64;

    /// Returns where its sealed header is. After it comes only what repeats that.
    pub(crate) fn header(&self) -> Range<u64> {
        let start = u64::from(self.header_offset);
        start..start + u64::from(self.header_len)
    }

    /// Checks what an index says against the pack's length.
    ///
    /// # Errors
    ///
    /// `Damaged` when the parts do not lie inside the pack in their order.
    pub(crate) fn check(&self) -> Result<()> {
        let end = u64::from(self.header_offset) + u64::from(self.header_len) + PackTail::LEN as u64;
        if self.header_offset < PREAMBLE_LEN || end > u64::from(self.len) {
            return Err(Error::new(
                ErrorKind::Damaged,
                "the index misplaces the header of a pack",
            )
            .object_named(self.object()));
        }
        Ok(())
    }
}

/// Tells a pack of a later version from one whose bytes have changed: only a whole object can be of a later version (format §2).
///
/// `error` came of reading a part of it. One that does not speak of a later version is returned as it is.
pub(crate) fn if_whole(remote: &Remote, name: &ObjectHash, error: Error) -> Error {
    if error.kind() != ErrorKind::Incompatible {
        return error;
    }
    let object = object_name::pack(name);
    let whole = object_key(&object).and_then(|key| remote.get_fresh(&key));
    match whole {
        Ok(bytes) if ObjectHash::of(&bytes) == *name => error,
        Ok(_) => Error::new(ErrorKind::Damaged, "a pack is not what its name says")
            .object_named(object)
            .caused_by(error),
        Err(failure) => failure,
    }
}

/// One copy of a blob.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    /// The pack it is in.
    pub(crate) pack: std::sync::Arc<PackInfo>,
    /// The position of its frame in the pack's header.
    pub(crate) position: u32,
    /// Where the frame begins.
    pub(crate) offset: u32,
    /// How long the sealed frame is.
    pub(crate) stored_len: u32,
}

/// Length of the preamble in front of every object.
pub(crate) const PREAMBLE_LEN: u32 = 64;
