//! An entry as it is read, before it is known whether it belongs to the chain.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::StructureKeys;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{Body, Bridge, DecodeErrorKind, Entry, ObjectHash, Payload};

use crate::wholeness::{Flaw, Place, judge, of_error};

/// A whole entry of this repository with the right number.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) n: u64,
    pub(super) previous: ObjectHash,
    pub(super) hash: ObjectHash,
    pub(super) bytes: u64,
    pub(super) source: Source,
    /// Present with the structure key.
    pub(super) opened: Option<Opened>,
}

/// Where an entry was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Its own object.
    Slot,
    /// Its bundle.
    Bundle,
    /// Its copy.
    Copy,
}

/// What is in an entry.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    /// The keys that signed it; none unless every signature verifies.
    pub(super) signers: Vec<[u8; 32]>,
    pub(super) payload: Result<Payload, DecodeErrorKind>,
}

/// Reads an entry, and opens it if there is a key.
pub(super) fn read(
    source: Source,
    n: u64,
    bytes: &Bytes,
    place: &Place,
    keys: Option<&Arc<StructureKeys>>,
) -> Result<Candidate, Flaw> {
    let name = ObjectName::Journal(n);
    judge(&name, bytes, place)?;
    let entry = Entry::decode(bytes).map_err(|error| of_error(&name, error))?;
    let opened = keys.map(|keys| {
        let signers = entry.signatures.iter().map(|one| one.public).collect();
        Opened {
            signers: if entry.verify_signatures() {
                signers
            } else {
                Vec::new()
            },
            payload: entry.open(keys.journal()).map_err(|error| error.kind()),
        }
    });
    Ok(Candidate {
        n,
        previous: entry.previous,
        hash: entry.hash,
        bytes: bytes.len() as u64,
        source,
        opened,
    })
}

impl Candidate {
    /// The Bridge that it is, if its signatures verify.
    pub(super) fn bridge(&self) -> Option<(&Bridge, &[[u8; 32]])> {
        let opened = self.opened.as_ref()?;
        match &opened.payload {
            Ok(Payload {
                body: Body::Bridge(bridge),
                ..
            }) if !opened.signers.is_empty() => Some((bridge, &opened.signers)),
            _ => None,
        }
    }

    /// How many entries the author of a Commit had seen, and the hash of the last of them.
    pub(super) fn seen(&self) -> Option<(u64, ObjectHash)> {
        match self.body() {
            Some(Body::Commit(commit)) => commit.seen,
            _ => None,
        }
    }

    /// The body, if it opened.
    pub(super) fn body(&self) -> Option<&Body> {
        let payload = self.opened.as_ref()?.payload.as_ref();
        payload.ok().map(|payload| &payload.body)
    }
}
