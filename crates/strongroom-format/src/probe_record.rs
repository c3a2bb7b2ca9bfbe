//! What a store was found to do.

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::limits::{MAX_LABEL_BYTES, MAX_PROBE_ANSWERS};
use crate::{DecodeError, EncodeError, Evidence, Time};

/// The record of a probe of the store (`docs/format.md`, §8.11): in [`Genesis::probe`](crate::Genesis::probe), and in [`Evidence`]
/// entries of the kind [`ProbeRecord::KIND`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct ProbeRecord {
    /// When the store was probed.
    pub time: Time,
    /// What the store called itself, without secrets.
    pub store: String,
    /// The answers, sorted by question.
    pub answers: Vec<ProbeAnswer>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// One answer of a probe. Numbers that are not in the document are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row of three")]
pub struct ProbeAnswer {
    /// Number of the question.
    pub question: u64,
    /// [`NO`](Self::NO), [`YES`](Self::YES) or [`UNKNOWN`](Self::UNKNOWN).
    pub answer: u64,
    /// Why it is not yes; for people.
    pub why: String,
}

impl ProbeAnswer {
    /// It is not so.
    pub const NO: u64 = 0;
    /// No fault was seen.
    pub const YES: u64 = 1;
    /// It could not be found out.
    pub const UNKNOWN: u64 = 2;
}

impl ProbeRecord {
    /// The kind of [`Evidence`] that holds such a record.
    pub const KIND: &str = "probe";
    /// The version of that kind that this is.
    pub const SCHEMA: u64 = 1;

    /// Returns the evidence that holds this record.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
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
    /// `TooLarge` beyond the limits of `docs/format.md`, §12; `Invalid` for answers that are not sorted.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let texts = self.answers.iter().map(|answer| answer.why.len());
        let longest = texts.chain([self.store.len()]).max().unwrap_or_default();
        if self.answers.len() > MAX_PROBE_ANSWERS || longest > MAX_LABEL_BYTES {
            return Err(EncodeError::too_large("record of a probe"));
        }
        if !is_sorted(&self.answers) {
            return Err(EncodeError::invalid("record of a probe"));
        }
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        self.time.write(map.key(0))?;
        map.text(1, &self.store);
        map.array(2, &self.answers, |out, answer| {
            cbor::array(out, 3);
            cbor::uint(out, answer.question);
            cbor::uint(out, answer.answer);
            cbor::text(out, &answer.why);
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
        let what = "record of a probe";
        // The payload and the body are around it.
        let mut r = Reader::nested(bytes, 2);
        let (mut time, mut store, mut answers) = (None, None, None);
        let unknown = r.map(what, |r, key| {
            match key {
                0 => time = Some(Time::read(r, "time of a probe")?),
                1 => store = Some(short(r, "store that was probed")?),
                2 => {
                    let at = r.position();
                    let read = r.array_up_to("answers of a probe", MAX_PROBE_ANSWERS, |r| {
                        r.tuple("answer of a probe", 3, |r| {
                            Ok(ProbeAnswer {
                                question: r.uint("question of a probe")?,
                                answer: r.uint("answer of a probe")?,
                                why: short(r, "reason of an answer")?,
                            })
                        })
                    })?;
                    if !is_sorted(&read) {
                        return Err(DecodeError::invalid("answers of a probe", at));
                    }
                    answers = Some(read);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish(what)?;
        Ok(Self {
            time: time.ok_or(missing(what))?,
            store: store.ok_or(missing(what))?,
            answers: answers.ok_or(missing(what))?,
            unknown,
        })
    }
}

fn is_sorted(answers: &[ProbeAnswer]) -> bool {
    answers.is_sorted_by(|a, b| a.question < b.question)
}

/// Reads a text that is no longer than a label.
fn short(r: &mut Reader<'_>, what: &'static str) -> Result<String, DecodeError> {
    let at = r.position();
    let text = r.text(what)?;
    if text.len() > MAX_LABEL_BYTES {
        return Err(DecodeError::too_large(what, at));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeErrorKind;

    fn record() -> ProbeRecord {
        let answer = |question, answer, why: &str| ProbeAnswer {
            question,
            answer,
            why: why.to_owned(),
        };
        ProbeRecord {
            time: Time::new(1_800_000_000, 5),
            store: "memory:".to_owned(),
            answers: vec![
                answer(0, ProbeAnswer::YES, ""),
                answer(9, ProbeAnswer::NO, "not claimed"),
                // Of a later version.
                answer(77, 5, "?"),
            ],
            unknown: Unknown::default(),
        }
    }

    #[test]
    fn it_travels_as_evidence() {
        let evidence = record().to_evidence().unwrap();
        assert_eq!(ProbeRecord::of_evidence(&evidence).unwrap(), Some(record()));
        let later = Evidence {
            schema: 2,
            ..evidence.clone()
        };
        assert_eq!(ProbeRecord::of_evidence(&later).unwrap(), None);
        let other = Evidence {
            kind: "check".to_owned(),
            ..evidence
        };
        assert_eq!(ProbeRecord::of_evidence(&other).unwrap(), None);
    }

    #[test]
    fn these_bytes_never_change() {
        let expected = b"\xA3\x00\x82\x1A\x6B\x49\xD2\x00\x05\x01\x67memory:\x02\x83\
            \x83\x00\x01\x60\x83\x09\x00\x6Bnot claimed\x83\x18\x4D\x05\x61?";
        assert_eq!(record().encode().unwrap(), expected);
        assert_eq!(ProbeRecord::decode(expected).unwrap(), record());
    }

    #[test]
    fn disorder_and_excess_are_refused() {
        let mut twice = record();
        twice.answers.push(twice.answers[2].clone());
        assert!(twice.encode().is_err());
        let mut long = record();
        long.store = "x".repeat(MAX_LABEL_BYTES + 1);
        assert!(long.encode().is_err());
        let disorder = b"\xA3\x00\x82\x00\x00\x01\x60\x02\x82\x83\x01\x01\x60\x83\x01\x01\x60";
        let kind = ProbeRecord::decode(disorder).unwrap_err().kind();
        assert_eq!(kind, DecodeErrorKind::Invalid);
        let many = b"\xA3\x00\x82\x00\x00\x01\x60\x02\x9A\x00\x10\x00\x00";
        assert!(ProbeRecord::decode(many).is_err());
        let kind = ProbeRecord::decode(b"\xA0").unwrap_err().kind();
        assert_eq!(kind, DecodeErrorKind::Invalid);
    }
}
