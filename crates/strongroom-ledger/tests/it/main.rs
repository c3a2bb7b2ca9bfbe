//! What the crate promises, from outside.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; clippy knows only the functions marked as tests"
)]

mod other_implementations;
mod proofs;
mod rfc_6962;
