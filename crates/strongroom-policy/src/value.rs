//! What a setting can be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use strongroom_retain::KeepRules;

use crate::bytes::ByteCount;
use crate::error::{Error, ErrorKind};
use crate::level::{Level, not_among};
use crate::period::Period;
use crate::raw::{Fault, Node, Raw};
use crate::share::Share;
use crate::text::listed;
use crate::when::When;
use crate::window::Window;
use crate::zone::Zone;

/// What a setting can be. Which of them a [`Key`](crate::Key) takes is part of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A length of time.
    Period(Period),
    /// A number of things.
    Count(u64),
    /// Whether something is so.
    Flag(bool),
    /// A part of a whole.
    Share(Share),
    /// An amount of data, or of data a second.
    Bytes(ByteCount),
    /// A word or a line.
    Text(String),
    /// Words whose order does not matter.
    Set(BTreeSet<String>),
    /// Lines whose order matters.
    List(Vec<String>),
    /// When something is due.
    When(When),
    /// A time zone.
    Zone(Zone),
    /// Hours of the day.
    Windows(Vec<Window>),
    /// Which snapshots stay.
    Keep(KeepRules),
    /// How old each level of verification may be.
    Ages(BTreeMap<Level, Period>),
}

macro_rules! from {
    ($($variant:ident($type:ty)),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}

from! {
    Period(Period), Count(u64), Flag(bool), Share(Share), Bytes(ByteCount), Text(String),
    Set(BTreeSet<String>), List(Vec<String>), When(When), Zone(Zone), Windows(Vec<Window>),
    Keep(KeepRules), Ages(BTreeMap<Level, Period>),
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// As people read it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |words: Vec<String>| match words.is_empty() {
            true => "nothing".to_owned(),
            false => words.join(", "),
        };
        match self {
            Self::Period(value) => value.fmt(f),
            Self::Count(value) => value.fmt(f),
            Self::Flag(value) => f.write_str(if *value { "yes" } else { "no" }),
            Self::Share(value) => value.fmt(f),
            Self::Bytes(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
            Self::Set(words) => f.write_str(&join(words.iter().cloned().collect())),
            Self::List(lines) => f.write_str(&join(lines.clone())),
            Self::When(value) => value.fmt(f),
            Self::Zone(value) => value.fmt(f),
            Self::Windows(windows) => {
                f.write_str(&join(windows.iter().map(ToString::to_string).collect()))
            }
            Self::Keep(rules) => rules.fmt(f),
            Self::Ages(ages) => {
                let parts = ages
                    .iter()
                    .map(|(level, age)| format!("{level} within {age}"));
                f.write_str(&join(parts.collect()))
            }
        }
    }
}

/// As it stands in a document.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(value) => serializer.serialize_u64(*value),
            Self::Flag(value) => serializer.serialize_bool(*value),
            Self::Set(words) => words.serialize(serializer),
            Self::List(lines) => lines.serialize(serializer),
            Self::Windows(windows) => windows.serialize(serializer),
            Self::Ages(ages) => ages.serialize(serializer),
            Self::Period(_)
            | Self::Share(_)
            | Self::Bytes(_)
            | Self::Text(_)
            | Self::When(_)
            | Self::Zone(_)
            | Self::Keep(_) => serializer.collect_str(self),
        }
    }
}

/// What a setting or field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Period,
    Count,
    Flag,
    Share,
    Bytes,
    Text,
    /// One of these words, from the weakest to the strongest.
    Choice(&'static [&'static str]),
    /// Some of these words.
    Choices(&'static [&'static str]),
    /// Some words.
    Words,
    /// Some lines, in order.
    Lines,
    /// The name of something that the document defines.
    Name(Named),
    /// Some such names.
    Names(Named),
    When,
    Zone,
    Windows,
    Keep,
    Ages,
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    Repository,
    Contact,
    Escalation,
    Class,
    Resource,
}

impl Named {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Contact => "contact",
            Self::Escalation => "escalation",
            Self::Class => "class",
            Self::Resource => "resource",
        }
    }
}

impl Kind {
    /// Returns what it takes, for people.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Period => "a length of time such as \"24h\"".into(),
            Self::Count => "a whole number".into(),
            Self::Flag => "true or false".into(),
            Self::Share => "a share such as \"98 %\"".into(),
            Self::Bytes => "an amount of data such as \"500 GiB\"".into(),
            Self::Text => "text".into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Choices(words) => format!("a list of some of {}", words.join(", ")),
            Self::Words | Self::Lines => "a list of text".into(),
            Self::Name(named) => format!("the name of a {}", named.as_str()),
            Self::Names(named) => format!("a list of names of a {}", named.as_str()),
            Self::When => "a time such as \"daily 02:30\" or \"every 6h\"".into(),
            Self::Zone => "a time zone such as \"Europe/Berlin\"".into(),
            Self::Windows => "a list of windows such as \"22:00-06:00\"".into(),
            Self::Keep => "rules such as \"daily=7 weekly=5 monthly=12\"".into(),
            Self::Ages => "a table such as { L2 = \"7d\", L4 = \"90d\" }".into(),
        }
    }

    /// Reads a value; what is wrong with it is added to the faults.
    pub(crate) fn read(self, raw: &Raw, faults: &mut Vec<Fault>) -> Option<Value> {
        match self {
            Self::Choices(words) => {
                let items = list(self, raw, faults)?;
                let all = items.into_iter().map(|(at, text)| {
                    one_of(&text, words)
                        .map_err(|error| faults.push(Fault::of(&at, &error)))
                        .ok()
                });
                all.collect::<Option<BTreeSet<_>>>().map(Value::Set)
            }
            Self::Words | Self::Names(_) => {
                let items = list(self, raw, faults)?;
                let mut words = BTreeSet::new();
                for (at, text) in items {
                    if !words.insert(text.clone()) {
                        faults.push(Fault::new(&at, format!("{text:?} is there twice")));
                    }
                }
                Some(Value::Set(words))
            }
            Self::Lines => {
                let items = list(self, raw, faults)?;
                Some(Value::List(
                    items.into_iter().map(|(_, text)| text).collect(),
                ))
            }
            Self::Windows => {
                let items = list(self, raw, faults)?;
                let windows = items
                    .into_iter()
                    .map(|(at, text)| parse(&at, &text, faults));
                windows.collect::<Option<Vec<_>>>().map(Value::Windows)
            }
            Self::Ages => ages(raw, faults),
            _ => self.read_one(raw, faults),
        }
    }

    fn read_one(self, raw: &Raw, faults: &mut Vec<Fault>) -> Option<Value> {
        let at = &raw.at;
        match (self, &raw.node) {
            (Self::Flag, Node::Flag(flag)) => Some(Value::Flag(*flag)),
            (Self::Count, Node::Number(number)) => match u64::try_from(*number) {
                Ok(count) => Some(Value::Count(count)),
                Err(_) => {
                    faults.push(Fault::new(at, format!("{number} is negative")));
                    None
                }
            },
            (Self::Period, Node::Text(text)) => parse(at, text, faults).map(Value::Period),
            (Self::Share, Node::Text(text)) => parse(at, text, faults).map(Value::Share),
            (Self::Bytes, Node::Text(text)) => parse(at, text, faults).map(Value::Bytes),
            (Self::When, Node::Text(text)) => parse(at, text, faults).map(Value::When),
            (Self::Zone, Node::Text(text)) => parse(at, text, faults).map(Value::Zone),
            (Self::Keep, Node::Text(text)) => match text.parse() {
                Ok(rules) => Some(Value::Keep(rules)),
                Err(error) => {
                    let error: strongroom_retain::Error = error;
                    let fault = Fault::new(at, error.to_string());
                    faults.push(fault.with_hint("write it as daily=7 weekly=5 monthly=12"));
                    None
                }
            },
            (Self::Text | Self::Name(_), Node::Text(text)) => match text.trim() {
                "" => {
                    faults.push(Fault::new(at, "an empty text"));
                    None
                }
                _ => Some(Value::Text(text.clone())),
            },
            (Self::Choice(words), Node::Text(text)) => one_of(text, words)
                .map(Value::Text)
                .map_err(|error| faults.push(Fault::of(at, &error)))
                .ok(),
            _ => {
                faults.push(self.mismatch(raw));
                None
            }
        }
    }

    /// Says that a value is of another type, and how it is written.
    fn mismatch(self, raw: &Raw) -> Fault {
        let fault = Fault::new(
            &raw.at,
            format!("expected {}, found {}", self.expected(), raw.what()),
        );
        let hint = match (self, &raw.node) {
            (Self::Period, Node::Number(n)) => {
                format!("{n} of what? write \"{n}h\", \"{n}min\" or \"{n}d\"")
            }
            (Self::Share, Node::Number(n)) => format!("write \"{n} %\""),
            (Self::Share, Node::Fraction) => "write it in percent: \"98 %\"".into(),
            (Self::Bytes, Node::Number(n)) => {
                format!("{n} of what? write \"{n} GiB\" or \"{n} MB\"")
            }
            (Self::Count, Node::Text(text)) if text.parse::<u64>().is_ok() => {
                format!("without quotation marks: {text}")
            }
            (Self::Flag, Node::Text(text)) if text == "true" || text == "false" => {
                format!("without quotation marks: {text}")
            }
            (
                Self::Choices(_) | Self::Words | Self::Lines | Self::Names(_) | Self::Windows,
                Node::Text(text),
            ) => {
                format!("write [{text:?}]")
            }
            _ => return fault,
        };
        fault.with_hint(hint)
    }

    /// Says whether a value that was not read but made is of this kind.
    pub(crate) fn check(self, value: &Value) -> Result<(), Error> {
        let wrong = || {
            let why = format!("expected {}, found {value}", self.expected());
            Error::new(ErrorKind::Invalid, why)
        };
        let fits = match (self, value) {
            (Self::Choice(words), Value::Text(text)) => return one_of(text, words).map(|_| ()),
            (Self::Choices(words), Value::Set(set)) => {
                set.iter().all(|word| words.contains(&word.as_str()))
            }
            (Self::Words | Self::Names(_), Value::Set(set)) => !set.contains(""),
            (Self::Text | Self::Name(_), Value::Text(text)) => !text.trim().is_empty(),
            (Self::Lines, Value::List(lines)) => lines.iter().all(|line| !line.is_empty()),
            (Self::Period, Value::Period(_))
            | (Self::Count, Value::Count(_))
            | (Self::Flag, Value::Flag(_))
            | (Self::Share, Value::Share(_))
            | (Self::Bytes, Value::Bytes(_))
            | (Self::When, Value::When(_))
            | (Self::Zone, Value::Zone(_))
            | (Self::Windows, Value::Windows(_))
            | (Self::Keep, Value::Keep(_)) => true,
            (Self::Ages, Value::Ages(ages)) => !ages.values().any(|age| age.is_zero()),
            _ => false,
        };
        if fits { Ok(()) } else { Err(wrong()) }
    }
}

fn one_of(text: &str, words: &[&str]) -> Result<String, Error> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let what = format!("none of {}", listed(&quoted, ", "));
    Err(not_among(text, &what, words))
}

fn parse<T: FromStr<Err = Error>>(
    at: &std::ops::Range<usize>,
    text: &str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    text.parse()
        .map_err(|error| faults.push(Fault::of(at, &error)))
        .ok()
}

type Items = Vec<(std::ops::Range<usize>, String)>;

/// Reads a list of text that is not empty.
fn list(kind: Kind, raw: &Raw, faults: &mut Vec<Fault>) -> Option<Items> {
    let Node::List(items) = &raw.node else {
        faults.push(kind.mismatch(raw));
        return None;
    };
    let item = |raw: &Raw| match &raw.node {
        Node::Text(text) if !text.trim().is_empty() => Some((raw.at.clone(), text.clone())),
        _ => {
            let what = format!("expected text, found {}", raw.what());
            faults.push(Fault::new(&raw.at, what));
            None
        }
    };
    items.iter().map(item).collect()
}

fn ages(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Value> {
    let Node::Table(entries) = &raw.node else {
        faults.push(Kind::Ages.mismatch(raw));
        return None;
    };
    let mut ages = BTreeMap::new();
    for entry in entries {
        let level = parse::<Level>(&entry.at, &entry.name, faults)?;
        let Some(Value::Period(age)) = Kind::Period.read(&entry.value, faults) else {
            return None;
        };
        if age.is_zero() {
            faults.push(Fault::new(&entry.value.at, "an age of nothing"));
            return None;
        }
        ages.insert(level, age);
    }
    Some(Value::Ages(ages))
}
