//! The facade as its users meet it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails; clippy knows only the functions marked as tests"
)]

mod anywhere;
mod cancelled;
mod formats;
mod locations;
mod mirrors;
mod source_comparison;
mod tree;
