//! The proof that damage is found, costs only what it must, and is repaired.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "scenarios stop where they go wrong"
)]

mod auditors;
mod claims;
mod crafted;
mod epochs;
mod found;
mod honest;
mod insider;
mod lab;
mod matrix;
mod mend;
mod museum;
mod oracle;
mod pauses;
mod press;
mod sampling;
