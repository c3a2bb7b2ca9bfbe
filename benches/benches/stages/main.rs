//! Throughput of each stage on one core, beside a limit in the same group: the least that any implementation of the stage must do to the same data.

mod content;
mod data;
mod frames;
mod index;
mod operations;
mod packs;
mod trees;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    stages,
    content::stages,
    frames::stages,
    trees::stages,
    index::stages,
    operations::stages,
    packs::stages
);
criterion_main!(stages);
