//! Parity of packs: an optional object beside a pack that finds damage without keys and takes it back
//! (`docs/format.md`, §9.5).
//!
//! ```
//! use strongroom_format::parity::{self, Overhead, Parity};
//! use strongroom_format::{ObjectHash, PackClass, pack_preamble};
//! use strongroom_crypt::{RepositoryId, Suite};
//!
//! let preamble = pack_preamble(Suite::None, RepositoryId::from_bytes([1; 16]), [2; 16], PackClass::Data);
//! let mut pack = preamble.encode().to_vec();
//! pack.resize(100_000, 7); // what a pack holds does not matter here
//! let name = ObjectHash::of(&pack);
//! let object = parity::encode(&name, &pack, Overhead::percent(5)?, [3; 16])?;
//!
//! let mut damaged = pack.clone();
//! let parity = Parity::salvage(&object)?;
//! let burst = usize::try_from(parity.geometry().promised_burst_bytes())?;
//! damaged.get_mut(777..777 + burst).into_iter().for_each(|bytes| bytes.fill(0));
//! assert!(!parity.inspect(&damaged).is_intact());
//! assert_eq!(parity.heal(&damaged)?, pack);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Parity is disposable: whatever is wrong with it costs nothing but the protection, and it can be made anew from an
//! intact pack. What it gives back is compared with the pack's name, so that not even a forged one can put something
//! else in a pack's place.

mod code;
mod encode;
mod geometry;
mod head;
mod heal;
mod inspect;
mod overhead;
mod view;

pub use encode::encode;
pub use geometry::Geometry;
pub use heal::{Unhealable, UnhealableKind};
pub use inspect::Inspection;
pub use overhead::{InvalidOverhead, Overhead};
pub use view::Parity;

/// Bytes of the largest shard, and what shards of large packs have.
pub const MAX_SHARD_BYTES: u32 = 65_536;

/// Data shards, and parity shards, of one pack.
pub const MAX_SHARDS: u32 = 32_768;

/// Bytes of a shard's hash.
const HASH_BYTES: usize = 16;

/// Hashes a shard: enough to find damage, and to name nothing.
fn shard_hash(shard: &[u8]) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    let mut hasher = blake3::Hasher::new();
    hasher.update(shard).finalize_xof().fill(&mut hash);
    hash
}

#[cfg(test)]
mod tests;
