//! The engine through its public face, against stores that fail.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "scenarios stop where they go wrong"
)]

mod create;
mod damage;
mod forgery;
mod slots;
mod world;
