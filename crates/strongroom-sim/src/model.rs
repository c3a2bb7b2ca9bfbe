//! The protocol as a state machine that is explored exhaustively.
//!
//! Writers, pruners, an index merger and the world around them share a store and a write-once journal. Every step of every one of
//! them may happen at any time; entries land late, twice or never; anybody may die or sleep at any point. [`check`] walks every
//! state that a [`Config`] permits and looks at the invariants in each. A [`Mutant`] leaves out one rule of the protocol, and has to
//! be caught.
//!
//! ```
//! use strongroom_sim::model::{Config, check};
//!
//! let outcome = check(&Config::new("one writer, one pruner"), 1);
//! assert!(outcome.is_exhausted && outcome.broken.is_empty());
//! ```
//!
//! `docs/protocol.md` says the protocol in words.

mod action;
mod caught;
mod check;
mod config;
mod invariant;
mod journal;
mod merger;
mod mutant;
mod network;
mod objects;
mod outside;
mod presets;
mod pruner;
mod reach;
mod reader;
mod set;
mod state;
mod trace;
mod writer;

pub use action::Action;
pub use caught::mutants;
pub use check::{Broken, Outcome, check, find};
pub use config::Config;
pub use invariant::{I1, I2, I3, I4, I5, I6, I7, I8, L1, L2};
pub use mutant::Mutant;
pub use presets::{quick, slow};
pub use set::Set;
pub use state::State;

use stateright::{Model, Property};

/// Packs that a writer may need at most to get done alone, beyond those that it is granted.
const SPARE_PACKS: u8 = 2;

/// The protocol, in a world of some size.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Protocol {
    config: Config,
    /// The same world in which one writer alone acts.
    alone: Config,
}

impl Protocol {
    /// The protocol in the world of `config`.
    ///
    /// # Panics
    ///
    /// When the world has more packs, blobs, snapshots or segments than a state has room for,
    /// or a snapshot with blob 0 and without blob 1.
    pub fn new(config: Config) -> Self {
        assert!(
            config.packs() + SPARE_PACKS <= config::MAX_PACKS,
            "{} has {} packs",
            config.name,
            config.packs()
        );
        assert!(
            config.merges <= config::MAX_MERGED,
            "{} merges too often",
            config.name
        );
        assert!(
            config.targets.len() <= usize::from(config::MAX_WRITERS),
            "{} has too many writers",
            config.name
        );
        assert!(
            config.pruners <= config::MAX_PRUNERS,
            "{} has too many pruners",
            config.name
        );
        let sets = config.targets.iter().chain([&config.parent]);
        for blobs in sets {
            assert!(
                config::SUBTREE.within(*blobs) || !blobs.has(config::PAGE),
                "{} has a page without what it refers to",
                config.name
            );
        }
        let alone = Config {
            alone: true,
            ..config.clone()
        };
        Self { config, alone }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.config)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        action::actions(state, &self.config, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        action.apply(&mut next, &self.config);
        Some(next.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariant::properties(&self.config)
    }
}
