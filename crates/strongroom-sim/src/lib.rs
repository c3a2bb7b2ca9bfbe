//! A model of the repository's protocol, and a simulated world that runs the real engine from one seed.
//!
//! * [`model`] explores the protocol exhaustively, without the engine.
//! * [`World`] is a store, a scheduler and a clock that one seed decides. [`FaultPlan`] says what goes wrong in it. Nothing of them knows
//!   the engine: test your own programs with them.

pub mod model;

mod clock;
mod dice;
mod engine;
mod faults;
mod pool;
mod store;
mod trace;
mod world;

pub use clock::SimClock;
pub use dice::Dice;
pub use engine::{Outcome, Profile, Simulator, Violation};
pub use faults::{Fault, FaultPlan};
pub use pool::Pool;
pub use store::SimStore;
pub use trace::Event;
pub use world::{Client, Deletion, MAX_CLIENTS, Program, SimSleep, World};
