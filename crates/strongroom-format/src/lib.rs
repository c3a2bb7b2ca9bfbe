//! The bytes of a Strongroom repository: encode, decode, nothing else.

mod cbor;
mod compress;
mod config;
mod error;
mod frame;
mod hash;
pub mod limits;
mod names;
mod node;
pub mod object_name;
mod pack;
mod page;
mod preamble;
pub mod split;
mod time;

pub use cbor::Unknown;
pub use compress::{Compressor, Decompressor, padme};
pub use config::Config;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use frame::{BlobRecord, Codec, FrameKey, FrameRecord, frame_aad};
pub use hash::ObjectHash;
pub use names::{Interior, Leaf, Names};
pub use node::{Node, NodeKind, is_legal_name};
pub use pack::{
    PackHeader, PackTail, SessionKeyRecord, header_aad, open_header, pack_preamble, seal_header,
};
pub use page::{Page, PageType, Ref, RefKind};
pub use preamble::{ObjectKind, PackClass, Preamble};
pub use time::Time;
