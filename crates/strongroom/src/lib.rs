//! Embeds the whole backup process in any Rust program.
