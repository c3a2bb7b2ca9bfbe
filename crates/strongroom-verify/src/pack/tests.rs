//! Tests of packs in memory.
