//! A model of the repository's protocol, and a simulated world that runs the real engine from one seed.

pub mod model;
