//! Tests of the public interface.

mod laws;
mod secrets;
mod slots;
mod support;
mod vectors;
