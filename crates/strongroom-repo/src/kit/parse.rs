//! Reads a recovery kit that somebody typed.

use std::fmt;

use strongroom_crypt::{GenesisPin, RecoveryCode, RepositoryId, Suite};
use strongroom_format::{ObjectHash, Time};
use zeroize::Zeroizing;

use super::{CHECK_LEN, RecoveryKit, date};

/// Which line of a recovery kit cannot be read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KitError {
    /// The word that the line begins with.
    pub line: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for KitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the line `{}` {}", self.line, self.problem)
    }
}

impl std::error::Error for KitError {}

pub(super) const LOCATION: &str = "Location";
pub(super) const REPOSITORY: &str = "Repository";
pub(super) const SUITE: &str = "Suite";
pub(super) const PIN: &str = "Pin";
pub(super) const CODE: &str = "Recovery code";
pub(super) const WRITTEN: &str = "Written";
const LABELS: [&str; 6] = [LOCATION, REPOSITORY, SUITE, PIN, CODE, WRITTEN];

/// A kit is one page; more is something else.
const MAX_BYTES: usize = 1 << 20;

pub(super) fn parse(text: &str) -> Result<RecoveryKit, KitError> {
    if text.len() > MAX_BYTES {
        return Err(bad(LOCATION, "is not looked for in a file of this size"));
    }
    let fields = fields(text);
    let field = |label| {
        let found = fields.iter().find(|(of, _)| *of == label);
        found.map(|(_, value)| value.trim())
    };
    let required = |label| field(label).ok_or(bad(label, "is missing"));
    let location = required(LOCATION)?;
    if location.is_empty() {
        return Err(bad(LOCATION, "is empty"));
    }
    let suite = required(SUITE)?.chars().find_map(digit);
    let suite = suite.and_then(|digit| Suite::from_id(u16::from(digit)));
    let kit = RecoveryKit::new(
        location,
        RepositoryId::from_bytes(hex(REPOSITORY, required(REPOSITORY)?)?),
        suite.ok_or(bad(SUITE, "names no algorithms that this version knows"))?,
        GenesisPin::from_bytes(hex(PIN, required(PIN)?)?),
        field(WRITTEN)
            .and_then(date::parse)
            .unwrap_or(Time::new(0, 0)),
    );
    let code = field(CODE).filter(|_| kit.suite != Suite::None);
    match code.filter(|code| !is_blank(code)) {
        None => Ok(kit),
        Some(code) => match RecoveryCode::parse(code) {
            Ok(code) => Ok(kit.with_code(code)),
            Err(_) => Err(bad(
                CODE,
                "is mistyped: it has eight groups of seven characters",
            )),
        },
    }
}

const fn bad(line: &'static str, problem: &'static str) -> KitError {
    KitError { line, problem }
}

/// Divides a page into its lines. One that begins with no label goes on with the one before it, up to an empty one.
fn fields(text: &str) -> Vec<(&'static str, Zeroizing<String>)> {
    let mut fields: Vec<(&'static str, Zeroizing<String>)> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let begun = LABELS
            .iter()
            .find_map(|label| Some((*label, value(line, label)?)));
        match begun {
            // The first of each counts, so that what people write below the page does not.
            Some((label, _)) if fields.iter().any(|(of, _)| *of == label) => goes_on = false,
            Some((label, value)) => {
                fields.push((label, Zeroizing::new(value.to_owned())));
                goes_on = label != LOCATION;
            }
            None if line.trim().is_empty() => goes_on = false,
            None => {
                if let Some((_, value)) = fields.last_mut().filter(|_| goes_on) {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
        }
    }
    fields
}

/// Returns what stands behind a label.
fn value<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let (before, behind) = line.split_once(':')?;
    let mut words = before.split_whitespace();
    let is_it = label.split_whitespace().all(|word| {
        words
            .next()
            .is_some_and(|one| one.eq_ignore_ascii_case(word))
    });
    (is_it && words.next().is_none()).then(|| behind.trim())
}

fn is_blank(code: &str) -> bool {
    code.chars().all(|one| matches!(one, '_' | '-' | ' ' | '.'))
}

/// Reads digits and, behind a stroke, those that tell whether they were typed right.
fn hex<const N: usize>(line: &'static str, text: &str) -> Result<[u8; N], KitError> {
    let (text, check) = match text.split_once('/') {
        Some((text, check)) => (text, Some(check)),
        None => (text, None),
    };
    let bytes: [u8; N] = digits(text).ok_or(bad(
        line,
        "has too few digits, too many, or other characters",
    ))?;
    if let Some(check) = check {
        let check: [u8; CHECK_LEN] =
            digits(check).ok_or(bad(line, "ends with a check that is mistyped"))?;
        let expected = ObjectHash::of(&bytes);
        if !expected.as_bytes().starts_with(&check) {
            return Err(bad(line, "is mistyped: its check does not fit"));
        }
    }
    Ok(bytes)
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut digits = text
        .chars()
        .filter(|one| !one.is_whitespace() && *one != '-')
        .map(digit);
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}

fn digit(character: char) -> Option<u8> {
    let digit = match character {
        'o' | 'O' => 0,
        'i' | 'I' | 'l' | 'L' => 1,
        other => other.to_digit(16)?,
    };
    u8::try_from(digit).ok()
}
