//! Which snapshots are one history.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::snapshot::SnapshotInfo;
use crate::text::{Escaped, unescape};

/// What tells histories apart: `series,host`, `series,tags,department`, or `*` for one history of
/// everything. Any name but `series` and `tags` is that of a label; `label:tags` is the label of
/// that name. The order does not matter.
///
/// ```
/// use strongroom_retain::{GroupBy, Moment, SnapshotInfo};
///
/// let by: GroupBy = "host,series".parse()?;
/// let snapshot = SnapshotInfo::new(7, Moment::utc(0))
///     .with_series("home")
///     .with_label("host", "web1");
/// assert_eq!(by.key(&snapshot).to_string(), "series=home,host=web1");
/// assert_eq!("series=home,host=web1".parse(), Ok(by.key(&snapshot)));
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupBy(BTreeSet<GroupField>);

/// One thing that tells histories apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GroupField {
    /// The series.
    Series,
    /// The label of this name; `host` is one.
    Label(String),
    /// All tags together.
    Tags,
}

impl GroupBy {
    /// Returns what makes one history of everything.
    #[must_use]
    pub fn nothing() -> Self {
        Self(BTreeSet::new())
    }

    /// Adds a field.
    #[must_use]
    pub fn and(mut self, field: GroupField) -> Self {
        self.0.insert(field);
        self
    }

    /// Returns the fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = &GroupField> {
        self.0.iter()
    }

    /// Returns the group of a snapshot.
    #[must_use]
    pub fn key<Id>(&self, snapshot: &SnapshotInfo<Id>) -> GroupKey {
        let value = |field: &GroupField| match field {
            GroupField::Series => Value::Text(snapshot.series.as_ref().to_owned()),
            GroupField::Tags => {
                // An empty tag is none: its group would have the name of that without tags.
                let tags = snapshot.tags.iter().filter(|tag| !tag.is_empty());
                Value::Tags(tags.cloned().collect())
            }
            GroupField::Label(name) => match snapshot.labels.get(name) {
                Some(text) => Value::Text(text.clone()),
                None => Value::Missing,
            },
        };
        GroupKey(
            self.iter()
                .map(|field| (field.clone(), value(field)))
                .collect(),
        )
    }
}

/// By series and host.
impl Default for GroupBy {
    fn default() -> Self {
        Self::nothing()
            .and(GroupField::Series)
            .and(GroupField::Label("host".into()))
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(EVERYTHING);
        }
        for (nth, field) in self.iter().enumerate() {
            write!(f, "{}{field}", if nth == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for GroupBy {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty (say `*`), an empty name, a name twice.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut by = Self::nothing();
        if text == EVERYTHING {
            return Ok(by);
        }
        for field in text.split(',') {
            if !by.0.insert(field.parse()?) {
                return Err(Error::invalid(text, "a name is there twice"));
            }
        }
        Ok(by)
    }
}

impl fmt::Display for GroupField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series => f.write_str(SERIES),
            Self::Tags => f.write_str(TAGS),
            Self::Label(name) => {
                let taken = name == SERIES || name == TAGS || name.starts_with(LABEL);
                write!(f, "{}{}", if taken { LABEL } else { "" }, Escaped(name))
            }
        }
    }
}

impl FromStr for GroupField {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty, or with characters that must be written as `%XX`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let name = unescape(text.strip_prefix(LABEL).unwrap_or(text))?;
        match text {
            SERIES => Ok(Self::Series),
            TAGS => Ok(Self::Tags),
            _ if name.is_empty() => Err(Error::new(
                ErrorKind::Invalid,
                "the name of a label is empty",
            )),
            _ => Ok(Self::Label(name)),
        }
    }
}

/// One history: what its snapshots have in common. Its text, `series=home,host=web1`, can be read
/// again; a label that they do not have stands there without `=`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(BTreeMap<GroupField, Value>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Missing,
    Text(String),
    Tags(BTreeSet<String>),
}

impl GroupKey {
    /// Returns what its snapshots have in common, as text: each field and its value, `None` for a
    /// label that they do not have. Tags have `+` between them.
    pub fn iter(&self) -> impl Iterator<Item = (&GroupField, Option<String>)> {
        let text = |value: &Value| match value {
            Value::Missing => None,
            Value::Text(text) => Some(text.clone()),
            Value::Tags(tags) => Some(join(tags)),
        };
        self.0
            .iter()
            .map(move |(field, value)| (field, text(value)))
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(EVERYTHING);
        }
        for (nth, (field, value)) in self.0.iter().enumerate() {
            write!(f, "{}{field}", if nth == 0 { "" } else { "," })?;
            match value {
                Value::Missing => {}
                Value::Text(text) => write!(f, "={}", Escaped(text))?,
                Value::Tags(tags) => write!(f, "={}", join(tags))?,
            }
        }
        Ok(())
    }
}

fn join(tags: &BTreeSet<String>) -> String {
    let tags: Vec<_> = tags.iter().map(|tag| Escaped(tag).to_string()).collect();
    tags.join("+")
}

impl FromStr for GroupKey {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty (say `*`), a name that is none or is there twice, a character that must be
    /// written as `%XX`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut key = BTreeMap::new();
        if text == EVERYTHING {
            return Ok(Self(key));
        }
        for part in text.split(',') {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let field = name.parse()?;
            let value = match (&field, value) {
                (GroupField::Label(_), None) => Value::Missing,
                (_, None) => return Err(Error::invalid(text, "a value is missing")),
                (GroupField::Tags, Some("")) => Value::Tags(BTreeSet::new()),
                (GroupField::Tags, Some(tags)) => {
                    let tags: BTreeSet<_> =
                        tags.split('+').map(unescape).collect::<Result<_, _>>()?;
                    if tags.contains("") {
                        return Err(Error::invalid(text, "a tag is empty"));
                    }
                    Value::Tags(tags)
                }
                (_, Some(value)) => Value::Text(unescape(value)?),
            };
            if key.insert(field, value).is_some() {
                return Err(Error::invalid(text, "a name is there twice"));
            }
        }
        Ok(Self(key))
    }
}

/// As text: everything is one group. No label prints so, because `*` is escaped in names.
const EVERYTHING: &str = "*";
const SERIES: &str = "series";
const TAGS: &str = "tags";
const LABEL: &str = "label:";
