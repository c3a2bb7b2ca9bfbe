//! The text of a policy.

use std::collections::BTreeSet;

use super::{Group, NONE, Party, WitnessPolicy};
use crate::key::{KeyKind, VerifierKey};
use crate::{ParseErrorKind, number};

/// Bytes of a policy.
pub const MAX_POLICY_BYTES: usize = 1 << 18;

/// Logs, witnesses, groups, and members of a group: of each so many.
pub const MAX_POLICY_NAMES: usize = 256;

/// What is wrong with a policy, and in which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
#[non_exhaustive]
pub struct PolicyError {
    /// What a caller can do about it.
    pub kind: ParseErrorKind,
    /// What is wrong.
    pub what: &'static str,
    /// The line, from 1.
    pub line: usize,
}

/// What is read so far.
#[derive(Default)]
struct Reading {
    logs: Vec<Party>,
    witnesses: Vec<(String, Party)>,
    groups: Vec<Group>,
    quorum: Option<Option<String>>,
    /// Names that are members of a group.
    used: BTreeSet<String>,
}

/// What is wrong; the line is known outside.
type Wrong = (ParseErrorKind, &'static str);

pub(super) fn parse(bytes: &[u8]) -> Result<WitnessPolicy, PolicyError> {
    let at = |line: usize| move |(kind, what)| PolicyError { kind, what, line };
    if bytes.len() > MAX_POLICY_BYTES {
        return Err(at(1)((
            ParseErrorKind::TooLarge,
            "the policy is above 256 KiB",
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let read = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + read.iter().filter(|c| **c == b'\n').count();
        at(line)(invalid("names that are not UTF-8 are not read"))
    })?;
    let mut reading = Reading::default();
    let mut count = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        count = index + 1;
        let line = line.strip_suffix('\n');
        let line = line
            .ok_or(invalid("the last line does not end"))
            .map_err(at(count))?;
        if line.bytes().any(|c| (c < 0x20 && c != b'\t') || c == 0x7f) {
            return Err(at(count)(invalid("a control character")));
        }
        reading.line(line).map_err(at(count))?;
    }
    let quorum = reading.quorum.ok_or(invalid("there is no quorum"));
    Ok(WitnessPolicy {
        quorum: quorum.map_err(at(count.max(1)))?,
        logs: reading.logs,
        witnesses: reading.witnesses,
        groups: reading.groups,
    })
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        let items: Vec<&str> = line
            .split([' ', '\t'])
            .filter(|item| !item.is_empty())
            .collect();
        match items.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", rest @ ..] => self.log(rest),
            ["witness", name, rest @ ..] => self.witness(name, rest),
            ["group", name, threshold, members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(invalid("neither a log, a witness, a group nor a quorum")),
        }
    }

    fn log(&mut self, rest: &[&str]) -> Result<(), Wrong> {
        check_room(self.logs.len())?;
        let log = party(rest, KeyKind::Note)?;
        if self
            .logs
            .iter()
            .any(|one| one.key.public() == log.key.public())
        {
            return Err(invalid("a log with the key of another"));
        }
        self.logs.push(log);
        Ok(())
    }

    fn witness(&mut self, name: &str, rest: &[&str]) -> Result<(), Wrong> {
        check_room(self.witnesses.len())?;
        self.check_new(name)?;
        let witness = party(rest, KeyKind::Cosigner)?;
        let mut known = self.witnesses.iter();
        if known.any(|(_, one)| one.key.public() == witness.key.public()) {
            return Err(invalid("a witness with the key of another"));
        }
        self.witnesses.push((name.to_owned(), witness));
        Ok(())
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), Wrong> {
        check_room(self.groups.len())?;
        check_room(members.len().saturating_sub(1))?;
        self.check_new(name)?;
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            k => number::parse(k)
                .and_then(|k| k.try_into().ok())
                .unwrap_or(0),
        };
        if threshold == 0 || threshold > members.len() {
            return Err(invalid("a threshold that is not between 1 and the members"));
        }
        for member in members {
            if !self.is_known(member) {
                return Err(invalid("a member that is not defined above"));
            }
            if !self.used.insert((*member).to_owned()) {
                return Err(invalid("a member that is in a group already"));
            }
        }
        self.groups.push(Group {
            name: name.to_owned(),
            threshold,
            members: members.iter().map(|one| (*one).to_owned()).collect(),
        });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), Wrong> {
        if self.quorum.is_some() {
            return Err(invalid("a second quorum"));
        }
        if name != NONE && !self.is_known(name) {
            return Err(invalid("a quorum that is not defined above"));
        }
        self.quorum = Some((name != NONE).then(|| name.to_owned()));
        Ok(())
    }

    fn is_known(&self, name: &str) -> bool {
        let is_witness = self.witnesses.iter().any(|(known, _)| known == name);
        is_witness || self.groups.iter().any(|group| group.name == name)
    }

    fn check_new(&self, name: &str) -> Result<(), Wrong> {
        match name == NONE || self.is_known(name) {
            true => Err(invalid("a name that is taken")),
            false => Ok(()),
        }
    }
}

fn party(items: &[&str], kind: KeyKind) -> Result<Party, Wrong> {
    let (vkey, url) = match items {
        [vkey] => (vkey, None),
        [vkey, url] => (vkey, Some((*url).to_owned())),
        _ => return Err(invalid("more or less than a key and a URL")),
    };
    let key =
        VerifierKey::parse(vkey).map_err(|error| (error.kind(), "not a key that is known"))?;
    match key.kind() == kind {
        true => Ok(Party { key, url }),
        false => Err(invalid("a key that is for something else")),
    }
}

const fn check_room(count: usize) -> Result<(), Wrong> {
    match count < MAX_POLICY_NAMES {
        true => Ok(()),
        false => Err((ParseErrorKind::TooLarge, "more than 256")),
    }
}

const fn invalid(what: &'static str) -> Wrong {
    (ParseErrorKind::Invalid, what)
}
