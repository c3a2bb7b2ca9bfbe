//! The example programs, run as a user runs them.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; clippy knows only the functions marked as tests"
)]

mod audit;
mod check;
mod cli;
mod cold;
mod compare;
mod conform;
mod copy;
mod damage;
mod damage_program;
mod drill;
mod fleet;
mod forget;
mod generate;
mod info;
mod kill;
mod kit;
mod later;
mod manners;
mod mirror;
mod objects;
mod parity;
mod place;
mod policy;
mod program;
mod prune;
mod record;
mod recover;
mod repair;
mod run;
mod sleeper;
mod status;
mod undelete;
mod verify_source;
