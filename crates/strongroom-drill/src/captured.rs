//! What was known of the data when it was backed up, to be compared with what is restored.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use strongroom::Id;
use strongroom_format::Event;
use strongroom_format::record::{Attested, Fact};

use crate::sql::{Sql, SqlError};
use crate::stop::Stop;

/// Values that were captured at backup: answers of a database, checksums of files, versions of programs. Each says what it is of.
///
/// As text, each is a line of kind, subject and value, apart by tabs; a tab, a line end and a backslash within them are written `\t`,
/// `\n` and `\\`. Lines that are empty or begin with `#` do not count.
///
/// ```
/// use strongroom_drill::captured::{Captured, Kind};
///
/// let captured = Captured::parse("sql\tselect count(*) from orders\t300000\n")?;
/// assert_eq!(captured.value(Kind::Sql, "select count(*) from orders"), Some("300000"));
/// assert_eq!(Captured::parse(&captured.to_string())?, captured);
/// # Ok::<(), strongroom_drill::captured::CapturedError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    values: BTreeMap<(Kind, String), String>,
}

/// What a captured value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The answer of a database to a query, as [`Sql::query`] returns it.
    Sql,
    /// The SHA-256 of a file, in hexadecimal; the subject is its path in the snapshot.
    Sha256,
    /// The BLAKE3 of a file, likewise.
    Blake3,
    /// The version of a program or a data format, by a name of your own.
    Version,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Sql, Self::Sha256, Self::Blake3, Self::Version];

    /// Returns the word in texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
            Self::Version => "version",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A text is no list of captured values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapturedError {
    /// The line, from 1; 0 for the text as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for CapturedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "captured values, line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for CapturedError {}

impl Captured {
    /// Returns none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, in place of one of the same kind and subject.
    #[must_use]
    pub fn with(
        mut self,
        kind: Kind,
        subject: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.values.insert((kind, subject.into()), value.into());
        self
    }

    /// Asks a database each of these queries, at backup: of the same moment as the dump, or of data that nobody changes meanwhile. Ask for
    /// what the same rows give in any order: sums of floating-point numbers are none of that.
    ///
    /// # Errors
    ///
    /// What the database said of the first that it does not answer.
    pub fn ask<'a>(
        sql: &dyn Sql,
        queries: impl IntoIterator<Item = &'a str>,
        stop: &Stop,
    ) -> Result<Self, SqlError> {
        queries
            .into_iter()
            .try_fold(Self::new(), |captured, query| {
                let answer = sql.query(query, stop)?;
                Ok(captured.with(Kind::Sql, query, answer))
            })
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The first line that is none, or a text that is too long.
    pub fn parse(text: &str) -> Result<Self, CapturedError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(CapturedError {
                line: 0,
                what: "the text is too long",
            });
        }
        let mut captured = Self::new();
        for (line, number) in text.lines().zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |what| CapturedError { line: number, what };
            let mut fields = line.split('\t');
            let (Some(kind), Some(subject), Some(value), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(bad("it has not three fields apart by tabs"));
            };
            let kind = Kind::of(kind).ok_or(bad("its kind is not known"))?;
            let (subject, value) = (unescape(subject), unescape(value));
            let (Some(subject), Some(value)) = (subject, value) else {
                return Err(bad(
                    "a backslash is followed by something else than t, n or a backslash",
                ));
            };
            if captured.values.insert((kind, subject), value).is_some() {
                return Err(bad("the same is captured twice"));
            }
        }
        Ok(captured)
    }

    /// Reads what `sha256sum` or `b3sum` write: lines of a checksum, two spaces or a space and an asterisk, and a path, of which a
    /// leading `./` does not count.
    ///
    /// # Errors
    ///
    /// The first line that is none, or a text that is too long.
    pub fn parse_checksums(kind: Kind, text: &str) -> Result<Self, CapturedError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(CapturedError {
                line: 0,
                what: "the text is too long",
            });
        }
        let mut captured = Self::new();
        for (line, number) in text.lines().zip(1..) {
            if line.is_empty() {
                continue;
            }
            let bad = |what| CapturedError { line: number, what };
            // A backslash before the checksum says that the name is escaped.
            let (is_escaped, line) = match line.strip_prefix('\\') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let (sum, path) = line.split_once(' ').ok_or(bad("it has no name"))?;
            let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_sum {
                return Err(bad("it does not begin with a checksum of 64 digits"));
            }
            let path = path.strip_prefix([' ', '*']).ok_or(bad("it has no name"))?;
            let path = match is_escaped {
                true => unescape(path).ok_or(bad("its name is not escaped right"))?,
                false => path.to_owned(),
            };
            let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
            captured
                .values
                .insert((kind, path), sum.to_ascii_lowercase());
        }
        Ok(captured)
    }

    /// Reads it back from an event of the journal, if that has what was captured of this snapshot, and this handle's keys open it.
    #[must_use]
    pub fn of_event(event: &Event, snapshot: &Id) -> Option<Self> {
        let Fact::Attested(attested) = &event.record.as_ref()?.fact else {
            return None;
        };
        let is_it = attested.what == ATTESTED
            && attested.values.get(SNAPSHOT) == Some(&snapshot.to_string());
        let text = std::str::from_utf8(event.sealed.as_ref()?).ok()?;
        // What a later version wrote is nothing that this one could compare.
        is_it.then(|| Self::parse(text).ok()).flatten()
    }

    /// Returns what to record right after the backup: the fact, and the text as its sensitive part, since sums and counts may be. What is
    /// recorded of a snapshot later does not count, so that no later hand adapts it to what is restored.
    #[must_use]
    pub fn to_attested(&self, snapshot: &Id) -> (Attested, String) {
        let values = [
            (SNAPSHOT.to_owned(), snapshot.to_string()),
            ("values".to_owned(), self.values.len().to_string()),
        ];
        let attested = Attested {
            what: ATTESTED.to_owned(),
            holds: true,
            values: values.into_iter().collect(),
            ..Attested::default()
        };
        (attested, self.to_string())
    }

    /// Returns a value.
    #[must_use]
    pub fn value(&self, kind: Kind, subject: &str) -> Option<&str> {
        let value = self.values.get(&(kind, subject.to_owned()));
        value.map(String::as_str)
    }

    /// Returns subjects and values of a kind, sorted.
    pub fn iter(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        let of_kind = self.values.iter().filter(move |((one, _), _)| *one == kind);
        of_kind.map(|((_, subject), value)| (subject.as_str(), value.as_str()))
    }

    /// Says whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds what another has, in place of what is the same.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        self
    }
}

/// Writes the text.
impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((kind, subject), value) in &self.values {
            write!(f, "{}\t", kind.as_str())?;
            escape(f, subject)?;
            f.write_char('\t')?;
            escape(f, value)?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        match character {
            '\t' => f.write_str("\\t")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\\' => f.write_str("\\\\")?,
            other => f.write_char(other)?,
        }
    }
    Ok(())
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// What such evidence attests.
pub const ATTESTED: &str = "captured";
/// The name under which it has the snapshot's id.
const SNAPSHOT: &str = "snapshot";
/// A line for each of a million files.
const MAX_TEXT_BYTES: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_line_is_named() {
        let line = |text: &str| Captured::parse(text).unwrap_err().line;
        assert_eq!(line("# words\n\nsql\tselect 1\n"), 3);
        assert_eq!(line("sum\ta\tb"), 1);
        assert_eq!(line("sql\ta\t\\x"), 1);
        assert_eq!(line("sql\ta\t1\nsql\ta\t2"), 2);
        assert_eq!(line("sql\ta\t1\t2"), 1);
    }

    #[test]
    fn checksums_are_read_as_their_programs_write_them() {
        let sum = "A".repeat(64);
        let text = format!("{sum}  ./a b\n{sum} *c\n\\{sum}  d\\ne\n");
        let captured = Captured::parse_checksums(Kind::Sha256, &text).unwrap();
        let paths: Vec<_> = captured.iter(Kind::Sha256).map(|(path, _)| path).collect();
        assert_eq!(paths, ["a b", "c", "d\ne"]);
        assert_eq!(
            captured.value(Kind::Sha256, "c"),
            Some("a".repeat(64).as_str())
        );
        for bad in ["abc  d", &sum, &format!("{sum} d")] {
            assert!(
                Captured::parse_checksums(Kind::Sha256, bad).is_err(),
                "{bad}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_values_are_read_as_they_were_written(subject in "\\PC*[\\t\\n\\r]?\\PC*", value in "[a-z\\\\\\t\\n\\r]*") {
            let captured = Captured::new().with(Kind::Sql, subject.as_str(), value);
            prop_assert_eq!(Captured::parse(&captured.to_string()).unwrap(), captured);
        }
    }
}
