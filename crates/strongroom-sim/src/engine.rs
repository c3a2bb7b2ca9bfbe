//! The real engine in a simulated world.

mod audit;
mod ledger;
mod profile;
mod program;
mod run;
mod setup;
mod target;
mod tree;

pub use self::ledger::Violation;
pub use self::profile::Profile;
pub use self::run::{Outcome, Simulator};
