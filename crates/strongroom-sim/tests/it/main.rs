//! The simulated world, and the real engine in it.

#![expect(clippy::unwrap_used, reason = "scenarios stop where they go wrong")]

mod engine;
mod seeds;
mod world;
