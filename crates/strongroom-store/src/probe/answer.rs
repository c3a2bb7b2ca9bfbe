//! What a probe asks, and what it found.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::key::Key;

/// What a store was found to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probed {
    /// See [`Question::AtomicCreate`].
    pub atomic_create: Answer,
    /// See [`Question::ReadAfterWrite`].
    pub read_after_write: Answer,
    /// See [`Question::Missing`].
    pub missing: Answer,
    /// See [`Question::Ranges`].
    pub ranges: Answer,
    /// See [`Question::CompleteList`].
    pub complete_list: Answer,
    /// See [`Question::OrderedList`].
    pub ordered_list: Answer,
    /// See [`Question::Delete`].
    pub delete: Answer,
    /// See [`Question::ConditionalDelete`].
    pub conditional_delete: Answer,
    /// See [`Question::Versioning`].
    pub versioning: Answer,
    /// See [`Question::ObjectLock`].
    pub object_lock: Answer,
    /// Scratch objects that could not be deleted: a few bytes each, and nobody's loss.
    pub left: Vec<Key>,
}

impl Probed {
    /// Returns every question with its answer.
    pub fn answers(&self) -> impl Iterator<Item = (Question, &Answer)> {
        Question::ALL
            .into_iter()
            .map(|question| (question, self.answer(question)))
    }

    /// Puts the answers of another part of a split store to these, which are of the part that decides races: the worse of two holds, but
    /// for locks, which are kept where what is locked is.
    #[must_use]
    pub fn with_part(self, part: Self) -> Self {
        let worse = |ours: Answer, theirs: Answer| match (&ours, &theirs) {
            (Answer::No(_), _) | (_, Answer::Yes) => ours,
            (_, Answer::No(_)) | (Answer::Yes, Answer::Unknown(_)) => theirs,
            _ => ours,
        };
        let object_lock = match self.object_lock.is_yes() {
            true => self.object_lock,
            false => part.object_lock,
        };
        Self {
            atomic_create: self.atomic_create,
            read_after_write: worse(self.read_after_write, part.read_after_write),
            missing: worse(self.missing, part.missing),
            ranges: worse(self.ranges, part.ranges),
            complete_list: worse(self.complete_list, part.complete_list),
            ordered_list: worse(self.ordered_list, part.ordered_list),
            delete: worse(self.delete, part.delete),
            conditional_delete: worse(self.conditional_delete, part.conditional_delete),
            versioning: worse(self.versioning, part.versioning),
            object_lock,
            left: [self.left, part.left].concat(),
        }
    }

    /// Returns the answer to one question.
    #[must_use]
    pub fn answer(&self, question: Question) -> &Answer {
        match question {
            Question::AtomicCreate => &self.atomic_create,
            Question::ReadAfterWrite => &self.read_after_write,
            Question::Missing => &self.missing,
            Question::Ranges => &self.ranges,
            Question::CompleteList => &self.complete_list,
            Question::OrderedList => &self.ordered_list,
            Question::Delete => &self.delete,
            Question::ConditionalDelete => &self.conditional_delete,
            Question::Versioning => &self.versioning,
            Question::ObjectLock => &self.object_lock,
        }
    }
}

/// One line for each question.
impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.answers()
            .try_for_each(|(question, answer)| writeln!(f, "{}: {answer}", question.title()))
    }
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answer {
    /// No fault was seen.
    Yes,
    /// It is not so, and why this is known.
    No(String),
    /// It could not be found out, and why.
    Unknown(String),
}

impl Answer {
    /// Returns whether no fault was seen.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    /// Returns whether a fault was seen.
    #[must_use]
    pub fn is_no(&self) -> bool {
        matches!(self, Self::No(_))
    }

    /// Returns why it is not *yes*.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Yes => None,
            Self::No(why) | Self::Unknown(why) => Some(why),
        }
    }

    /// Returns what an error says about a question that asked for success: nothing, if the store could not be reached.
    pub(super) fn of_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Unavailable => Self::Unknown(described(error)),
            _ => Self::No(described(error)),
        }
    }
}

/// Returns what an error says, with what it comes from: the service's own words are often the best.
pub(super) fn described(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No(why) => write!(f, "no: {why}"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// What a probe asks of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Question {
    /// Does one of many who create a key at the same time succeed, and is its content there? Law 2, on which a repository with many
    /// writers rests.
    AtomicCreate,
    /// Is what was put, replaced or deleted seen so at once? Law 3.
    ReadAfterWrite,
    /// Is what is missing said to be missing, and not to be forbidden? Law 8.
    Missing,
    /// Is a range exact? Law 4.
    Ranges,
    /// Does the list of a small folder have all objects, each once? Law 6.
    CompleteList,
    /// Is it in the order of keys? Nothing of ours relies on it.
    OrderedList,
    /// Can objects be deleted with these credentials?
    Delete,
    /// Can the service delete on a condition? Nothing of ours relies on it, and it cannot be tried.
    ConditionalDelete,
    /// Does the service keep older versions? It cannot be tried.
    Versioning,
    /// Is an object that was put with a retention kept?
    ObjectLock,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::AtomicCreate,
        Self::ReadAfterWrite,
        Self::Missing,
        Self::Ranges,
        Self::CompleteList,
        Self::OrderedList,
        Self::Delete,
        Self::ConditionalDelete,
        Self::Versioning,
        Self::ObjectLock,
    ];

    /// Returns its name for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AtomicCreate => "atomic_create",
            Self::ReadAfterWrite => "read_after_write",
            Self::Missing => "missing",
            Self::Ranges => "ranges",
            Self::CompleteList => "complete_list",
            Self::OrderedList => "ordered_list",
            Self::Delete => "delete",
            Self::ConditionalDelete => "conditional_delete",
            Self::Versioning => "versioning",
            Self::ObjectLock => "object_lock",
        }
    }

    /// Returns what a *yes* says, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::AtomicCreate => "of racing creators one wins",
            Self::ReadAfterWrite => "what was written is seen at once",
            Self::Missing => "what is missing is said to be missing",
            Self::Ranges => "a range is exact",
            Self::CompleteList => "a list is complete",
            Self::OrderedList => "a list is in the order of names",
            Self::Delete => "objects can be deleted",
            Self::ConditionalDelete => "deleting can have a condition",
            Self::Versioning => "older versions are kept",
            Self::ObjectLock => "locked objects are kept",
        }
    }
}
