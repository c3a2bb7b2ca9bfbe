//! Tests of the crate from outside.

mod executors;
mod faults;
mod fixture;
mod waiting;
