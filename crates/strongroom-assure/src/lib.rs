//! What the evidence of a repository's journal comes to, under a policy, at a time.
//!
//! It performs no I/O and reads no clock: everything is a function of evidence, policy and `now`.
//!
//! # Minimum Rust version
//!
//! 1.95.

// History and measures.

// Controls, findings and reports.
