//! What a store is good for, by what a probe found.

use std::fmt;

use strongroom_store::{Answer, Probed, Question};

use crate::probe::StoreProbe;

/// What a store is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fitness {
    /// A repository that any number of machines write to at once.
    ManyWriters,
    /// A repository that one machine writes to at a time: the store does not decide who of two comes first, or it could not be found out.
    OneWriter(Obstacle),
    /// None: what was written is not read, or what is missing is not said to be missing.
    Unfit(Obstacle),
}

/// The answer that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// What was asked.
    pub question: Question,
    /// What was found.
    pub answer: Answer,
}

impl Fitness {
    /// Returns what a store is good for by what a probe recorded.
    #[must_use]
    pub fn of(probe: &StoreProbe) -> Self {
        Self::by(|question| probe.answer(question))
    }

    /// Returns what a store is good for by what a probe just found.
    #[must_use]
    pub fn of_probed(probed: &Probed) -> Self {
        Self::by(|question| probed.answer(question).clone())
    }

    fn by(answer: impl Fn(Question) -> Answer) -> Self {
        let obstacle = |question: &Question| Obstacle {
            question: *question,
            answer: answer(*question),
        };
        let fails = |question: &&Question| answer(**question).is_no();
        if let Some(obstacle) = NEEDED_BY_ALL.iter().find(fails).map(obstacle) {
            return Self::Unfit(obstacle);
        }
        match answer(Question::AtomicCreate).is_yes() {
            true => Self::ManyWriters,
            false => Self::OneWriter(obstacle(&Question::AtomicCreate)),
        }
    }

    /// Returns what stands in the way of many writers.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Obstacle> {
        match self {
            Self::ManyWriters => None,
            Self::OneWriter(obstacle) | Self::Unfit(obstacle) => Some(obstacle),
        }
    }
}

/// Without a *no* to any of these there can be a repository at all.
const NEEDED_BY_ALL: [Question; 4] = [
    Question::ReadAfterWrite,
    Question::Missing,
    Question::Ranges,
    Question::CompleteList,
];

impl fmt::Display for Fitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManyWriters => f.write_str("fit for many writers"),
            Self::OneWriter(obstacle) => write!(f, "fit for one writer at a time: {obstacle}"),
            Self::Unfit(obstacle) => write!(f, "not fit for a repository: {obstacle}"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, answer) = (self.question.title(), &self.answer);
        write!(f, "“{title}”: {answer}")
    }
}
