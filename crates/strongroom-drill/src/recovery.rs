//! A recovery plan that can be carried out: ordered steps, each done by the machine or confirmed by a person, timed and logged.

mod execute;
mod operator;
mod order;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use self::execute::{Log, Logged, Machine, StepOutcome, execute};
pub use self::operator::{Answer, Nobody, Operator};
pub use self::order::{restore_order, restore_plan};

/// Steps in an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    pub purpose: String,
    /// The steps, in the order in which they are done.
    pub steps: Vec<Step>,
}

/// A step of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Its name in the plan.
    pub id: String,
    /// What is to be done, in words.
    pub text: String,
    /// Who does it.
    pub by: By,
    /// The steps that must be done before.
    pub after: Vec<String>,
}

/// Who does a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum By {
    /// The machine.
    Machine(Action),
    /// A person, who says when it is done.
    Person(Role),
}

/// What a machine does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Opens the repository.
    Open(Way),
    /// Chooses what is restored.
    Choose(Pick),
    /// Restores and validates all that was chosen.
    Drill,
    /// Restores a resource of the policy and validates it.
    Restore(String),
    /// Something of the embedding application's.
    Other(String),
}

/// How a repository is opened: what is left after a disaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Way {
    /// As on every day.
    Usual,
    /// Without any cache or other local state.
    WithoutLocalState,
    /// The copy elsewhere, and nothing else, without local state.
    OffSite,
    /// By the recovery code: every passphrase and key service is gone.
    RecoveryCode,
    /// With nothing but the lines of a recovery kit: they say where, which and how.
    KitOnly,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usual => "as on every day",
            Self::WithoutLocalState => "without local state",
            Self::OffSite => "from the copy elsewhere",
            Self::RecoveryCode => "by the recovery code",
            Self::KitOnly => "with nothing but the recovery kit",
        })
    }
}

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Pick {
    /// By the rules of the policy.
    ByPolicy,
    /// The newest.
    Latest,
    /// The newest before the first that is suspect.
    LastClean,
}

/// Who confirms a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Who runs the systems.
    Operations,
    /// Who needs them.
    Business,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operations => "operations",
            Self::Business => "business",
        })
    }
}

impl Plan {
    /// Returns one without steps.
    pub fn new(name: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            purpose: purpose.into(),
            steps: Vec::new(),
        }
    }

    /// Adds a step of the machine, after the last one of the machine.
    #[must_use]
    pub fn machine(self, id: &str, action: Action, text: &str) -> Self {
        let is_machine = |step: &&Step| matches!(step.by, By::Machine(_));
        let last = self.steps.iter().rev().find(is_machine);
        let after = last.map(|step| step.id.clone()).into_iter().collect();
        self.step(id, text, By::Machine(action), after)
    }

    /// Adds a step of a person, after all that are there.
    #[must_use]
    pub fn person(self, id: &str, role: Role, text: &str) -> Self {
        let after = self.steps.iter().map(|step| step.id.clone()).collect();
        self.step(id, text, By::Person(role), after)
    }

    /// Adds a step, after others.
    #[must_use]
    pub fn step(mut self, id: &str, text: &str, by: By, after: Vec<String>) -> Self {
        self.steps.push(Step {
            id: id.to_owned(),
            text: text.to_owned(),
            by,
            after,
        });
        self
    }

    /// Says what is wrong with it: a name that two steps have, or a step that is after one that does not come before it.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut known: Vec<&str> = Vec::new();
        for step in &self.steps {
            let missing = step.after.iter().filter(|id| !known.contains(&id.as_str()));
            faults.extend(
                missing.map(|id| format!("{} is after {id}, which does not come before", step.id)),
            );
            if known.contains(&step.id.as_str()) {
                faults.push(format!("two steps are called {}", step.id));
            }
            known.push(&step.id);
        }
        faults
    }
}

/// Writes it for a binder: numbered steps, and who does each.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.purpose)?;
        for (step, number) in self.steps.iter().zip(1..) {
            match &step.by {
                By::Machine(_) => writeln!(f, "{number:>3}. [machine] {}", step.text)?,
                By::Person(role) => writeln!(f, "{number:>3}. [{role}] {}", step.text)?,
            }
        }
        Ok(())
    }
}
