//! A value before it has a meaning, with the place where it stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::error::Error;

/// A value, with the bytes of the document that it was.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) at: Range<usize>,
    pub(crate) node: Node,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Flag(bool),
    Number(i64),
    /// A number that is no whole one, or too large to be one.
    Fraction,
    Text(String),
    Date(String),
    List(Vec<Raw>),
    Table(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Of the name.
    pub(crate) at: Range<usize>,
    pub(crate) value: Raw,
}

/// What is wrong with a value, and where.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) at: Range<usize>,
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(at: &Range<usize>, what: impl Into<String>) -> Self {
        Self {
            at: at.clone(),
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn of(at: &Range<usize>, error: &Error) -> Self {
        Self {
            at: at.clone(),
            what: error.to_string(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

impl Raw {
    /// Returns what it is, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self.node {
            Node::Flag(_) => "true or false",
            Node::Number(_) | Node::Fraction => "a number",
            Node::Text(_) => "text",
            Node::Date(_) => "a date",
            Node::List(_) => "a list",
            Node::Table(_) => "a table",
        }
    }

    /// Takes over a value of TOML.
    pub(crate) fn of_toml(at: Range<usize>, value: &DeValue<'_>) -> Self {
        let node = match value {
            DeValue::String(text) => Node::Text(text.to_string()),
            DeValue::Integer(number) => {
                let digits = number.as_str();
                match i64::from_str_radix(digits, number.radix()) {
                    Ok(number) => Node::Number(number),
                    Err(_) => Node::Fraction,
                }
            }
            DeValue::Float(_) => Node::Fraction,
            DeValue::Boolean(flag) => Node::Flag(*flag),
            DeValue::Datetime(date) => Node::Date(date.to_string()),
            DeValue::Array(values) => {
                let raw = values
                    .iter()
                    .map(|value| Self::of_toml(value.span(), value.get_ref()));
                Node::List(raw.collect())
            }
            DeValue::Table(table) => return Self::of_table(at, table),
        };
        Self { at, node }
    }

    pub(crate) fn of_table(at: Range<usize>, table: &DeTable<'_>) -> Self {
        let entries = table.iter().map(|(name, value)| Entry {
            name: name.get_ref().to_string(),
            at: name.span(),
            value: Self::of_toml(value.span(), value.get_ref()),
        });
        let mut entries: Vec<Entry> = entries.collect();
        entries.sort_by_key(|entry| entry.at.start);
        Self {
            at,
            node: Node::Table(entries),
        }
    }
}

/// The same of other formats, which have no places.
impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Plain::deserialize(deserializer).map(Plain::raw)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Flag(bool),
    Number(i64),
    #[expect(
        dead_code,
        reason = "that it is a fraction is all that anybody wants to know"
    )]
    Fraction(f64),
    Text(String),
    List(Vec<Self>),
    Table(BTreeMap<String, Self>),
}

impl Plain {
    fn raw(self) -> Raw {
        let node = match self {
            Self::Flag(flag) => Node::Flag(flag),
            Self::Number(number) => Node::Number(number),
            Self::Fraction(_) => Node::Fraction,
            Self::Text(text) => Node::Text(text),
            Self::List(values) => Node::List(values.into_iter().map(Self::raw).collect()),
            Self::Table(table) => {
                let entry = |(name, value): (String, Self)| Entry {
                    name,
                    at: 0..0,
                    value: value.raw(),
                };
                Node::Table(table.into_iter().map(entry).collect())
            }
        };
        Raw { at: 0..0, node }
    }
}
