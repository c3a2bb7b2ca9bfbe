//! Packs: their bytes against their names, their headers, their frames, and the ids of every blob (levels 1 to 3).
//!
//! [`PackChecker`] looks at one pack in memory and never at a store; [`read`] feeds it with all packs that are to be read;
//! [`PackTable`] and [`Holdings`] are what the rest of a check then knows of them. What the packs really hold is taken from their
//! headers, never from the index.

mod cache;
mod check;
mod fault;
mod frames;
mod header;
mod holdings;
mod keys;
mod pages;
mod read;
mod reader;
mod report;
mod stream;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use check::{Depth, HeaderSpot, PackChecker, PackOutcome, Spare};
pub(crate) use fault::{Gap, HashState, PackFault};
pub(crate) use holdings::{Holdings, Row};
pub(crate) use keys::Keyset;
pub(crate) use pages::FoundPage;
pub(crate) use read::{Job, PackSeen, Reading, read};
pub(crate) use reader::{Frame, FrameReader, FrameStore, plain_len};
pub(crate) use report::describe;
pub(crate) use table::{PackState, PackTable, Presence};
