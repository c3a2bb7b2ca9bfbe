//! Stores that need tokio, used from anywhere.
