//! One binary for all integration tests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "these helpers exist for tests only, where a panic is the report"
)]

mod compression;
mod damage;
mod golden;
mod limits;
mod parity;
mod records;
mod round_trip;
mod sample;
mod segment_model;
mod split;
mod strategy;
mod strictness;
