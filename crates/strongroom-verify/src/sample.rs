//! Samples that state what they prove.
//!
//! "99 % sure that fewer than 0.1 % of packs are damaged" is a statement about a number of packs that were chosen by nobody, and were all intact.
//! [`sample_size`] says how many that must be, [`upper_count`] what follows when some were not; both are exact for a finite number of packs.
//!
//! * **Packs are the units.** Damage comes in clusters, and a pack lies in one place: nothing is assumed about how damage is spread within packs or
//!   among them.
//! * **Nobody chooses.** Which packs are read follows from the hash of the newest journal entry. Whoever damages packs in the store cannot know which
//!   will be read, and anybody can derive it again. It is no defence against who writes the journal and can try entries until the hash suits.
//! * **Strata.** Packs are told apart by when they were added and by whom, and each stratum is sampled. What is said of all holds however damage is
//!   spread over the strata. Stores do not tell of what tier an object is, so tiers are none.
//! * **A sample never finds the only damaged pack** unless it is most of them. [`PackSelection::rolling`](crate::PackSelection::rolling) reads every
//!   pack in turn.

mod bound;
mod chance;
mod choose;
mod conclude;
mod plan;
mod position;
mod rolling;
mod selection;
mod share;
#[cfg(test)]
mod simulation;
mod size;
mod statement;
mod strata;
#[cfg(test)]
pub(crate) mod testing;
mod unit;

pub use self::bound::{upper_count, upper_share};
pub use self::choose::Origin;
pub(crate) use self::choose::{Chosen, Request, choose, is_in_part, round_seed};
pub(crate) use self::conclude::Outcome;
pub(crate) use self::plan::Plan;
pub(crate) use self::position::{Purpose, Seed};
pub(crate) use self::rolling::Place;
pub use self::selection::{Goal, PackSelection, Sampling};
pub use self::share::{ParseShareError, Share};
pub use self::size::{sample_size, sample_size_of_many};
pub use self::statement::{Age, Bound, Census, Round, Statement};
pub(crate) use self::strata::stratum_of;
pub(crate) use self::unit::Unit;
