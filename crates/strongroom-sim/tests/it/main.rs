//! The simulated world, and the real engine in it.

mod world;
