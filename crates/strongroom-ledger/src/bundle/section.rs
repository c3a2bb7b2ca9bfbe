//! The parts of a bundle: a line with name, length and hash, the bytes, a newline.

use std::fmt;

use strongroom_format::ObjectHash;
use strongroom_format::limits::MAX_ENTRY_BYTES;

use super::MAGIC;
use super::error::BundleError;
use crate::hash::{hex, sha256};
use crate::note::MAX_NOTE_BYTES;
use crate::number;
use crate::policy::MAX_POLICY_BYTES;
use crate::rotation::MAX_ROTATIONS;

/// Entries of one bundle.
pub const MAX_BUNDLE_ENTRIES: usize = 1 << 24;

/// Other parts of one bundle: rotations, keys, documents, reports, attachments.
pub const MAX_BUNDLE_SECTIONS: usize = 4096;

/// What a part is. The order is that in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    About,
    Trust,
    Rotation(u64),
    Checkpoint,
    Audited,
    Consistency,
    JournalKey,
    EvidenceKey(u32),
    Item(u64, Item),
    Tree,
    Policy(String),
    Report(String),
    Attachment(String),
}

/// What a bundle has of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// All of it.
    Entry,
    /// Its hash, because it is erased or lost.
    Absent,
    /// After the hash: the Bridge that stands in its place.
    Instead,
}

impl Name {
    /// Bytes that such a part has at most.
    const fn max_len(&self) -> usize {
        match self {
            Self::About => 4096,
            Self::Trust => MAX_POLICY_BYTES,
            Self::Rotation(_) | Self::Checkpoint | Self::Audited => MAX_NOTE_BYTES,
            Self::Consistency => 63 * 32,
            Self::JournalKey | Self::EvidenceKey(_) | Self::Item(_, Item::Absent) => 32,
            Self::Item(_, Item::Entry | Item::Instead) => MAX_ENTRY_BYTES,
            Self::Tree => MAX_BUNDLE_ENTRIES * 64 * 32,
            Self::Policy(_) => 16 << 20,
            Self::Report(_) | Self::Attachment(_) => 256 << 20,
        }
    }

    fn parse(kind: &str, argument: Option<&str>) -> Option<Self> {
        let number = || argument.and_then(number::parse);
        let item = |item| number().map(|n| Self::Item(n, item));
        let text =
            |is_fine: fn(&str) -> bool| argument.filter(|text| is_fine(text)).map(str::to_owned);
        match kind {
            "rotation" => number()
                .filter(|n| *n < MAX_ROTATIONS as u64)
                .map(Self::Rotation),
            "evidence-key" => number()?.try_into().ok().map(Self::EvidenceKey),
            "entry" => item(Item::Entry),
            "absent" => item(Item::Absent),
            "instead" => item(Item::Instead),
            "policy" => text(|hash| ObjectHash::parse(hash).is_some()).map(Self::Policy),
            "report" => text(is_file_name).map(Self::Report),
            "attachment" => text(is_file_name).map(Self::Attachment),
            _ if argument.is_some() => None,
            "about" => Some(Self::About),
            "trust" => Some(Self::Trust),
            "checkpoint" => Some(Self::Checkpoint),
            "audited" => Some(Self::Audited),
            "consistency" => Some(Self::Consistency),
            "journal-key" => Some(Self::JournalKey),
            "tree" => Some(Self::Tree),
            _ => None,
        }
    }
}

/// Says whether it may name a report or an attachment: 1 to 255 letters, digits, dots, hyphens and underscores, of which the first is no dot.
pub(super) fn is_file_name(name: &str) -> bool {
    let is_fine = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    (1..=255).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_fine)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::About => f.write_str("about"),
            Self::Trust => f.write_str("trust"),
            Self::Rotation(n) => write!(f, "rotation {n}"),
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Audited => f.write_str("audited"),
            Self::Consistency => f.write_str("consistency"),
            Self::JournalKey => f.write_str("journal-key"),
            Self::EvidenceKey(epoch) => write!(f, "evidence-key {epoch}"),
            Self::Item(n, Item::Entry) => write!(f, "entry {n}"),
            Self::Item(n, Item::Absent) => write!(f, "absent {n}"),
            Self::Item(n, Item::Instead) => write!(f, "instead {n}"),
            Self::Tree => f.write_str("tree"),
            Self::Policy(hash) => write!(f, "policy {hash}"),
            Self::Report(name) => write!(f, "report {name}"),
            Self::Attachment(name) => write!(f, "attachment {name}"),
        }
    }
}

/// A part, and where it is.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) name: Name,
    pub(super) bytes: &'a [u8],
}

/// The line before the bytes of a part.
pub(super) fn header(name: &Name, bytes: &[u8]) -> Option<String> {
    let is_short = bytes.len() <= name.max_len();
    is_short.then(|| format!("{name} {} {}\n", bytes.len(), hex(&sha256(&[bytes]))))
}

/// A bundle taken apart, every part of which has the hash that it states.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) sections: Vec<Section<'a>>,
    /// Everything before the seal.
    pub(super) sealed: &'a [u8],
    /// The note that seals it.
    pub(super) seal: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let mut rest = match bytes.strip_prefix(MAGIC.as_bytes()) {
            Some(rest) => rest,
            None if is_later(bytes) => return Err(BundleError::Unsupported),
            None => return Err(malformed("first line", 0)),
        };
        let mut sections: Vec<Section<'a>> = Vec::new();
        let (mut entries, mut others) = (0, 0);
        loop {
            let at = bytes.len() - rest.len();
            let (line, after) = split_line(rest).ok_or(malformed("line of a section", at))?;
            if let Some(len) = line.strip_prefix("seal ") {
                let sealed = bytes.get(..at).unwrap_or_default();
                return Self::end(sections, sealed, len, after, at);
            }
            let (section, after) = read_section(line, after, at)?;
            let is_next = sections.last().is_none_or(|last| last.name < section.name);
            if !is_next {
                return Err(malformed("order of sections", at));
            }
            match section.name {
                Name::Item(..) => entries += 1,
                _ => others += 1,
            }
            if entries > 2 * MAX_BUNDLE_ENTRIES || others > MAX_BUNDLE_SECTIONS {
                return Err(BundleError::TooLarge {
                    section: section.name.to_string(),
                });
            }
            sections.push(section);
            rest = after;
        }
    }

    fn end(
        sections: Vec<Section<'a>>,
        sealed: &'a [u8],
        len: &str,
        seal: &'a [u8],
        at: usize,
    ) -> Result<Self, BundleError> {
        let len = number::parse(len).and_then(|len| usize::try_from(len).ok());
        match len == Some(seal.len()) {
            true => Ok(Self {
                sections,
                sealed,
                seal,
            }),
            false => Err(malformed("length of the seal", at)),
        }
    }
}

fn read_section<'a>(
    line: &str,
    rest: &'a [u8],
    at: usize,
) -> Result<(Section<'a>, &'a [u8]), BundleError> {
    let wrong = || malformed("line of a section", at);
    let mut fields = line.rsplitn(3, ' ');
    let (Some(hash), Some(len), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(wrong());
    };
    let (kind, argument) = match name.split_once(' ') {
        Some((kind, argument)) => (kind, Some(argument)),
        None => (name, None),
    };
    let name = Name::parse(kind, argument).ok_or_else(wrong)?;
    let len = number::parse(len)
        .and_then(|len| usize::try_from(len).ok())
        .ok_or_else(wrong)?;
    if len > name.max_len() {
        return Err(BundleError::TooLarge {
            section: name.to_string(),
        });
    }
    let (bytes, after) = rest
        .split_at_checked(len)
        .ok_or_else(|| malformed("end of a section", at))?;
    let after = after
        .strip_prefix(b"\n")
        .ok_or_else(|| malformed("end of a section", at))?;
    match hex(&sha256(&[bytes])) == hash {
        true => Ok((Section { name, bytes }, after)),
        false => Err(BundleError::Altered {
            section: name.to_string(),
        }),
    }
}

/// Says whether the first line is that of another version.
fn is_later(bytes: &[u8]) -> bool {
    let version =
        split_line(bytes).and_then(|(line, _)| line.strip_prefix("strongroom audit bundle v"));
    version.is_some_and(|version| number::parse(version).is_some())
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let window = bytes.get(..bytes.len().min(MAX_LINE_BYTES))?;
    let end = window.iter().position(|c| *c == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(line).ok()?, rest.strip_prefix(b"\n")?))
}

const fn malformed(what: &'static str, at: usize) -> BundleError {
    BundleError::Malformed { what, at }
}

/// The longest line has a name of 255 bytes, a length and a hash.
const MAX_LINE_BYTES: usize = 512;
