//! Tests of the crate from outside.

mod real_server;
