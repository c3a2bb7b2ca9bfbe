//! One seed from beginning to end.

use std::fmt;
use std::path::PathBuf;

use super::audit;
use super::ledger::{Ledger, Violation};
use super::profile::Profile;
use super::program::Worker;
use super::setup::Setup;
use crate::dice::Dice;
use crate::pool::Pool;
use crate::trace::Event;
use crate::world::{Program, World};

/// Runs seeds one after another.
#[derive(Debug)]
pub struct Simulator {
    pool: Pool,
    scratch: Option<PathBuf>,
    keeps_events: bool,
}

/// What became of a seed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The kind of world.
    pub profile: Profile,
    /// Calls of the store.
    pub steps: u64,
    /// Stands for everything that happened.
    pub fingerprint: u64,
    /// The promises that were broken.
    pub violations: Vec<Violation>,
    /// What happened, if it was to be kept.
    pub events: Vec<Event>,
}

impl Simulator {
    /// Returns a simulator. In `scratch` some clients have folders for their caches; without it nobody has one.
    #[must_use]
    pub fn new(scratch: Option<PathBuf>) -> Self {
        Self {
            pool: Pool::new(),
            scratch,
            keeps_events: false,
        }
    }

    /// Keeps all events of the worlds.
    #[must_use]
    pub fn with_events(mut self) -> Self {
        self.keeps_events = true;
        self
    }

    /// Runs a seed; without a profile in the kind of world that is the seed's.
    pub fn run(&mut self, seed: u64, profile: Option<Profile>) -> Outcome {
        let profile = profile.unwrap_or_else(|| Profile::of_seed(seed));
        let setup = Setup::new(seed, profile, self.scratch.as_ref());
        let mut dice = Dice::new(seed ^ 0xfa17);
        let world = World::new(seed, profile.plan(&mut dice));
        if self.keeps_events {
            world.keep_events();
        }
        let ledger = Ledger::default();
        match setup.create(&world) {
            Ok(_) => self.play(&world, &setup, &ledger),
            Err(error) => ledger.violate("a repository can be created", format!("{error:?}")),
        }
        setup.clean_up();
        Outcome {
            seed,
            profile,
            steps: world.steps(),
            fingerprint: world.fingerprint(),
            violations: ledger.violations(),
            events: world.take_events(),
        }
    }

    fn play(&mut self, world: &World, setup: &Setup, ledger: &Ledger) {
        self.act(world, setup, ledger, 1, |worker| worker.work());
        world.calm();
        self.act(world, setup, ledger, 2, |worker| worker.finish());
        if world.is_exhausted() {
            ledger.violate("everything ends", format!("{} calls", world.steps()));
            return;
        }
        audit::audit(world, setup, ledger);
    }

    /// Lets every client do one part of the play.
    fn act(
        &mut self,
        world: &World,
        setup: &Setup,
        ledger: &Ledger,
        phase: u64,
        part: fn(&mut Worker<'_>),
    ) {
        let program = |_| -> Program {
            let (setup, ledger) = (setup.clone(), ledger.clone());
            Box::new(move |client| part(&mut Worker::new(client, &setup, &ledger, phase)))
        };
        let programs = (0..setup.clients).map(program).collect();
        let panics = world.run(&mut self.pool, programs);
        for message in panics.into_iter().flatten() {
            ledger.violate("nobody panics", message);
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        let Self { seed, profile, .. } = self;
        for violation in &self.violations {
            let Violation { property, what } = violation;
            writeln!(f, "seed {seed} ({profile}) breaks: {property}: {what}")?;
        }
        Ok(())
    }
}
