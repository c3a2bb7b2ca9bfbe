//! The 32 bytes with which most objects end: the seal of wholeness (`docs/format.md`, §2).

use crate::fields::Fields;
use crate::preamble::MAJOR;
use crate::{DecodeError, EncodeError, ObjectHash, ObjectKind, Preamble};

/// Appends the seal of wholeness, and refuses an object that is too large.
pub(crate) fn finish_whole(
    mut object: Vec<u8>,
    most: usize,
    what: &'static str,
) -> Result<Vec<u8>, EncodeError> {
    let seal = ObjectHash::of(&object);
    object.extend_from_slice(seal.as_bytes());
    if object.len() > most {
        Err(EncodeError::too_large(what))
    } else {
        Ok(object)
    }
}

/// Checks the kind and the seal of wholeness; returns the preamble and the bytes between it and the seal.
pub(crate) fn open_whole<'a>(
    object: &'a [u8],
    kind: ObjectKind,
    most: usize,
    what: &'static str,
) -> Result<(Preamble, Fields<'a>), DecodeError> {
    if object.len() > most {
        return Err(DecodeError::too_large(what, most));
    }
    let (body, seal) = object
        .split_last_chunk::<32>()
        .ok_or(DecodeError::truncated(what, object.len()))?;
    if body.len() < Preamble::LEN {
        return Err(DecodeError::truncated(what, object.len()));
    }
    if ObjectHash::of(body).as_bytes() != seal {
        // Another major version may end otherwise; it is not damage to have no seal where none belongs.
        let major = object.get(8..10) == Some(&MAJOR.to_le_bytes());
        let ours = object.get(..8) == Some(&kind.magic());
        return match Preamble::decode(object) {
            Err(error) if ours && !major => Err(error),
            _ => Err(DecodeError::damaged(what)),
        };
    }
    let preamble = Preamble::decode(body)?;
    if preamble.kind != kind {
        return Err(DecodeError::invalid("kind of object", 3));
    }
    let mut fields = Fields::new(body, what);
    fields.take(Preamble::LEN)?;
    Ok((preamble, fields))
}
