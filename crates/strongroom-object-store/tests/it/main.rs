//! Tests against a scripted server, and against real ones.

mod real;
