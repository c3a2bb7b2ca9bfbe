//! The disasters that are rehearsed: each a plan, and what must hold for it to work at all.

mod catalogue;
mod kit;
mod ready;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;
use strongroom::Repository;

pub use self::catalogue::{catalogue, scenario};
pub use self::kit::open_by_kit;
pub use self::ready::{Readiness, Standing, readiness};
pub use self::run::{ScenarioReport, run_scenario};
use crate::choose::{Choice, Point};
use crate::drill::Drill;
use crate::recovery::{Pick, Plan, StepOutcome, Way};
use crate::stop::Stop;

/// A disaster, and how one recovers from it. Data: an application adds its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Scenario {
    /// The word in policies and records.
    pub name: String,
    /// What has happened, in words.
    pub story: String,
    /// What must hold, looked at every day: a plan that cannot work is found before it is needed.
    pub preconditions: Vec<Precondition>,
    /// What is done.
    pub plan: Plan,
}

impl Scenario {
    /// Returns one of your own.
    pub fn new(name: impl Into<String>, story: impl Into<String>, plan: Plan) -> Self {
        Self {
            name: name.into(),
            story: story.into(),
            preconditions: Vec::new(),
            plan,
        }
    }

    /// Adds something that must hold.
    #[must_use]
    pub fn with_precondition(mut self, precondition: Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }
}

/// Something that must hold for a plan to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Precondition {
    /// The repository opens this way.
    Opens(Way),
    /// There is a point to restore, opened this way.
    HasPoint(Way),
    /// The copy elsewhere has the newest point, or one hardly older.
    CopyIsCurrent,
    /// There is a point before the first that is suspect.
    HasCleanPoint,
    /// Somebody can open it by a recovery code.
    HasRecoveryCode,
    /// The sandbox can be made, and the newest point fits into it.
    SandboxFits,
}

impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opens(way) => write!(f, "the repository opens {way}"),
            Self::HasPoint(way) => write!(f, "there is a point to restore, {way}"),
            Self::CopyIsCurrent => f.write_str("the copy elsewhere is current"),
            Self::HasCleanPoint => f.write_str("there is a point before the first that is suspect"),
            Self::HasRecoveryCode => f.write_str("there is a slot for a recovery code"),
            Self::SandboxFits => f.write_str("the sandbox can be made"),
        }
    }
}

/// What an application has to recover from: where its repositories are, how they open, what is restored and into what.
pub trait Estate {
    /// Opens the repository as a scenario says. What the scenario takes away must not be used.
    ///
    /// # Errors
    ///
    /// `Failed` when it does not open, `NotDone` when it could not be tried.
    fn open(&self, way: Way, stop: &Stop) -> Result<Repository, StepOutcome>;

    /// Returns the points of what is to be restored.
    ///
    /// # Errors
    ///
    /// `Failed` when they cannot be read, `NotDone` when it could not be tried.
    fn points(&self, repository: &Repository, stop: &Stop) -> Result<Vec<Point>, StepOutcome>;

    /// Chooses among them.
    ///
    /// # Errors
    ///
    /// `Failed` when there is none, `NotDone` when it could not be tried.
    fn choose(
        &self,
        repository: &Repository,
        pick: Pick,
        stop: &Stop,
    ) -> Result<Vec<Choice>, StepOutcome>;

    /// Returns the drill that restores a chosen point: its sandbox, validators and targets.
    fn drill(&self, repository: &Repository, choice: Choice) -> Drill;
}
