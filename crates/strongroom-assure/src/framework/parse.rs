//! From text to a framework, with the place of everything that is wrong.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Serialize;
use strongroom_policy::{Period, Share};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Check, Framework, Item, Need};
use crate::control::{Controls, Parameter, ParameterKind, ParameterValue, Parameters};

/// The largest text of a framework. The largest of ours has 30 KiB.
pub const MAX_FRAMEWORK_BYTES: usize = 1 << 20;
/// The most problems that are reported at once.
const PROBLEMS_MAX: usize = 100;

/// A place in a text. Both numbers start at 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
}

/// Something that is wrong with a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// Where.
    pub at: Position,
    /// What.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.what)
    }
}

/// All that is wrong with a framework, in the order of its text.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameworkError(Box<[Problem]>);

impl FrameworkError {
    /// Returns what is wrong; at least one problem.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for FrameworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = self.0.len().saturating_sub(1);
        match self.0.first() {
            Some(first) if more > 0 => write!(f, "{first} (and {more} more)"),
            Some(first) => first.fmt(f),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FrameworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(ToString::to_string))
            .finish()
    }
}

impl std::error::Error for FrameworkError {}

pub(super) fn parse(text: &str, controls: &Controls) -> Result<Framework, FrameworkError> {
    let mut reader = Reader {
        text,
        controls,
        problems: Vec::new(),
    };
    if text.len() > MAX_FRAMEWORK_BYTES {
        reader.wrong(&(0..0), "the text is larger than 1 MiB");
        return Err(reader.error());
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let what = error
            .message()
            .lines()
            .next()
            .unwrap_or("no TOML")
            .to_owned();
        reader.wrong(&error.span().unwrap_or(0..0), what);
    }
    if !errors.is_empty() {
        return Err(reader.error());
    }
    let framework = reader.framework(&table);
    match framework {
        Some(framework) if reader.problems.is_empty() => Ok(framework),
        _ => Err(reader.error()),
    }
}

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'t> {
    text: &'t str,
    controls: &'t Controls,
    problems: Vec<(Range<usize>, String)>,
}

impl Reader<'_> {
    fn framework(&mut self, root: &Spanned<DeTable<'_>>) -> Option<Framework> {
        let at = root.span();
        let table = root.get_ref();
        self.only(
            table,
            &[
                "format", "id", "title", "version", "revision", "note", "item",
            ],
        );
        if let Some(format) = self.number(table, &at, "format")
            && format != 1
        {
            self.wrong(&at, format!("format {format} is not known, only 1"));
        }
        let id = self.text(table, &at, "id");
        let title = self.text(table, &at, "title");
        let version = self.text(table, &at, "version");
        let revision = self.number(table, &at, "revision");
        let note = self.text(table, &at, "note");
        let items = self.items(table, &at);
        Some(Framework {
            id: id?,
            title: title?,
            version: version?,
            revision: revision?,
            note: note?,
            items,
        })
    }

    fn items(&mut self, table: &DeTable<'_>, at: &Range<usize>) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let Some(list) = table.get("item") else {
            self.wrong(at, "there is no [[item]]");
            return items;
        };
        let DeValue::Array(list) = list.get_ref() else {
            self.wrong(&list.span(), "item is a list: write [[item]]");
            return items;
        };
        for value in list.iter() {
            let DeValue::Table(table) = value.get_ref() else {
                self.wrong(&value.span(), "an item is a table");
                continue;
            };
            let Some(item) = self.item(table, &value.span()) else {
                continue;
            };
            if items.iter().any(|one| one.id == item.id) {
                self.wrong(
                    &value.span(),
                    format!("the item {:?} is there twice", item.id),
                );
            }
            if item.checks.is_empty() && item.people.is_empty() {
                self.wrong(
                    &value.span(),
                    format!("nothing checks the item {:?}", item.id),
                );
            }
            items.push(item);
        }
        items
    }

    fn item(&mut self, table: &DeTable<'_>, at: &Range<usize>) -> Option<Item> {
        self.only(table, &["id", "title", "checks", "people", "note"]);
        let id = self.text(table, at, "id");
        let title = self.text(table, at, "title");
        let note = table.get("note").and_then(|_| self.text(table, at, "note"));
        let mut checks = Vec::new();
        for value in self.list(table, "checks") {
            checks.extend(self.check(value));
        }
        let mut people = Vec::new();
        for value in self.list(table, "people") {
            people.extend(self.need(value));
        }
        Some(Item {
            id: id?,
            title: title?,
            checks,
            people,
            note,
        })
    }

    /// Reads `"C-08"` or `{ control = "C-09", every = "3mo" }`.
    fn check(&mut self, value: &Value<'_>) -> Option<Check> {
        let span = value.span();
        let (control, parameters) = match value.get_ref() {
            DeValue::String(id) => (id.to_string(), None),
            DeValue::Table(table) => (self.text(table, &span, "control")?, Some(table)),
            _ => {
                self.wrong(
                    &span,
                    "expected a control such as \"C-08\" or { control = \"C-09\", … }",
                );
                return None;
            }
        };
        let Some(known) = self.controls.get(&control) else {
            self.wrong(&span, format!("there is no control {control:?}"));
            return None;
        };
        let takes = known.spec().parameters;
        let mut given = Parameters::new();
        for (name, value) in parameters.into_iter().flat_map(|table| table.iter()) {
            let name: &str = name.get_ref();
            if name == "control" {
                continue;
            }
            let Some(parameter) = takes.iter().find(|one| one.name == name) else {
                let names: Vec<&str> = takes.iter().map(|one| one.name).collect();
                let known = if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                };
                self.wrong(
                    &value.span(),
                    format!("{control} has no parameter {name:?}; it has {known}"),
                );
                continue;
            };
            if let Some(value) = self.parameter(parameter, value) {
                given = given.with(name, value);
            }
        }
        Some(Check {
            control,
            parameters: given,
        })
    }

    fn parameter(&mut self, parameter: &Parameter, value: &Value<'_>) -> Option<ParameterValue> {
        let read = match (parameter.kind, value.get_ref()) {
            (ParameterKind::Period, DeValue::String(text)) => text
                .parse::<Period>()
                .ok()
                .filter(|period| !period.is_zero())
                .map(ParameterValue::Period),
            (ParameterKind::Share, DeValue::String(text)) => {
                text.parse::<Share>().ok().map(ParameterValue::Share)
            }
            (ParameterKind::Count, DeValue::Integer(number)) => {
                number.as_str().parse().ok().map(ParameterValue::Count)
            }
            (ParameterKind::Words, DeValue::Array(list)) => {
                let words = list.iter().map(|word| match word.get_ref() {
                    DeValue::String(word) if !word.trim().is_empty() => Some(word.to_string()),
                    _ => None,
                });
                words
                    .collect::<Option<BTreeSet<_>>>()
                    .map(ParameterValue::Words)
            }
            _ => None,
        };
        if read.is_none() {
            let expected = parameter.kind.expected();
            self.wrong(
                &value.span(),
                format!("{}: expected {expected}", parameter.name),
            );
        }
        read
    }

    /// Reads `"audit"` or `{ kind = "audit", every = "3mo" }`.
    fn need(&mut self, value: &Value<'_>) -> Option<Need> {
        let span = value.span();
        let (kind, every) = match value.get_ref() {
            DeValue::String(kind) if !kind.trim().is_empty() => (kind.to_string(), None),
            DeValue::Table(table) => {
                self.only(table, &["kind", "every"]);
                let every = table.get("every").and_then(|every| {
                    let parameter = Parameter::new("every", ParameterKind::Period, "");
                    self.parameter(&parameter, every)
                });
                let every = every.and_then(|every| match every {
                    ParameterValue::Period(every) => Some(every),
                    _ => None,
                });
                (self.text(table, &span, "kind")?, every)
            }
            _ => {
                self.wrong(&span, "expected a kind of obligation such as \"audit\"");
                return None;
            }
        };
        Some(Need { kind, every })
    }

    fn list<'v, 't>(&mut self, table: &'v DeTable<'t>, name: &str) -> Vec<&'v Value<'t>> {
        match table.get(name).map(|value| (value, value.get_ref())) {
            None => Vec::new(),
            Some((_, DeValue::Array(list))) => list.iter().collect(),
            Some((value, _)) => {
                self.wrong(&value.span(), format!("{name} is a list"));
                Vec::new()
            }
        }
    }

    fn only(&mut self, table: &DeTable<'_>, names: &[&str]) {
        for (name, _) in table.iter() {
            let text: &str = name.get_ref();
            if !names.contains(&text) {
                let what = format!("there is no field {text:?}; there are {}", names.join(", "));
                self.wrong(&name.span(), what);
            }
        }
    }

    fn text(&mut self, table: &DeTable<'_>, at: &Range<usize>, name: &str) -> Option<String> {
        match table.get(name).map(|value| (value.span(), value.get_ref())) {
            Some((_, DeValue::String(text))) if !text.trim().is_empty() => Some(text.to_string()),
            Some((span, _)) => {
                self.wrong(&span, format!("{name} is a text"));
                None
            }
            None => {
                self.wrong(at, format!("{name} is missing"));
                None
            }
        }
    }

    fn number(&mut self, table: &DeTable<'_>, at: &Range<usize>, name: &str) -> Option<u64> {
        let Some(value) = table.get(name) else {
            self.wrong(at, format!("{name} is missing"));
            return None;
        };
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(&value.span(), format!("{name} is a whole number"));
        }
        number
    }

    fn wrong(&mut self, at: &Range<usize>, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push((at.clone(), what.into()));
        }
    }

    fn error(mut self) -> FrameworkError {
        self.problems.sort_by_key(|(at, _)| at.start);
        let problems = self.problems.iter().map(|(at, what)| Problem {
            at: position(self.text, at.start),
            what: what.clone(),
        });
        FrameworkError(problems.collect())
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Position {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let error = Framework::parse(text, &Controls::standard()).unwrap_err();
        error.problems().iter().map(ToString::to_string).collect()
    }

    const HEAD: &str =
        "format = 1\nid = \"x\"\ntitle = \"X\"\nversion = \"1\"\nrevision = 1\nnote = \"n\"\n";

    #[test]
    fn a_framework_is_read_with_its_parameters() {
        let text = format!(
            "{HEAD}[[item]]\nid = \"1\"\ntitle = \"t\"\n\
             checks = [\"C-08\", {{ control = \"C-09\", every = \"3mo\" }}]\n\
             people = [\"audit\", {{ kind = \"review\", every = \"1y\" }}]\n"
        );
        let framework = Framework::parse(&text, &Controls::standard()).unwrap();
        let item = framework.item("1").unwrap();
        assert_eq!(item.checks.len(), 2);
        assert_eq!(
            item.checks[1].parameters.period("every"),
            Some(Period::months(3))
        );
        assert_eq!(item.people[1].every, Some(Period::months(12)));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let text = format!(
            "{HEAD}color = 1\n[[item]]\nid = \"1\"\ntitle = \"t\"\n\
             checks = [\"C-99\", {{ control = \"C-09\", evry = \"3mo\" }}, {{ control = \"C-09\", every = 3 }}]\n\
             [[item]]\nid = \"1\"\ntitle = \"\"\n"
        );
        let found = problems(&text);
        assert!(
            found[0].starts_with("7:1: there is no field \"color\""),
            "{found:#?}"
        );
        assert_eq!(found[1], "11:11: there is no control \"C-99\"");
        assert!(
            found[2].contains("C-09 has no parameter \"evry\"; it has every"),
            "{found:#?}"
        );
        assert!(
            found[3].contains("every: expected a length of time"),
            "{found:#?}"
        );
        assert!(found[4].ends_with("title is a text"), "{found:#?}");
    }

    #[test]
    fn what_is_no_toml_twice_there_or_checked_by_nothing_is_refused() {
        assert_eq!(problems("a = ").len(), 1);
        assert_eq!(problems("").len(), 7, "everything is missing");
        assert!(problems(&format!("{HEAD}item = 1\n"))[0].contains("[[item]]"));
        let twice = format!(
            "{HEAD}[[item]]\nid = \"1\"\ntitle = \"t\"\npeople = [\"audit\"]\n\
             [[item]]\nid = \"1\"\ntitle = \"t\"\n"
        );
        let found = problems(&twice);
        assert!(found.iter().any(|one| one.contains("twice")), "{found:?}");
        assert!(
            found.iter().any(|one| one.contains("nothing checks")),
            "{found:?}"
        );
        let large = "#".repeat(MAX_FRAMEWORK_BYTES + 1);
        assert_eq!(problems(&large), ["1:1: the text is larger than 1 MiB"]);
        let other = HEAD.replace("format = 1", "format = 2");
        assert!(problems(&other)[0].contains("format 2 is not known"));
    }
}
