//! Cuts bytes into chunks, so that what did not change is not stored again.
//!
//! ```
//! use strongroom_chunk::{ChunkSizes, Gear64, chunks};
//!
//! let chunker = Gear64::new(ChunkSizes::new(64, 256, 1024)?, &[7; 32])?;
//! let before = (0..1000).map(|line| format!("line {line}\n")).collect::<String>();
//! let after = format!("a new first line\n{before}");
//!
//! // Cutting loses nothing, and an insertion moves no cut far behind it.
//! let cut = chunks(&chunker, after.as_bytes()).collect::<Vec<_>>();
//! assert_eq!(cut.concat(), after.as_bytes());
//! assert_eq!(cut.last(), chunks(&chunker, before.as_bytes()).last().as_ref());
//! # Ok::<(), strongroom_chunk::SizesError>(())
//! ```
//!
//! It knows **neither** ids, encryption **nor** storage. A chunker is a pure function of bytes: it
//! has no state, so one serves all threads.
//!
//! * [`Chunker`] is the joint, with numbered laws; [`Gear64`] cuts where content says so, [`Fixed`]
//!   every so many bytes, for images of disks.
//! * [`ChunkSizes`] are checked once and then trusted.
//! * [`chunks`] cuts a slice; [`ChunkReader`] cuts a stream of any length in bounded memory, into
//!   the same chunks.
//! * The feature `conformance` adds the laws as functions, for chunkers of your own.
//!
//! # Stability
//!
//! Where a chunker cuts is part of the repository format: if it moved, everything would be stored
//! once more. The golden vectors in `testdata/chunk` pin every cut.
//!
//! # Security
//!
//! The table of [`Gear64`] is made of a key, so that cuts differ between repositories. That is
//! hardening and not secrecy: who sees the lengths of enough chunks of known content can recover
//! the table. What protects contents is that lengths are not observable in a repository.

mod chunker;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod fixed;
mod gear64;
mod reader;
mod sizes;

pub use chunker::{Chunker, ChunkerId, Chunks, chunks};
pub use fixed::Fixed;
pub use gear64::Gear64;
pub use reader::ChunkReader;
pub use sizes::{ChunkSizes, SizesError};
