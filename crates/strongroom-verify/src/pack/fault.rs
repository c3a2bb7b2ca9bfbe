//! What can be wrong with a pack and with its frames.

use strongroom_format::DecodeErrorKind;

use crate::Level;

/// Whether the bytes of a pack have the hash that is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashState {
    /// They have.
    Equal,
    /// They have another one.
    Differs,
}

/// Why nothing in a pack can be used, or less than all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackFault {
    /// It ends before the length that the journal states.
    Truncated { is: u64, stated: u64 },
    /// It is longer than the journal states.
    TooLong { is: u64, stated: u64 },
    /// It belongs to another repository, or is no pack at all, and is otherwise whole.
    Foreign,
    /// A later version of the format wrote it.
    Unsupported { what: &'static str },
    /// Its class is not that which the journal states.
    Class,
    /// The end, which says where the header is, is not valid.
    Tail { what: &'static str },
    /// The header does not open.
    HeaderSealed,
    /// The header opens and breaks a rule.
    Header {
        what: &'static str,
        kind: DecodeErrorKind,
    },
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameFault {
    /// It does not open: its bytes, its row or the secret are not what they were.
    Sealed,
    /// The secret of its session does not unwrap.
    SessionKey,
    /// It opens and does not decompress to what its row says.
    Codec,
    /// Blobs are not what their ids say: how many, and the position in the frame of the first.
    Ids { count: u32, first: u32 },
}

/// Why a frame was looked at less closely than asked for. It says nothing about the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// The keys of content were not given.
    NoContentKeys,
    /// The key of this epoch was not given.
    NoEpochKey(u32),
    /// A later version wrapped the session's secret.
    UnknownWrap(u8),
}

impl FrameFault {
    /// Returns the level at which it is noticed.
    pub(crate) const fn level(self) -> Level {
        match self {
            Self::Sealed | Self::SessionKey => Level::Authenticated,
            Self::Codec | Self::Ids { .. } => Level::Decoded,
        }
    }
}

impl PackFault {
    /// Whether the header may be found by what the index says of its place.
    pub(crate) const fn hides_end(self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::Tail { .. })
    }
}
