//! One pack in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_crypt::{Session, SessionId};
use strongroom_format::{
    DecodeError, DecodeErrorKind, Decompressor, ObjectHash, ObjectKind, PackClass, PackHeader,
    PackRef, PackTail, Preamble, open_header,
};

use super::fault::{FrameFault, Gap, HashState, PackFault};
use super::keys::Keyset;
use super::pages::FoundPage;
use super::reader::Frame;
use crate::error::{Error, ErrorKind, Result};

/// How closely packs are looked at, as far as keys allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Their bytes are compared with their names.
    Hashed,
    /// Headers and frames are opened.
    Authenticated,
    /// Frames are decompressed and the ids of all blobs recomputed.
    Decoded,
}

/// What was seen in one pack.
#[derive(Debug)]
pub(crate) struct PackOutcome {
    /// Its bytes against its name.
    pub(crate) hash: HashState,
    /// The hash that its bytes have.
    pub(crate) actual: ObjectHash,
    /// What is wrong with the whole.
    pub(crate) fault: Option<PackFault>,
    /// What the header says, if it could be opened.
    pub(crate) header: Option<(HeaderSpot, PackHeader)>,
    /// Frames that are damaged, in order.
    pub(crate) frames: Vec<(u32, FrameFault)>,
    /// The first frame of each reason for looking less closely, and how many there are.
    pub(crate) gaps: Vec<(Gap, u32)>,
    /// Tree pages in the good frames.
    pub(crate) pages: Vec<FoundPage>,
    /// Good frames of pages and names, as far as there was room for them.
    pub(crate) kept: Vec<(u32, Arc<Frame>)>,
    /// Session keys of the header that do not unwrap.
    pub(crate) bad_sessions: u32,
    /// Frames of which the seal was opened.
    pub(crate) authenticated: u64,
    /// Their bytes.
    pub(crate) authenticated_bytes: u64,
    /// Blobs of which the id was recomputed.
    pub(crate) decoded_blobs: u64,
    /// Bytes of those blobs.
    pub(crate) decoded_bytes: u64,
}

impl PackOutcome {
    /// Makes that of a pack of which nothing but the hash was looked at.
    pub(super) fn new(hash: HashState, actual: ObjectHash) -> Self {
        Self {
            hash,
            actual,
            fault: None,
            header: None,
            frames: Vec::new(),
            gaps: Vec::new(),
            pages: Vec::new(),
            kept: Vec::new(),
            bad_sessions: 0,
            authenticated: 0,
            authenticated_bytes: 0,
            decoded_blobs: 0,
            decoded_bytes: 0,
        }
    }
}

/// Bytes of decoded frames that may be kept, for all who check packs at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spare(Arc<AtomicU64>);

impl Spare {
    /// Permits so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Takes some of them, if they are left.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let left = |left: u64| left.checked_sub(bytes);
        let order = Ordering::Relaxed;
        self.0.fetch_update(order, order, left).is_ok()
    }
}

/// Where a header lies, and the random bytes that its pack begins with: enough to read it again alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderSpot {
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) preamble: Preamble,
}

/// Checks packs one after another. All buffers are its own and are used again.
#[derive(Debug)]
pub(crate) struct PackChecker {
    pub(super) keys: Option<Arc<Keyset>>,
    pub(super) depth: Depth,
    pub(super) decompressor: Decompressor,
    pub(super) aad: Vec<u8>,
    pub(super) plain: Vec<u8>,
    pub(super) sessions: HashMap<SessionId, Arc<Session>>,
    pub(super) spare: Spare,
}

impl PackChecker {
    /// Makes a checker. Without keys it compares hashes.
    ///
    /// # Errors
    ///
    /// `Internal` when there is no memory for a decompressor.
    pub(crate) fn new(keys: Option<Arc<Keyset>>, depth: Depth) -> Result<Self> {
        let decompressor = Decompressor::new().map_err(|error| {
            Error::new(ErrorKind::Internal, "no decompression context").with_source(error)
        })?;
        Ok(Self {
            keys,
            depth,
            decompressor,
            aad: Vec::new(),
            plain: Vec::new(),
            sessions: HashMap::new(),
            spare: Spare::default(),
        })
    }

    /// Keeps frames of pages and names from now on, as long as there is room.
    pub(super) fn keeping(mut self, spare: Spare) -> Self {
        self.spare = spare;
        self
    }

    /// Checks the bytes that a store has under the name of a pack. `stated` is what the journal says of it, where it is known.
    /// The bytes are decrypted where they lie.
    pub(crate) fn check(
        &mut self,
        name: &ObjectHash,
        stated: Option<&PackRef>,
        bytes: Vec<u8>,
    ) -> PackOutcome {
        self.check_at(name, stated, bytes, None)
    }

    /// Checks a pack whose end may be damaged: `place` is where its header is, offset and length, as the index says. Header and frames
    /// prove themselves.
    pub(crate) fn check_at(
        &mut self,
        name: &ObjectHash,
        stated: Option<&PackRef>,
        mut bytes: Vec<u8>,
        place: Option<(u32, u32)>,
    ) -> PackOutcome {
        let actual = ObjectHash::of(&bytes);
        let hash = if actual == *name {
            HashState::Equal
        } else {
            HashState::Differs
        };
        let mut outcome = PackOutcome::new(hash, actual);
        match check_outside(&bytes, hash, stated) {
            Ok(()) => {}
            // What was appended hides the end.
            Err(PackFault::TooLong { stated, .. }) => {
                bytes.truncate(usize::try_from(stated).unwrap_or(usize::MAX));
            }
            Err(PackFault::Truncated { .. }) if place.is_some() => {}
            Err(fault) => {
                outcome.fault = Some(fault);
                return outcome;
            }
        }
        let keys = self.keys.clone();
        let Some(keys) = keys.filter(|_| self.depth > Depth::Hashed) else {
            return outcome;
        };
        match open(&keys, &bytes, hash, stated, place) {
            Ok((spot, header)) => {
                self.frames(&keys, &header, &mut bytes, &mut outcome);
                outcome.header = Some((spot, header));
            }
            Err(fault) => outcome.fault = Some(fault),
        }
        outcome
    }
}

/// Checks what can be checked without a key: length, preamble, and that it is a pack.
fn check_outside(
    bytes: &[u8],
    hash: HashState,
    stated: Option<&PackRef>,
) -> std::result::Result<(), PackFault> {
    if let Some(stated) = stated {
        let (is, stated) = (bytes.len() as u64, u64::from(stated.len));
        match is.cmp(&stated) {
            std::cmp::Ordering::Less => return Err(PackFault::Truncated { is, stated }),
            std::cmp::Ordering::Greater => return Err(PackFault::TooLong { is, stated }),
            std::cmp::Ordering::Equal => {}
        }
    }
    match Preamble::decode(bytes) {
        Ok(preamble) if preamble.kind == ObjectKind::Pack => {}
        Ok(_) => return Err(PackFault::Foreign),
        // Only of a whole object may it be said that a later version wrote it.
        Err(error) if hash == HashState::Equal => return Err(whole_fault(&error)),
        Err(_) => {}
    }
    Ok(())
}

fn whole_fault(error: &DecodeError) -> PackFault {
    match error.kind() {
        DecodeErrorKind::Unsupported => PackFault::Unsupported { what: error.what() },
        _ => PackFault::Foreign,
    }
}

/// Opens the header of a pack in memory.
pub(super) fn open(
    keys: &Keyset,
    bytes: &[u8],
    hash: HashState,
    stated: Option<&PackRef>,
    place: Option<(u32, u32)>,
) -> std::result::Result<(HeaderSpot, PackHeader), PackFault> {
    let fault = |error: DecodeError| match (error.kind(), hash) {
        (DecodeErrorKind::Unsupported, HashState::Equal) => {
            PackFault::Unsupported { what: error.what() }
        }
        (kind, _) => PackFault::Header {
            what: error.what(),
            kind,
        },
    };
    let preamble = Preamble::decode(bytes).map_err(fault)?;
    let spot = match place {
        Some((offset, len)) => HeaderSpot {
            offset,
            len,
            preamble,
        },
        None => spot_of(&preamble, &tail_of(bytes, hash)?)?,
    };
    let start = spot.offset as usize;
    let sealed = bytes
        .get(start..start.saturating_add(spot.len as usize))
        .ok_or(PackFault::Tail {
            what: "place of the header",
        })?;
    let header = open_at(keys, &spot, sealed, hash, stated)?;
    Ok((spot, header))
}

fn tail_of(bytes: &[u8], hash: HashState) -> std::result::Result<PackTail, PackFault> {
    let tail = bytes
        .last_chunk::<{ PackTail::LEN }>()
        .ok_or(PackFault::Tail { what: "length" })?;
    PackTail::decode(tail, bytes.len() as u64).map_err(|error| match (error.kind(), hash) {
        (DecodeErrorKind::Unsupported, HashState::Equal) => {
            PackFault::Unsupported { what: error.what() }
        }
        _ => PackFault::Tail { what: error.what() },
    })
}

/// Says where the header lies; a pack is below 4 GiB, as every object is.
pub(super) fn spot_of(
    preamble: &Preamble,
    tail: &PackTail,
) -> std::result::Result<HeaderSpot, PackFault> {
    let offset = u32::try_from(tail.header_offset).map_err(|_| PackFault::Tail {
        what: "place of the header",
    })?;
    Ok(HeaderSpot {
        offset,
        len: tail.header_len,
        preamble: *preamble,
    })
}

/// Opens a header that was read, and checks that the pack is the one that is meant.
pub(super) fn open_at(
    keys: &Keyset,
    spot: &HeaderSpot,
    sealed: &[u8],
    hash: HashState,
    stated: Option<&PackRef>,
) -> std::result::Result<PackHeader, PackFault> {
    let preamble = &spot.preamble;
    if preamble
        .check(ObjectKind::Pack, keys.suite, &keys.repository)
        .is_err()
    {
        return Err(match hash {
            HashState::Equal => PackFault::Foreign,
            HashState::Differs => PackFault::HeaderSealed,
        });
    }
    let sealer = keys.structure.header();
    let header =
        open_header(sealer, preamble, u64::from(spot.offset), sealed).map_err(|error| {
            match (error.kind(), hash) {
                (DecodeErrorKind::Damaged, _) => PackFault::HeaderSealed,
                // The box opened: what is in it is what its writer put there, whatever became of the rest of the pack.
                (DecodeErrorKind::Unsupported, _) => PackFault::Unsupported { what: error.what() },
                (kind, _) => PackFault::Header {
                    what: error.what(),
                    kind,
                },
            }
        })?;
    let class = PackClass::from_number(u64::from(preamble.flags)).ok();
    if stated.is_some_and(|stated| class != Some(stated.class)) {
        return Err(PackFault::Class);
    }
    Ok(header)
}
