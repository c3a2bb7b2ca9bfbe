//! Where one part of an object ends and the next begins, as far as that shows without a key.

use strongroom_format::object_name::ObjectName;
use strongroom_format::{PackTail, Preamble, SEGMENT_PAGE_SEALED};

/// Offsets of the fields of the preamble.
const PREAMBLE: [u64; 8] = [0, 8, 10, 12, 14, 16, 32, 48];

/// Bytes of the seal of wholeness, and of a pack's tail.
const SEAL: u64 = 32;

/// Salt, commitment and tag of a box; salt and tag of a frame.
const SALT: u64 = 32;
const TAG: u64 = 16;

/// Returns the borders within an object, sorted, each of them inside it.
pub(super) fn borders(name: Option<&ObjectName>, bytes: &[u8]) -> Vec<u64> {
    let len = bytes.len() as u64;
    let mut at = PREAMBLE.to_vec();
    at.extend([56, Preamble::LEN as u64, len.saturating_sub(SEAL)]);
    match name {
        Some(ObjectName::Journal(_)) => at.extend([96, 100, 100 + SALT, 100 + 2 * SALT]),
        Some(ObjectName::Checkpoint(_)) => at.extend([96, 100, 104, 104 + SALT]),
        Some(ObjectName::Bundle(_)) => bundle(bytes, &mut at),
        Some(ObjectName::Pack(_)) => pack(bytes, &mut at),
        Some(ObjectName::Index(_)) => {
            let page = SEGMENT_PAGE_SEALED as u64;
            at.extend((64..len).step_by(SEGMENT_PAGE_SEALED).take(8));
            at.extend(
                (64 + page..len)
                    .step_by(SEGMENT_PAGE_SEALED)
                    .take(8)
                    .map(|end| end - TAG),
            );
            at.extend([64 + SALT, 64 + 2 * SALT, len.saturating_sub(TAG)]);
        }
        _ => at.push(68),
    }
    at.retain(|offset| *offset < len);
    at.sort_unstable();
    at.dedup();
    at
}

/// The entries of a bundle stand back to back behind their lengths.
fn bundle(bytes: &[u8], at: &mut Vec<u64>) {
    let mut offset = 68;
    for _ in 0..64 {
        at.extend([offset as u64, offset as u64 + 4]);
        let Some(len) = bytes.get(offset..).and_then(<[u8]>::first_chunk::<4>) else {
            return;
        };
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        offset = offset.saturating_add(4).saturating_add(len);
    }
}

/// A pack's tail says where its header is; frames begin behind the preamble.
fn pack(bytes: &[u8], at: &mut Vec<u64>) {
    let len = bytes.len() as u64;
    let tail = bytes.last_chunk::<32>();
    let Some(tail) = tail.and_then(|tail| PackTail::decode(tail, len).ok()) else {
        return;
    };
    let header = tail.header_offset;
    at.extend([64 + SALT, header.saturating_sub(TAG), header]);
    at.extend([
        header + SALT,
        header + 2 * SALT,
        len.saturating_sub(SEAL + TAG),
    ]);
    at.extend([24, 20, 16, 8].map(|back| len.saturating_sub(back)));
}
