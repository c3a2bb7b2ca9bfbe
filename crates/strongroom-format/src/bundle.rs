//! Bundles: sixty-four journal entries in one object, so that a long journal is read in few requests.

use strongroom_crypt::{RepositoryId, Suite};

use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::{BUNDLE_ENTRIES, MAX_ENTRY_BYTES, MAX_OBJECT_BYTES};
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectKind, Preamble};

/// Returns the bundle of the 64 entries before `n` (`docs/format.md`, §8.5).
///
/// # Errors
///
/// `Invalid` unless there are 64 entries and `n` is a positive multiple of 64; `TooLarge` when an entry is above its limit.
pub fn encode_bundle(
    suite: Suite,
    repository: RepositoryId,
    n: u64,
    random: [u8; 16],
    entries: &[impl AsRef<[u8]>],
) -> Result<Vec<u8>, EncodeError> {
    if !is_boundary(n) {
        return Err(EncodeError::invalid("number of a bundle"));
    }
    if entries.len() as u64 != BUNDLE_ENTRIES {
        return Err(EncodeError::invalid("entries of a bundle"));
    }
    if entries
        .iter()
        .any(|entry| entry.as_ref().len() > MAX_ENTRY_BYTES)
    {
        return Err(EncodeError::too_large("entry of a bundle"));
    }
    let preamble = Preamble::new(ObjectKind::Bundle, suite, repository, random).with_number(n);
    let mut object = preamble.encode().to_vec();
    object.extend_from_slice(&64_u32.to_le_bytes());
    for entry in entries {
        write_prefixed(&mut object, entry.as_ref(), "entry of a bundle")?;
    }
    finish_whole(object, MAX_OBJECT_BYTES, "bundle")
}

/// Returns the 64 entries of a bundle, in order, byte for byte; each still has to be decoded and checked.
///
/// # Errors
///
/// `Damaged` when the bundle is not whole; `Unsupported` as for preambles; `TooLarge`; `Truncated`; `Invalid`.
pub fn decode_bundle(object: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let (preamble, mut f) = open_whole(object, ObjectKind::Bundle, MAX_OBJECT_BYTES, "bundle")?;
    if !is_boundary(preamble.number) {
        return Err(DecodeError::invalid("number of a bundle", 48));
    }
    if u64::from(f.u32()?) != BUNDLE_ENTRIES {
        return Err(DecodeError::invalid("entries of a bundle", 64));
    }
    let mut entries = Vec::new();
    for _ in 0..BUNDLE_ENTRIES {
        entries.push(read_prefixed(&mut f, MAX_ENTRY_BYTES)?.to_vec());
    }
    f.finish()?;
    Ok(entries)
}

/// Whether bundles and checkpoints have this number.
pub(crate) const fn is_boundary(n: u64) -> bool {
    n != 0 && n.is_multiple_of(BUNDLE_ENTRIES)
}
