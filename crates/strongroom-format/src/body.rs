//! The types of journal entries (`docs/format.md`, §8.3). `docs/format.md`, §8.4, says what each does to the state.

mod admin;
mod bridge;
mod data;
mod notes;

pub use admin::{Feature, Genesis, Hold, HoldAction, Keys, Takeover};
pub use bridge::Bridge;
pub use data::{Abandon, Added, Commit, Condemn, Dropped, Forget, IndexChange, Packs, Tombstone};
pub use notes::{Damaged, Evidence, Policy, evidence_aad};
use strongroom_crypt::Roles;

use crate::cbor::Reader;
use crate::{DecodeError, EncodeError};

/// What a journal entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// The first entry.
    Genesis(Genesis),
    /// A snapshot, with what it needs.
    Commit(Box<Commit>),
    /// Packs of a session that goes on.
    Packs(Packs),
    /// Sessions that will not commit.
    Abandon(Abandon),
    /// Snapshots that are no longer in force.
    Forget(Forget),
    /// Packs that a prune is about to drop.
    Condemn(Condemn),
    /// Packs, segments and sessions that are dropped, and what replaces them.
    Tombstone(Tombstone),
    /// Segments that are replaced.
    Index(IndexChange),
    /// Frames found damaged.
    Damaged(Damaged),
    /// A keyring generation, certificates, states of epochs.
    Keys(Keys),
    /// Features that must be known from here on.
    Feature(Feature),
    /// A hold placed or released.
    Hold(Hold),
    /// A policy document.
    Policy(Policy),
    /// A record kept as it is.
    Evidence(Evidence),
    /// Another only writer.
    Takeover(Takeover),
    /// In the place of a lost entry.
    Bridge(Box<Bridge>),
    /// A type of a later version.
    Unknown {
        /// Number of the type.
        kind: u64,
        /// The encoded body, one map.
        raw: Vec<u8>,
    },
}

impl Body {
    /// Returns the number of the type.
    #[must_use]
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Genesis(_) => 0,
            Self::Commit(_) => 1,
            Self::Packs(_) => 2,
            Self::Abandon(_) => 3,
            Self::Forget(_) => 4,
            Self::Condemn(_) => 5,
            Self::Tombstone(_) => 6,
            Self::Index(_) => 7,
            Self::Damaged(_) => 8,
            Self::Keys(_) => 9,
            Self::Feature(_) => 10,
            Self::Hold(_) => 11,
            Self::Policy(_) => 12,
            Self::Evidence(_) => 13,
            Self::Takeover(_) => 14,
            Self::Bridge(_) => bridge::BRIDGE,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// Returns the roles of which a signer must have one; none for types that this version does not know, which have
    /// no effect.
    #[must_use]
    pub fn roles_needed(&self) -> Roles {
        match self {
            Self::Commit(_) | Self::Packs(_) => Roles::WRITER,
            Self::Abandon(_) => Roles::WRITER | Roles::MAINTAINER,
            Self::Forget(_) | Self::Condemn(_) | Self::Tombstone(_) | Self::Index(_) => {
                Roles::MAINTAINER
            }
            Self::Damaged(_) | Self::Evidence(_) => {
                Roles::WRITER | Roles::MAINTAINER | Roles::AUDITOR
            }
            Self::Genesis(_)
            | Self::Keys(_)
            | Self::Feature(_)
            | Self::Hold(_)
            | Self::Policy(_)
            | Self::Takeover(_)
            | Self::Bridge(_) => Roles::ADMIN,
            Self::Unknown { .. } => Roles::NONE,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Genesis(body) => body.write(out),
            Self::Commit(body) => body.write(out),
            Self::Packs(body) => body.write(out),
            Self::Abandon(body) => body.write(out),
            Self::Forget(body) => body.write(out),
            Self::Condemn(body) => body.write(out),
            Self::Tombstone(body) => body.write(out),
            Self::Index(body) => body.write(out),
            Self::Damaged(body) => body.write(out),
            Self::Keys(body) => body.write(out),
            Self::Feature(body) => body.write(out),
            Self::Hold(body) => body.write(out),
            Self::Policy(body) => body.write(out),
            Self::Evidence(body) => body.write(out),
            Self::Takeover(body) => body.write(out),
            Self::Bridge(body) => body.write(out),
            Self::Unknown { kind, .. } if *kind <= LAST_KIND => {
                Err(EncodeError::invalid("unknown body of a known type"))
            }
            Self::Unknown { raw, .. } => write_raw_map(out, raw, 1),
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>, kind: u64) -> Result<Self, DecodeError> {
        Ok(match kind {
            0 => Self::Genesis(Genesis::read(r)?),
            1 => Self::Commit(Box::new(Commit::read(r)?)),
            2 => Self::Packs(Packs::read(r)?),
            3 => Self::Abandon(Abandon::read(r)?),
            4 => Self::Forget(Forget::read(r)?),
            5 => Self::Condemn(Condemn::read(r)?),
            6 => Self::Tombstone(Tombstone::read(r)?),
            7 => Self::Index(IndexChange::read(r)?),
            8 => Self::Damaged(Damaged::read(r)?),
            9 => Self::Keys(Keys::read(r)?),
            10 => Self::Feature(Feature::read(r)?),
            11 => Self::Hold(Hold::read(r)?),
            12 => Self::Policy(Policy::read(r)?),
            13 => Self::Evidence(Evidence::read(r)?),
            14 => Self::Takeover(Takeover::read(r)?),
            bridge::BRIDGE => Self::Bridge(Box::new(Bridge::read(r)?)),
            _ => Self::Unknown {
                kind,
                raw: r.raw_map("body")?.to_vec(),
            },
        })
    }
}

/// Writes a map that somebody else encoded, inside `depth` others, after checking it as a reader will.
fn write_raw_map(out: &mut Vec<u8>, raw: &[u8], depth: u8) -> Result<(), EncodeError> {
    let mut r = Reader::nested(raw, depth);
    r.raw_map("map")
        .and_then(|_| r.finish("map"))
        .map_err(|_| EncodeError::invalid("an encoded map"))?;
    out.extend_from_slice(raw);
    Ok(())
}

/// The greatest type number of this version.
const LAST_KIND: u64 = 15;
