//! From text to a policy, with the place of everything that is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use crate::duty::{Exemption, Obligation, Requirement};
use crate::error::{Error, clip};
use crate::key::Key;
use crate::part::{Part, PartSpec};
use crate::people::{Contact, Escalation};
use crate::policy::{Class, Layer, Policy};
use crate::raw::{Fault, Raw};
use crate::repository::Repository;
use crate::resource::Resource;
use crate::text::{nearest, serde_as_text};
use crate::value::Value;

mod reader;

use reader::Reader;

/// A policy as a text, with the places where its parts stand.
///
/// ```
/// use strongroom_policy::Document;
///
/// let wrong = Document::parse(r#"
/// format = 1
/// name = "home"
/// revision = 1
/// timezone = "Europe/Berln"
///
/// [defaults]
/// objectives = { rpo = 24 }
/// "#).unwrap_err();
/// let lines: Vec<String> = wrong.problems().iter().map(ToString::to_string).collect();
/// assert_eq!(lines, [
///     "5:12: \"Europe/Berln\" is no time zone (did you mean Europe/Berlin?)",
///     "8:22: expected a length of time such as \"24h\", found a number \
///      (24 of what? write \"24h\", \"24min\" or \"24d\")",
/// ]);
/// ```
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
    policy: Policy,
    places: BTreeMap<String, Position>,
    hash: DocumentHash,
}

/// A place in a text. Both numbers start at 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Document {
    /// Parses a document as a whole, or not at all.
    ///
    /// # Errors
    ///
    /// All that is wrong, each with its place: what is no TOML, unknown fields, values of the wrong
    /// kind or without a unit, names that are defined twice or not at all, and more than
    /// [`MAX_DOCUMENT_BYTES`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let lines = Lines::of(text);
        if text.len() > MAX_DOCUMENT_BYTES {
            let fault = Fault::new(&(0..0), "the document is larger than 4 MiB");
            return Err(ParseError::new(&lines, vec![fault]));
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let fault = |error: &toml::de::Error| {
                let at = error.span().unwrap_or(0..0);
                Fault::new(&at, one_line(error.message()))
            };
            return Err(ParseError::new(&lines, errors.iter().map(fault).collect()));
        }
        let root = Raw::of_table(table.span(), table.get_ref());
        let mut reader = Reader::new(&lines);
        let policy = reader.policy(&root);
        for (path, named, name) in policy.dangling() {
            let at = reader.offset(&path);
            let what = named.as_str();
            let fault = Fault::new(&(at..at), format!("there is no {what} {name:?}"));
            let known = policy.defined(named);
            reader
                .faults
                .push(match nearest(&name, known.iter().copied()) {
                    Some(meant) => fault.with_hint(format!("did you mean {meant}?")),
                    None => fault.with_hint(format!("define [{what}.{name}]")),
                });
        }
        if !reader.faults.is_empty() {
            let faults = std::mem::take(&mut reader.faults);
            return Err(ParseError::new(&lines, faults));
        }
        let places = reader.offsets.into_iter();
        Ok(Self {
            text: text.to_owned(),
            policy,
            places: places
                .map(|(path, at)| (path, lines.position(at)))
                .collect(),
            hash: DocumentHash::of(text.as_bytes()),
        })
    }

    /// Returns the policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what names this very text: signatures and journal entries refer to it.
    #[must_use]
    pub fn hash(&self) -> DocumentHash {
        self.hash
    }

    /// Returns where something stands, such as `rule.gold.objectives.rpo`, or else the nearest
    /// table around it.
    #[must_use]
    pub fn position(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(position) = self.places.get(path) {
                return Some(*position);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// The media type of documents, for the journal of a repository that keeps them.
pub const MEDIA_TYPE: &str = "application/vnd.strongroom.policy+toml";

/// The largest document: a policy is read by people.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// The BLAKE3 hash of a document's bytes; its text is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentHash([u8; 32]);

impl DocumentHash {
    /// Returns that of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Returns the one with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentHash({self})")
    }
}

impl FromStr for DocumentHash {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let hash = blake3::Hash::from_hex(text);
        let hash = hash.map_err(|_| Error::invalid(text, "is no hash of 64 hexadecimal digits"))?;
        Ok(Self(*hash.as_bytes()))
    }
}

serde_as_text!(DocumentHash);

/// All that is wrong with a document, in the order of its lines; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    problems: Vec<Problem>,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// Where.
    pub position: Position,
    /// What.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl ParseError {
    fn new(lines: &Lines<'_>, faults: Vec<Fault>) -> Self {
        let problem = |fault: Fault| Problem {
            position: lines.position(fault.at.start),
            message: fault.what,
            hint: fault.hint,
        };
        let mut problems: Vec<Problem> = faults.into_iter().map(problem).collect();
        problems.sort_by_key(|problem| problem.position);
        problems.dedup();
        Self { problems }
    }

    /// Returns them.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The first problem, and how many there are.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.problems.first() {
            first.fmt(f)?;
        }
        match self.problems.len() {
            0 | 1 => Ok(()),
            count => write!(f, " and {} more", count - 1),
        }
    }
}

impl std::error::Error for ParseError {}

fn one_line(text: &str) -> String {
    clip(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Where the lines of a text begin.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            text,
            starts: starts.collect(),
        }
    }

    fn position(&self, at: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or_default();
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }
}

/// The tables of named tables, and what is in each.
pub(crate) const COLLECTIONS: &[(&str, &PartSpec)] = &[
    ("criticality", Layer::SPEC),
    ("class", Class::SPEC),
    ("repository", Repository::SPEC),
    ("contact", Contact::SPEC),
    ("escalation", Escalation::SPEC),
    ("requirement", Requirement::SPEC),
    ("exemption", Exemption::SPEC),
    ("obligation", Obligation::SPEC),
    ("resource", Resource::SPEC),
];

/// Says whether a text can name something.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "._-:/@".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(fits)
}

/// Returns the default of a setting, which stands in its table as in a document.
pub(crate) fn default_value(key: Key) -> Option<Value> {
    let spec = key.spec();
    let value = DeValue::parse(spec.default?).ok()?;
    let raw = Raw::of_toml(value.span(), value.get_ref());
    spec.kind.read(&raw, &mut Vec::new())
}

#[cfg(test)]
mod tests;
