//! How objects are locked, as the journal has it (`docs/format.md`, §8.10).

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item;
use crate::limits::{MAX_LABEL_BYTES, MAX_LOCK_EXCEPTIONS};
use crate::{DecodeError, EncodeError, Evidence, Time};

/// A lock that objects were put or left with: informational, since only the store knows how they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Locked {
    /// Who can end it before its date: [`GOVERNANCE`](Self::GOVERNANCE), [`COMPLIANCE`](Self::COMPLIANCE), or what a later version knows.
    pub mode: u64,
    /// When it ends, in seconds since 1970 by the clock of the store.
    pub until: i64,
}

impl Locked {
    /// Whoever has a permission of its own can end it before its date.
    pub const GOVERNANCE: u64 = 0;
    /// Nobody can.
    pub const COMPLIANCE: u64 = 1;
    /// Added to the mode where an entry says how it was put: it is not so of the entry itself, but of all else.
    pub const NOT_ITSELF: u64 = 4;
}

impl Item for Locked {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.mode);
        cbor::int(out, self.until);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("lock", 2, |r| {
            Ok(Self {
                mode: r.uint("mode of a lock")?,
                until: r.int("end of a lock")?,
            })
        })
    }
}

/// The record of an [`Evidence`] entry of the kind [`LockRecord::KIND`]: locks were extended (`docs/format.md`, §8.10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct LockRecord {
    /// How many journal entries had been followed: what they leave in force is locked.
    pub entries: u64,
    /// When it began.
    pub time: Time,
    /// How it is locked, at least.
    pub locked: Locked,
    /// Objects of which that is not so, by name, sorted.
    pub except: Vec<String>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl LockRecord {
    /// The kind of [`Evidence`] that holds such a record.
    pub const KIND: &str = "locks";
    /// The version of that kind that this is.
    pub const SCHEMA: u64 = 1;

    /// Returns the evidence that holds this record.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the limits of `docs/format.md`, §12; `Invalid` for names that are not sorted.
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
        if self.except.len() > MAX_LOCK_EXCEPTIONS
            || self.except.iter().any(|name| name.len() > MAX_LABEL_BYTES)
        {
            return Err(EncodeError::too_large("exceptions of locks"));
        }
        if !self.except.is_sorted_by(|a, b| a < b) {
            return Err(EncodeError::invalid("exceptions of locks"));
        }
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        map.uint(0, self.entries);
        self.time.write(map.key(1))?;
        self.locked.write(map.key(2));
        map.optional_array(3, &self.except, |out, name| {
            cbor::text(out, name);
            Ok(())
        })?;
        map.finish(&self.unknown)?;
        Ok(out)
    }

    /// Decodes a whole record.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the limits; `Truncated`; `Invalid`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // The payload, the body and the evidence are around it.
        let mut r = Reader::nested(bytes, 2);
        let (mut entries, mut time, mut locked) = (None, None, None);
        let mut except = Vec::new();
        let unknown = r.map("record of locks", |r, key| {
            match key {
                0 => entries = Some(r.uint("entries")?),
                1 => time = Some(Time::read(r, "time of a record of locks")?),
                2 => locked = Some(Locked::read(r)?),
                3 => {
                    let what = "exceptions of locks";
                    let at = r.position();
                    except = r.array_up_to(what, MAX_LOCK_EXCEPTIONS, |r| r.string(what))?;
                    if !except.is_sorted_by(|a, b| a < b) {
                        return Err(DecodeError::invalid(what, at));
                    }
                    if except.iter().any(|name| name.len() > MAX_LABEL_BYTES) {
                        return Err(DecodeError::too_large(what, at));
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("record of locks")?;
        let what = "record of locks";
        Ok(Self {
            entries: entries.ok_or(missing(what))?,
            time: time.ok_or(missing(what))?,
            locked: locked.ok_or(missing(what))?,
            except,
            unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeErrorKind;

    fn record() -> LockRecord {
        LockRecord {
            entries: 4_711,
            time: Time::new(1_800_000_000, 5),
            locked: Locked {
                mode: Locked::COMPLIANCE,
                until: 1_803_888_000,
            },
            except: vec!["config".to_owned(), "pack/00/0".to_owned()],
            unknown: Unknown::default(),
        }
    }

    #[test]
    fn it_travels_as_evidence() {
        let evidence = record().to_evidence().unwrap();
        assert_eq!(LockRecord::of_evidence(&evidence).unwrap(), Some(record()));
        let later = Evidence {
            schema: 2,
            ..evidence.clone()
        };
        assert_eq!(LockRecord::of_evidence(&later).unwrap(), None);
        let other = Evidence {
            kind: "check".to_owned(),
            ..evidence
        };
        assert_eq!(LockRecord::of_evidence(&other).unwrap(), None);
    }

    #[test]
    fn these_bytes_never_change() {
        let simple = LockRecord {
            except: Vec::new(),
            ..record()
        };
        let golden = "a3001912670182 1a6b49d20005 0282 011a6b852580";
        assert_eq!(hex(&simple.encode().unwrap()), golden.replace(' ', ""));
        let golden =
            "a4001912670182 1a6b49d20005 0282 011a6b852580 038266636f6e666967697061636b2f30302f30";
        assert_eq!(hex(&record().encode().unwrap()), golden.replace(' ', ""));
    }

    #[test]
    fn what_is_unordered_or_too_much_is_refused() {
        let mut wrong = record();
        wrong.except.reverse();
        assert!(wrong.encode().is_err());
        let many = LockRecord {
            except: (0..=MAX_LOCK_EXCEPTIONS)
                .map(|n| format!("pack/{n:08}"))
                .collect(),
            ..record()
        };
        assert!(many.encode().is_err());
        let mut bytes = record().encode().unwrap();
        assert_eq!(
            LockRecord::decode(&bytes[..bytes.len() - 1])
                .unwrap_err()
                .kind(),
            DecodeErrorKind::Truncated
        );
        bytes.push(0);
        assert!(LockRecord::decode(&bytes).is_err());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
