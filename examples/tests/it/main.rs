//! The example programs, run as a user runs them.
#![cfg(target_os = "linux")]

mod cli;
mod compare;
mod damage;
mod generate;
mod kill;
mod objects;
mod program;
