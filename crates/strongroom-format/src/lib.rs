//! The bytes of a Strongroom repository: encode, decode, nothing else.
//!
//! ```
//! use strongroom_format::{Leaf, Names, Node};
//!
//! let node = Node { name: b"report.txt".to_vec(), mode: 0o644, ..Node::default() };
//! let names = Names::Leaf(Leaf { entries: vec![node], ..Leaf::default() });
//! let mut bytes = Vec::new();
//! names.encode(&mut bytes)?;
//! assert_eq!(Names::decode(&bytes), Ok(names));
//! # Ok::<(), strongroom_format::EncodeError>(())
//! ```
//!
//! It is **not** an engine: it does no input or output, reads no clock, and does not know which entries of a journal
//! have effect or whether what a page refers to exists. `docs/format.md` is normative.
//!
//! * Every object begins with a [`Preamble`]; [`object_name`] has the names under which a store keeps them.
//! * [`Config`], [`Slot`], [`Keyring`] and [`KeyBundle`] lead from a credential to the keys.
//! * An [`Entry`] of the journal seals a [`Payload`], whose [`Body`] is one of the types; a [`Checkpoint`] is their sum,
//!   and [`encode_bundle`] puts 64 of them into one object.
//! * A pack holds frames, each of them many blobs; its [`PackHeader`] says where. [`frame_aad`] is the context in which a
//!   frame is sealed, [`Compressor`] and [`Decompressor`] are its codec.
//! * [`parity`] finds damage of packs without keys, and takes it back.
//! * A [`Page`] lists references; the first of a directory's page is to its [`Names`]. [`split`] says where pages end.
//! * [`record`] has what [`Evidence`] says of the process; an [`Event`] is an entry with what a reader needs to judge it.
//! * A [`SegmentBuilder`] makes an index segment; [`SegmentLayout`] finds a row in one without reading the whole.
//!
//! # Guarantees
//!
//! Decoders never panic, and compare every length with a limit ([`limits`]) and with the bytes that are there before
//! they allocate. A value has one encoding: what decodes encodes to the same bytes (but for the padding of pack headers).
//! What a later version added to a map is kept as [`Unknown`] and written again. [`DecodeErrorKind`] tells damage from a
//! later version.
//!
//! # Security
//!
//! That something decodes proves nothing about who made it. Sealed structures prove that the maker had the key; entries
//! and checkpoints have signatures, which the caller verifies and whose keys it judges.

mod audit_keys;
mod beacon;
mod body;
mod bundle;
mod cbor;
mod check_record;
mod checkpoint;
mod compress;
mod config;
mod damaged;
mod details;
mod entry;
mod error;
mod event;
mod fields;
mod frame;
mod hash;
mod item;
mod key_bundle;
mod keyring;
mod labels;
pub mod limits;
mod lock;
mod names;
mod node;
pub mod object_name;
mod pack;
mod pack_tail;
mod page;
pub mod parity;
mod payload;
mod preamble;
mod probe_record;
pub mod record;
mod segment;
mod signature;
mod slot;
mod snapshot;
pub mod split;
mod time;
mod whole;

pub use audit_keys::{AuditKeys, ContentKeys};
pub use beacon::Beacon;
pub use body::{
    Abandon, Added, Body, Bridge, Commit, Condemn, Damaged, Dropped, Evidence, Feature, Forget,
    Genesis, Hold, HoldAction, IndexChange, Keys, Packs, Policy, Takeover, Tombstone, evidence_aad,
};
pub use bundle::{decode_bundle, encode_bundle};
pub use cbor::Unknown;
pub use check_record::{CheckRecord, Choice, PackClasses, Rolling, Stratum};
pub use checkpoint::{Checkpoint, SealedCheckpoint};
pub use compress::{Compressor, Decompressor, padme};
pub use config::Config;
pub use damaged::DamagedObject;
pub use details::{Details, SkipReason, Skipped};
pub use entry::{ENTRY_HEAD_BYTES, Entry, entry_head};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use event::Event;
pub use frame::{BlobRecord, Codec, FrameKey, FrameRecord, frame_aad};
pub use hash::ObjectHash;
pub use item::{BridgeRef, Certificate, DamagedPack, EpochState, PackRef, SegmentRef};
pub use key_bundle::{Epoch, KeyBundle, SigningEntry, SlotEntry, UnknownSecrets};
pub use keyring::{Grant, Keyring, SignedKeyring};
pub use labels::{Labels, LabelsIter, SharedLabels};
pub use lock::{LockRecord, Locked};
pub use names::{Interior, Leaf, Names};
pub use node::{Node, NodeKind, is_legal_name};
pub use pack::{PackHeader, SessionKeyRecord, header_aad, open_header, pack_preamble, seal_header};
pub use pack_tail::PackTail;
pub use page::{Page, PageType, Ref, RefKind};
pub use payload::Payload;
pub use preamble::{ObjectKind, PackClass, Preamble};
pub use probe_record::{ProbeAnswer, ProbeRecord};
pub use segment::{
    EntryRow, FrameRow, PackRow, SEGMENT_PAGE_PLAIN, SEGMENT_PAGE_SEALED, Segment, SegmentBuilder,
    SegmentHead, SegmentLayout, Table, open_segment_page,
};
pub use signature::Signature;
pub use slot::{Slot, SlotMethod, slot_aad};
pub use snapshot::{ChunkerRecord, Outcome, Snapshot, Summary};
pub use time::Time;
