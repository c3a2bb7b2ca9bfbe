//! A snapshot that may show what an intruder did.

use strongroom_crypt::Id;

use super::field::{Value, value_map};
use crate::cbor::{self, Reader, Unknown};
use crate::{DecodeError, EncodeError};

/// A snapshot looks as if somebody had tampered with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Suspect {
    /// The snapshot.
    pub snapshot: Id,
    /// Codes of the signals.
    pub signals: Vec<String>,
    /// What was done.
    pub state: SuspectState,
    /// What a later version added.
    pub unknown: Unknown,
}

/// No snapshot.
impl Default for Suspect {
    fn default() -> Self {
        Self {
            snapshot: Id::from_bytes([0; Id::LEN]),
            signals: Vec::new(),
            state: SuspectState::default(),
            unknown: Unknown::default(),
        }
    }
}

/// What was done about a [`Suspect`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuspectState {
    /// Signals were raised.
    #[default]
    Raised,
    /// The last snapshot without signals is held.
    HeldClean {
        /// Id of the hold.
        hold: [u8; 16],
    },
    /// Somebody has looked.
    Reviewed {
        /// Whether nothing was wrong.
        clean: bool,
    },
    /// A state of a later version.
    Other {
        /// Its number.
        state: u64,
        /// The encoded value beside it.
        raw: Vec<u8>,
    },
}

value_map!(Suspect, "suspect", {
    0 => snapshot,
    1 => signals,
    2 => state,
});

/// `[uint state, value]`.
impl Value for SuspectState {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::array(out, 2);
        match self {
            Self::Raised => {
                cbor::uint(out, RAISED);
                cbor::boolean(out, true);
            }
            Self::HeldClean { hold } => {
                cbor::uint(out, HELD_CLEAN);
                cbor::bytes(out, hold);
            }
            Self::Reviewed { clean } => {
                cbor::uint(out, REVIEWED);
                cbor::boolean(out, *clean);
            }
            Self::Other { state, raw } => {
                let mut r = Reader::nested(raw, DEPTH);
                let is_one = r.raw("state").and_then(|_| r.finish("state")).is_ok();
                if *state <= REVIEWED || !is_one {
                    return Err(EncodeError::invalid("state of a suspect"));
                }
                cbor::uint(out, *state);
                out.extend_from_slice(raw);
            }
        }
        Ok(())
    }

    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self, DecodeError> {
        let what = "state of a suspect";
        r.tuple(what, 2, |r| {
            Ok(match r.uint(what)? {
                RAISED => {
                    let at = r.position();
                    if !r.boolean(what)? {
                        return Err(DecodeError::invalid(what, at));
                    }
                    Self::Raised
                }
                HELD_CLEAN => Self::HeldClean {
                    hold: r.fixed(what)?,
                },
                REVIEWED => Self::Reviewed {
                    clean: r.boolean(what)?,
                },
                state => Self::Other {
                    state,
                    raw: r.raw(what)?.to_vec(),
                },
            })
        })
    }
}

const RAISED: u64 = 0;
const HELD_CLEAN: u64 = 1;
const REVIEWED: u64 = 2;
/// Maps and arrays around a state: payload, body, record, fact, and its own array.
const DEPTH: u8 = 5;
