//! What a framework can ask of a control.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};
use strongroom_policy::{Period, Share};

/// A number that a framework can set for a control; the policy's own where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub kind: ParameterKind,
    /// What it means.
    pub meaning: &'static str,
}

impl Parameter {
    /// Returns one.
    #[must_use]
    pub const fn new(name: &'static str, kind: ParameterKind, meaning: &'static str) -> Self {
        Self {
            name,
            kind,
            meaning,
        }
    }
}

/// What a parameter can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterKind {
    /// A length of time, such as `"3mo"`.
    Period,
    /// A whole number.
    Count,
    /// A share, such as `"98 %"`.
    Share,
    /// Some words.
    Words,
}

impl ParameterKind {
    /// Returns what it can be, for people.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Period => "a length of time such as \"3mo\"",
            Self::Count => "a whole number",
            Self::Share => "a share such as \"98 %\"",
            Self::Words => "a list of words",
        }
    }
}

/// What a parameter is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterValue {
    /// A length of time.
    Period(Period),
    /// A whole number.
    Count(u64),
    /// A share.
    Share(Share),
    /// Some words.
    Words(BTreeSet<String>),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period(value) => value.fmt(f),
            Self::Count(value) => value.fmt(f),
            Self::Share(value) => value.fmt(f),
            Self::Words(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                f.write_str(&words.join(", "))
            }
        }
    }
}

impl Serialize for ParameterValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(value) => serializer.serialize_u64(*value),
            Self::Words(words) => words.serialize(serializer),
            Self::Period(_) | Self::Share(_) => serializer.collect_str(self),
        }
    }
}

/// The parameters that a framework gives a control. Without one the policy's own number holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Parameters(BTreeMap<String, ParameterValue>);

impl Parameters {
    /// Returns none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: ParameterValue) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    /// Returns all, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParameterValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a length of time.
    #[must_use]
    pub fn period(&self, name: &str) -> Option<Period> {
        match self.0.get(name) {
            Some(ParameterValue::Period(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns a number.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.0.get(name) {
            Some(ParameterValue::Count(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns a share.
    #[must_use]
    pub fn share(&self, name: &str) -> Option<Share> {
        match self.0.get(name) {
            Some(ParameterValue::Share(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns words; `None` when it is not set.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<&BTreeSet<String>> {
        match self.0.get(name) {
            Some(ParameterValue::Words(words)) => Some(words),
            _ => None,
        }
    }
}

/// As a framework would write it: `every 3mo, keep 6y`.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        f.write_str(&parts.join(", "))
    }
}
