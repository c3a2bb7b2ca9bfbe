//! The bytes of a Strongroom repository: encode, decode, nothing else.

mod body;
mod bundle;
mod cbor;
mod checkpoint;
mod compress;
mod config;
mod details;
mod entry;
mod error;
mod frame;
mod hash;
mod item;
mod key_bundle;
mod keyring;
pub mod limits;
mod names;
mod node;
pub mod object_name;
mod pack;
mod page;
mod payload;
mod preamble;
mod segment;
mod signature;
mod slot;
mod snapshot;
pub mod split;
mod time;

pub use body::{
    Abandon, Added, Body, Commit, Condemn, Damaged, Dropped, Evidence, Feature, Forget, Genesis,
    Hold, HoldAction, IndexChange, Keys, Packs, Policy, Takeover, Tombstone,
};
pub use bundle::{decode_bundle, encode_bundle};
pub use cbor::Unknown;
pub use checkpoint::{Checkpoint, SealedCheckpoint};
pub use compress::{Compressor, Decompressor, padme};
pub use config::Config;
pub use details::{Details, SkipReason, Skipped};
pub use entry::Entry;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use frame::{BlobRecord, Codec, FrameKey, FrameRecord, frame_aad};
pub use hash::ObjectHash;
pub use item::{Certificate, DamagedPack, EpochState, PackRef, SegmentRef};
pub use key_bundle::{Epoch, KeyBundle, SigningEntry, SlotEntry, UnknownSecrets};
pub use keyring::{Grant, Keyring};
pub use names::{Interior, Leaf, Names};
pub use node::{Node, NodeKind, is_legal_name};
pub use pack::{
    PackHeader, PackTail, SessionKeyRecord, header_aad, open_header, pack_preamble, seal_header,
};
pub use page::{Page, PageType, Ref, RefKind};
pub use payload::Payload;
pub use preamble::{ObjectKind, PackClass, Preamble};
pub use segment::{
    EntryRow, FrameRow, PackRow, SEGMENT_PAGE_PLAIN, SEGMENT_PAGE_SEALED, Segment, SegmentBuilder,
    SegmentHead, SegmentLayout, Table, open_segment_page,
};
pub use signature::Signature;
pub use slot::{Slot, SlotMethod, slot_aad};
pub use snapshot::{ChunkerRecord, Outcome, Snapshot, Summary};
pub use time::Time;
