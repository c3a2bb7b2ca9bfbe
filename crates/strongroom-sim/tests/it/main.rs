//! The simulated world, and the real engine in it.

mod engine;
mod world;
