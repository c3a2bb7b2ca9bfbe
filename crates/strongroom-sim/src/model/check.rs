//! Walks every state of a model.

use std::fmt;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use super::{Action, Config, Protocol, State, trace};

/// What a walk through a model found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The name of the world.
    pub name: &'static str,
    /// How many different states were reached.
    pub states: usize,
    /// How many steps were tried.
    pub steps: usize,
    /// The length of the longest shortest path to a state.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// Whether every state that can be reached was reached.
    pub is_exhausted: bool,
    /// The invariants that do not hold.
    pub broken: Vec<Broken>,
    /// What should be possible and is not.
    pub missing: Vec<&'static str>,
}

/// An invariant that does not hold, and how it comes about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Broken {
    /// Which one.
    pub invariant: &'static str,
    /// The steps from the beginning, in words.
    pub steps: Vec<String>,
    /// How many states had been reached by then.
    pub states: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            states,
            steps,
            depth,
            time,
            ..
        } = self;
        let how = if self.is_exhausted {
            "exhausted"
        } else {
            "not exhausted"
        };
        write!(
            f,
            "{name}: {states} states, {steps} steps, depth {depth}, {how}, {:.1} s",
            time.as_secs_f64()
        )?;
        for missing in &self.missing {
            write!(f, "\nnever: {missing}")?;
        }
        for broken in &self.broken {
            write!(f, "\n{broken}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, broken after {} steps:",
            self.invariant,
            self.steps.len()
        )?;
        for (number, step) in (1..).zip(&self.steps) {
            write!(f, "\n{number:4}. {step}")?;
        }
        Ok(())
    }
}

/// Walks every state of a world, breadth first, until one breaks an invariant.
///
/// The steps to a broken invariant are not always the fewest; [`find`] sees to that.
///
/// # Panics
///
/// When the world is larger than a state has room for.
pub fn check(config: &Config, threads: usize) -> Outcome {
    let start = Instant::now();
    let model = Protocol::new(config.clone());
    let properties = model.properties();
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    let missing = properties
        .iter()
        .filter(|property| {
            property.expectation == Expectation::Sometimes && !found.contains_key(property.name)
        })
        .map(|property| property.name)
        .collect();
    let states = checker.unique_state_count();
    let broken: Vec<Broken> = properties
        .iter()
        .filter(|property| property.expectation == Expectation::Always)
        .filter_map(|property| Some((property.name, found.get(property.name)?)))
        .map(|(invariant, path)| Broken {
            invariant,
            states,
            steps: steps(path, config),
        })
        .collect();
    Outcome {
        name: config.name,
        states,
        steps: checker.state_count(),
        depth: checker.max_depth(),
        time: start.elapsed(),
        is_exhausted: broken.is_empty(),
        broken,
        missing,
    }
}

/// Looks for the shortest way to break one invariant.
///
/// # Panics
///
/// When the world is larger than a state has room for.
pub fn find(config: &Config, invariant: &'static str) -> Option<Broken> {
    let mut shortest = None;
    let mut limit = usize::MAX;
    loop {
        let checker = Protocol::new(config.clone())
            .checker()
            .finish_when(HasDiscoveries::AnyOf([invariant].into()))
            .target_max_depth(limit)
            .spawn_bfs()
            .join();
        let Some(path) = checker.discovery(invariant) else {
            return shortest;
        };
        let steps = steps(&path, config);
        limit = steps.len() + 1;
        shortest = Some(Broken {
            invariant,
            steps,
            states: checker.unique_state_count(),
        });
    }
}

fn steps(path: &Path<State, Action>, config: &Config) -> Vec<String> {
    let pairs: Vec<(State, Option<Action>)> = path.clone().into_vec();
    let after = pairs.iter().skip(1).map(|(state, _)| state);
    pairs
        .iter()
        .zip(after)
        .filter_map(|((before, action), after)| {
            Some(trace::tell(before, (*action)?, after, config))
        })
        .collect()
}
