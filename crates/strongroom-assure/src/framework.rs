//! Frameworks: laws and standards as data, checked by controls and by what people do.
//!
//! A [`Framework`] says which controls, with which parameters, and which work of people stand for
//! each of its items. What is computed from it is **not** whether somebody obeys a law: a person
//! who knows the law must confirm the mapping, and every report says so.

use serde::Serialize;
use strongroom_policy::Period;

use crate::control::{Controls, Parameters};

mod parse;
mod result;
mod standard;

pub use parse::{FrameworkError, MAX_FRAMEWORK_BYTES, Position, Problem};
pub use result::{
    CheckResult, FrameworkResult, ItemResult, ItemState, NeedResult, NeedState, Tally,
};
pub use standard::{STANDARD, standard};

/// A law or standard as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Framework {
    /// Its stable name, such as `gdpr`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The edition that the items are of.
    pub version: String,
    /// A number that rises with each change of this mapping.
    pub revision: u64,
    /// What whoever uses it must know; always that somebody must confirm it.
    pub note: String,
    /// The items, in their order.
    pub items: Vec<Item>,
}

/// Something that a framework asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// Its number, such as `art. 32(1)(d)`.
    pub id: String,
    /// What it asks for, in our words.
    pub title: String,
    /// The controls that stand for it.
    pub checks: Vec<Check>,
    /// What people must do for it.
    pub people: Vec<Need>,
    /// What whoever reads the result should know.
    pub note: Option<String>,
}

/// A control, with what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The control.
    pub control: String,
    /// With which parameters.
    pub parameters: Parameters,
}

/// Work of people that an item needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Need {
    /// The kind of obligation, such as `audit`.
    pub kind: String,
    /// How old the record of it may be at most; as often as the policy says if absent.
    pub every: Option<Period>,
}

impl Framework {
    /// Parses a framework as a whole, or not at all. See `frameworks/README.md` for its fields.
    ///
    /// `controls` are those that it may name.
    ///
    /// # Errors
    ///
    /// All that is wrong, each with line and column: what is no TOML, unknown fields, controls and
    /// parameters, items that are defined twice or are checked by nothing, and more than
    /// [`MAX_FRAMEWORK_BYTES`].
    pub fn parse(text: &str, controls: &Controls) -> Result<Self, FrameworkError> {
        parse::parse(text, controls)
    }

    /// Returns an item.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|one| one.id == id)
    }
}
