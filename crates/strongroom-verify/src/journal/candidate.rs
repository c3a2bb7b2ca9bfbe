//! An entry as it is read, before it is known whether it belongs to the chain.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::StructureKeys;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{DecodeErrorKind, Entry, ObjectHash, Payload};

use crate::wholeness::{Flaw, Place, judge, of_error};

/// A whole entry of this repository with the right number.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) n: u64,
    pub(super) previous: ObjectHash,
    pub(super) hash: ObjectHash,
    pub(super) bytes: u64,
    /// Present with the structure key.
    pub(super) opened: Option<Opened>,
}

/// What is in an entry.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    /// The keys that signed it; none unless every signature verifies.
    pub(super) signers: Vec<[u8; 32]>,
    /// The keys that claim to have signed it.
    pub(super) claimed: Vec<[u8; 32]>,
    pub(super) payload: Result<Payload, DecodeErrorKind>,
}

/// Reads an entry, and opens it if there is a key.
pub(super) fn read(
    n: u64,
    bytes: &Bytes,
    place: &Place,
    keys: Option<&Arc<StructureKeys>>,
) -> Result<Candidate, Flaw> {
    let name = ObjectName::Journal(n);
    judge(&name, bytes, place)?;
    let entry = Entry::decode(bytes).map_err(|error| of_error(&name, error))?;
    let opened = keys.map(|keys| {
        let claimed: Vec<_> = entry.signatures.iter().map(|one| one.public).collect();
        let signed = entry.verify_signatures();
        Opened {
            signers: if signed { claimed.clone() } else { Vec::new() },
            claimed,
            payload: entry.open(keys.journal()).map_err(|error| error.kind()),
        }
    });
    Ok(Candidate {
        n,
        previous: entry.previous,
        hash: entry.hash,
        bytes: bytes.len() as u64,
        opened,
    })
}
