//! A transparency log over a repository's journal: whoever changes, shortens or splits the history is found out.
//!
//! ```
//! use strongroom_crypt::{Secret, SigningKey};
//! use strongroom_format::ObjectHash;
//! use strongroom_ledger::{KeyKind, Leaf, Log, NoteSigner, WitnessPolicy};
//!
//! // The host has a key that signs this log and nothing else.
//! let key = SigningKey::from_seed(Secret::from_bytes(&[7; 32]))?;
//! let signer = NoteSigner::new("backup.example/vault", KeyKind::Note, key)?;
//!
//! let mut log = Log::new("backup.example/vault");
//! log.push(Leaf { n: 0, hash: ObjectHash::of(b"the first entry of the journal") });
//! for (tile, bytes) in log.take_files() {
//!     // write `bytes` under the path `tile.to_string()`: into a directory, a bucket, both
//!     assert!(!bytes.is_empty());
//! }
//! let signed = log.head().sign(&signer);
//!
//! let policy = WitnessPolicy::of_log(signer.public().clone());
//! assert_eq!(policy.verify(&signed)?.log.name(), "backup.example/vault");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is **not** a server, and it knows no repository, no clock and no file: bytes go in and come out. It proves what was recorded, when others saw it, and that it was not changed since. It does
//! not prove that what was recorded happened, nor that what happened was recorded.
//!
//! * A [`Leaf`] is what the log has of an entry of the journal. A [`Log`] grows, and says which files to write; [`TileTree`] reads them. [`Frontier`] is a tree's right edge,
//!   [`MemoryTree`] a whole tree.
//! * [`prove_inclusion`], [`prove_consistency`] and [`prove_cover`] make proofs, and their `verify_` twins check them (RFC 6962).
//! * A [`TreeHead`] says how long the log is and what its root is; signed it is a [`SignedHead`]. A [`Note`] is any signed text, a [`VerifierKey`] a public key with a name, a
//!   [`NoteSigner`] a private one. A [`Receipt`] proves one entry.
//! * A [`Witness`] cosigns heads that continue what it has seen; a [`WitnessPolicy`] says how many of which must have. A [`Monitor`] remembers, and raises the [`Alarm`].
//!   A [`Rotation`] replaces the log's key.
//! * A [`BundleBuilder`] writes an audit bundle, and [`verify_bundle`] believes it or does not.
//!
//! # Guarantees
//!
//! The formats are those of C2SP (signed-note, tlog-checkpoint, tlog-cosignature with Ed25519, tlog-witness, tlog-tiles, tlog-proof, tlog-policy), so that other programs can watch and witness. Decoders never panic, and compare every length with a limit and with the bytes that are
//! there before they allocate. A value has one encoding.
//!
//! # Why not …
//!
//! * *… a blockchain?* It adds a fee, a delay and a network, and cannot be checked offline. Witnesses who do not know each other are as good, and the other backup clients are some already.
//! * *… a public log?* Whoever reads it learns how often there are backups. Only heads, which say nothing else, ever need to leave the house.
//! * *… ML-DSA?* The library of the other keys does not have it. Its lines are ignored, as every unknown line is, so that it can be added beside Ed25519.
//!
//! # Minimum Rust version
//!
//! 1.95.

mod base64;
mod bundle;
mod consistency;
mod cover;
mod entries;
mod error;
mod frontier;
mod hash;
mod head;
mod inclusion;
mod key;
mod leaf;
mod log;
mod monitor;
mod name;
mod note;
mod number;
mod policy;
mod receipt;
mod rotation;
mod subtree;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tile;
mod witness;

pub use bundle::{
    About, AuditedEntry, BuildError, BundleBuilder, BundleError, BundleReport, Content, File,
    MAX_BUNDLE_ENTRIES, MAX_BUNDLE_SECTIONS, Premise, Standing, TrustPolicy, verify_bundle,
};
pub use consistency::{MAX_CONSISTENCY_HASHES, prove_consistency, verify_consistency};
pub use cover::{prove_cover, verify_cover};
pub use entries::{decode_entry_bundle, read_leaves};
pub use error::{ParseError, ParseErrorKind};
pub use frontier::Frontier;
pub use hash::TreeHash;
pub use head::{SignedHead, TreeHead};
pub use inclusion::{ProofError, prove_inclusion, verify_inclusion};
pub use key::{KeyError, KeyId, KeyKind, NoteSigner, VerifierKey};
pub use leaf::Leaf;
pub use log::{Log, ResumeError};
pub use monitor::{Alarm, Monitor, Observed};
pub use name::MAX_NAME_BYTES;
pub use note::{
    MAX_NOTE_BYTES, MAX_NOTE_SIGNATURE_BYTES, MAX_NOTE_SIGNATURES, Note, NoteError, SignatureLine,
    Verified,
};
pub use policy::{
    Endorsement, EndorsementError, MAX_POLICY_BYTES, MAX_POLICY_NAMES, PolicyError, WitnessPolicy,
};
pub use receipt::{MAX_RECEIPT_BYTES, Receipt};
pub use rotation::{MAX_ROTATIONS, Rotation};
pub use subtree::{MemoryTree, Subtrees, root};
pub use tile::{TILE_WIDTH, Tile, TileError, TileKind, TileTree, Tiles};
pub use witness::{
    Decision, MAX_REQUEST_BYTES, MAX_WITNESSED_LOGS, Unsaved, Witness, WitnessRequest,
    WitnessResponse, WitnessState, WitnessStatus, merge_answers,
};
