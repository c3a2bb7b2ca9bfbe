//! What a check leaves behind as evidence.

mod choice;

pub use self::choice::{Choice, PackClasses, Rolling, Stratum};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item;
use crate::limits::{
    MAX_CHECK_CHOICES, MAX_CHECK_FRAMES, MAX_CHECK_PACKS, MAX_CHECK_PROBLEMS, MAX_LABEL_BYTES,
};
use crate::{DamagedPack, DecodeError, EncodeError, Evidence, ObjectHash, Time};

/// The record of an [`Evidence`] entry of the kind [`CheckRecord::KIND`] (`docs/format.md`, §8.9).
///
/// It lists no pack that was read: [`choices`](Self::choices) says which were by rules that anybody can follow again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct CheckRecord {
    /// Number of the level that was reached.
    pub level: u8,
    /// Number and hash of the newest journal entry that was followed. The packs are those that are in force after it.
    pub head: (u64, ObjectHash),
    /// When the check began.
    pub time: Time,
    /// How many milliseconds it took, 0 if nobody measured.
    pub duration_ms: u64,
    /// Program and version.
    pub program: String,
    /// Which packs were read: those of any choice.
    pub choices: Vec<Choice>,
    /// How many packs were read, and how many bytes they have.
    pub read: (u64, u64),
    /// Packs among them that are damaged or missing, sorted.
    pub damaged: Vec<DamagedPack>,
    /// Packs that were chosen and not read to the level, sorted.
    pub unread: Vec<ObjectHash>,
    /// More packs were damaged or not read than there is room for; then this is evidence of the reading of none.
    pub is_truncated: bool,
    /// Codes of the problems that were found and how often, sorted.
    pub problems: Vec<(String, u64)>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl CheckRecord {
    /// The kind of [`Evidence`] that holds such a record.
    pub const KIND: &str = "check";
    /// The version of that kind that this is.
    pub const SCHEMA: u64 = 1;

    /// Returns the evidence that holds this record.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the limits of `docs/format.md`, §12; `Invalid` for a list that is not sorted.
    pub fn to_evidence(&self) -> Result<Evidence, EncodeError> {
        let record = self.encode()?;
        Ok(Evidence::of_record(Self::KIND, Self::SCHEMA, record))
    }

    /// Decodes the record of evidence; `None` of evidence of another kind, or of a later schema.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn of_evidence(evidence: &Evidence) -> Result<Option<Self>, DecodeError> {
        let record = evidence.record_of(Self::KIND, Self::SCHEMA);
        record.map(Self::decode).transpose()
    }

    /// Encodes the record.
    ///
    /// # Errors
    ///
    /// As [`to_evidence`](Self::to_evidence).
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.check().map_err(|what| match what {
            Wrong::TooMany(what) => EncodeError::too_large(what),
            Wrong::Disorder(what) => EncodeError::invalid(what),
        })?;
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        map.uint(0, u64::from(self.level));
        self.head.write(map.key(1));
        self.time.write(map.key(2))?;
        map.nonzero(3, self.duration_ms);
        map.text(4, &self.program);
        map.array(5, &self.choices, |out, choice| choice.write(out))?;
        let read = map.key(6);
        cbor::array(read, 2);
        cbor::uint(read, self.read.0);
        cbor::uint(read, self.read.1);
        map.some_items(7, &self.damaged);
        map.some_items(8, &self.unread);
        if self.is_truncated {
            cbor::boolean(map.key(9), true);
        }
        map.some_items(10, &self.problems);
        map.finish(&self.unknown)?;
        Ok(out)
    }

    /// Decodes a whole record.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the limits; `Truncated`; `Invalid`. Choices of unknown kinds are kept.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // The payload, the body and the evidence are around it.
        let mut r = Reader::nested(bytes, 2);
        let mut record = Self::default();
        let mut seen = 0_u32;
        let unknown = r.map("check record", |r, key| {
            if !record.read_key(r, key)? {
                return Ok(false);
            }
            seen |= 1 << key;
            Ok(true)
        })?;
        r.finish("check record")?;
        if seen & REQUIRED != REQUIRED {
            return Err(missing("check record"));
        }
        record.unknown = unknown;
        record.check().map_err(|what| match what {
            Wrong::TooMany(what) => DecodeError::too_large(what, 0),
            Wrong::Disorder(what) => DecodeError::invalid(what, 0),
        })?;
        Ok(record)
    }

    fn read_key(&mut self, r: &mut Reader<'_>, key: u64) -> Result<bool, DecodeError> {
        let at = r.position();
        match key {
            0 => self.level = r.u8("level")?,
            1 => self.head = Item::read(r)?,
            2 => self.time = Time::read(r, "time of a check")?,
            3 => self.duration_ms = not_default(r.uint("duration")?, "duration", at)?,
            4 => self.program = r.string("program")?,
            5 => self.choices = r.array_up_to("choices", MAX_CHECK_CHOICES, Choice::read)?,
            6 => {
                self.read = r.tuple("packs read", 2, |r| {
                    Ok((r.uint("packs read")?, r.uint("bytes read")?))
                })?;
            }
            7 => self.damaged = r.array_up_to("damaged packs", MAX_CHECK_PACKS, Item::read)?,
            8 => self.unread = r.array_up_to("packs not read", MAX_CHECK_PACKS, Item::read)?,
            9 => {
                let what = "truncation";
                self.is_truncated = not_default(u64::from(r.boolean(what)?), what, at)? != 0;
            }
            10 => self.problems = r.array_up_to("problems", MAX_CHECK_PROBLEMS, Item::read)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks what holds of every record.
    fn check(&self) -> Result<(), Wrong> {
        let frames: usize = self.damaged.iter().map(|pack| pack.frames.len()).sum();
        let texts = self.problems.iter().map(|(code, _)| code);
        let longest = texts.chain([&self.program]).map(String::len).max();
        for (what, count, most) in [
            ("choices", self.choices.len(), MAX_CHECK_CHOICES),
            ("damaged packs", self.damaged.len(), MAX_CHECK_PACKS),
            ("damaged frames", frames, MAX_CHECK_FRAMES),
            ("packs not read", self.unread.len(), MAX_CHECK_PACKS),
            ("problems", self.problems.len(), MAX_CHECK_PROBLEMS),
            ("text", longest.unwrap_or_default(), MAX_LABEL_BYTES),
        ] {
            if count > most {
                return Err(Wrong::TooMany(what));
            }
        }
        for (what, is_sorted) in [
            (
                "damaged packs",
                self.damaged.is_sorted_by(|a, b| a.pack < b.pack),
            ),
            (
                "damaged frames",
                self.damaged
                    .iter()
                    .all(|pack| pack.frames.is_sorted_by(|a, b| a < b)),
            ),
            ("packs not read", self.unread.is_sorted_by(|a, b| a < b)),
            ("problems", self.problems.is_sorted_by(|a, b| a.0 < b.0)),
        ] {
            if !is_sorted {
                return Err(Wrong::Disorder(what));
            }
        }
        Ok(())
    }
}

/// Why a record is none.
enum Wrong {
    TooMany(&'static str),
    Disorder(&'static str),
}

/// Refuses a default that was written.
fn not_default(value: u64, what: &'static str, at: usize) -> Result<u64, DecodeError> {
    if value == 0 {
        Err(DecodeError::invalid(what, at))
    } else {
        Ok(value)
    }
}

/// A code and how often.
impl Item for (String, u64) {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::text(out, &self.0);
        cbor::uint(out, self.1);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("problem", 2, |r| Ok((r.string("code")?, r.uint("count")?)))
    }
}

/// Keys that are always present: 0, 1, 2, 4, 5 and 6.
const REQUIRED: u32 = 0b111_0111;

#[cfg(test)]
mod tests;
