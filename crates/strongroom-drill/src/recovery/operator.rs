//! The people in a plan.

use std::fmt::Debug;

use serde::Serialize;

use super::{Role, Step};
use crate::stop::{Stop, Stopped};

/// Asks people whether a step is done: at a terminal, by a message, on a page. What nobody confirmed is not done.
///
/// # Contract
///
/// 1. It answers [`Answer::Confirmed`] only for what a person said about this step, since it was asked.
/// 2. It ends within a fraction of a second after `stop` says so, with [`Answer::Stopped`].
pub trait Operator: Debug {
    /// Shows a step to somebody of its role, and waits for the answer.
    fn confirm(&self, step: &Step, role: Role, stop: &Stop) -> Answer;
}

/// What people said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// It is done.
    Confirmed {
        /// Who said so.
        by: String,
        /// What else they said.
        note: Option<String>,
    },
    /// It cannot be done, or the result is not what it should be.
    Refused {
        /// Who said so.
        by: String,
        /// Why.
        note: String,
    },
    /// Nobody answered.
    Nobody,
    /// It was time to stop.
    #[serde(skip)]
    Stopped(Stopped),
}

/// Nobody is there: what people must do is not done.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Nobody;

impl Nobody {
    /// Returns it.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Operator for Nobody {
    fn confirm(&self, _step: &Step, _role: Role, _stop: &Stop) -> Answer {
        Answer::Nobody
    }
}
