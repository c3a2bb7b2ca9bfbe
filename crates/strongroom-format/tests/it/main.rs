//! One binary for all integration tests.

mod compression;
mod damage;
mod golden;
mod limits;
mod round_trip;
mod sample;
mod segment_model;
mod strategy;
mod strictness;
