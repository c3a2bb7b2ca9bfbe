//! Damage of every kind, and what becomes of it.

mod doubted;
mod interrupted;
mod matrix;
mod packs;
mod parity;
mod random;
mod rewrite;
mod sealed;
mod support;
