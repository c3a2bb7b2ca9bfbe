//! Names that nobody else uses.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes names for temporary files: random for each store, and counted.
#[derive(Debug)]
pub(crate) struct Names {
    seed: String,
    count: AtomicU64,
}

impl Names {
    pub(crate) fn new() -> Self {
        // The standard library seeds these from the system's random generator. Nothing secret depends on them.
        let word = |salt| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(salt);
            hasher.finish()
        };
        let seed = format!("{:016x}{:016x}", word(1), word(2));
        let count = AtomicU64::new(0);
        Self { seed, count }
    }

    pub(crate) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{}-{count}", self.seed)
    }
}
