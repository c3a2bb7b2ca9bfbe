//! Rules by which packs were chosen.

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item;
use crate::limits::MAX_CHECK_STRATA;
use crate::{DecodeError, EncodeError, ObjectHash, PackClass, Time};

/// A rule by which packs were chosen to be read (`docs/format.md`, §8.9).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// Every pack of these classes.
    All {
        /// Classes of the packs.
        classes: PackClasses,
    },
    /// A sample, by positions that follow from the head of the journal.
    Sample {
        /// How sure one was to be, in billionths.
        confidence: u32,
        /// Below which share the damage was to be, in billionths; 0 if a share was asked for instead.
        below: u32,
        /// The strata. A pack belongs to the first that it fits.
        strata: Vec<Stratum>,
    },
    /// A part of a round that reads every pack once.
    Rolling(Rolling),
    /// Packs of which no evidence of this level is as new as this.
    Older {
        /// Classes of the packs.
        classes: PackClasses,
        /// From when on evidence was new enough.
        since: Time,
    },
    /// A rule of a later version: which packs it chose is not known.
    Unknown {
        /// Its number.
        kind: u64,
        /// The encoded map.
        raw: Vec<u8>,
    },
}

/// Packs of class 0 that were added alike, and of which some were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Stratum {
    /// The first and the last entry that may have added the pack.
    pub added: (u64, u64),
    /// Public key of the first signer of that entry; `None` for any.
    pub writer: Option<[u8; 32]>,
    /// How many packs it has.
    pub population: u64,
    /// How many were to be read.
    pub drawn: u64,
    /// The last position that was read; it means nothing if none was to be.
    pub last: u64,
}

/// A part of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Rolling {
    /// Classes of the packs.
    pub classes: PackClasses,
    /// Number and hash of the newest journal entry when the round began. It covers the packs that were added until then, in an order that
    /// follows from this entry.
    pub began: (u64, ObjectHash),
    /// When the round began.
    pub time: Time,
    /// How many seconds it is to take.
    pub period_s: u64,
    /// The first position of this part.
    pub first: u64,
    /// The last; the round is at its end when it is the last of all.
    pub last: u64,
}

/// Classes of packs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PackClasses(u8);

impl PackClasses {
    /// Every class.
    pub const ALL: Self = Self(7);
    /// Content.
    pub const DATA: Self = Self(1 << PackClass::Data as u8);
    /// Names and pages of trees.
    pub const TREES: Self = Self(1 << PackClass::Names as u8 | 1 << PackClass::Pages as u8);

    /// Says whether a class is among them.
    #[must_use]
    pub const fn contains(self, class: PackClass) -> bool {
        self.0 & 1 << class as u8 != 0
    }
}

impl Choice {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Self::Unknown { raw, .. } = self {
            out.extend_from_slice(raw);
            return Ok(());
        }
        let mut map = MapWriter::new(out);
        match self {
            Self::All { classes } => {
                map.uint(0, ALL);
                map.uint(1, u64::from(classes.0));
            }
            Self::Sample {
                confidence,
                below,
                strata,
            } => {
                if strata.len() > MAX_CHECK_STRATA {
                    return Err(EncodeError::too_large("strata"));
                }
                map.uint(0, SAMPLE);
                map.uint(2, u64::from(*confidence));
                map.uint(3, u64::from(*below));
                map.items(4, strata);
            }
            Self::Rolling(rolling) => {
                map.uint(0, ROLLING);
                map.uint(1, u64::from(rolling.classes.0));
                rolling.began.write(map.key(5));
                rolling.time.write(map.key(6))?;
                map.uint(7, rolling.period_s);
                map.uint(8, rolling.first);
                map.uint(9, rolling.last);
            }
            Self::Older { classes, since } => {
                map.uint(0, OLDER);
                map.uint(1, u64::from(classes.0));
                since.write(map.key(6))?;
            }
            Self::Unknown { .. } => {}
        }
        map.finish(&Unknown::default())
    }

    /// Reads a choice. One with keys that this version does not know has a meaning that it does not know either.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let raw = r.raw_map("choice")?;
        let mut fields = Fields::default();
        let mut inner = Reader::new(raw);
        inner
            .map("choice", |r, key| fields.read(r, key))
            .map_err(|error| error.shifted(at))?;
        let kind = fields.kind.ok_or(missing("kind of a choice"))?;
        let choice = match fields.into_choice(kind) {
            Some(choice) => choice,
            None if kind > OLDER => return Ok(Self::unknown(kind, raw)),
            None => return Err(missing("choice")),
        };
        // Whatever else it has narrows or widens what it means.
        let mut plain = Vec::with_capacity(raw.len());
        let is_plain = choice.write(&mut plain).is_ok() && plain == raw;
        Ok(if is_plain {
            choice
        } else {
            Self::unknown(kind, raw)
        })
    }

    fn unknown(kind: u64, raw: &[u8]) -> Self {
        let raw = raw.to_vec();
        Self::Unknown { kind, raw }
    }
}

/// Values of a choice's map as they come.
#[derive(Default)]
struct Fields {
    kind: Option<u64>,
    classes: Option<PackClasses>,
    confidence: Option<u32>,
    below: Option<u32>,
    strata: Option<Vec<Stratum>>,
    began: Option<(u64, ObjectHash)>,
    time: Option<Time>,
    period_s: Option<u64>,
    first: Option<u64>,
    last: Option<u64>,
}

impl Fields {
    fn read(&mut self, r: &mut Reader<'_>, key: u64) -> Result<bool, DecodeError> {
        // What the keys of a later kind mean is for that kind to say.
        if self.kind.is_some_and(|kind| kind > OLDER) {
            return Ok(false);
        }
        match key {
            0 => self.kind = Some(r.uint("kind of a choice")?),
            1 => self.classes = Some(PackClasses(r.u8("classes")?)),
            2 => self.confidence = Some(r.u32("confidence")?),
            3 => self.below = Some(r.u32("share")?),
            4 => self.strata = Some(r.array_up_to("strata", MAX_CHECK_STRATA, Item::read)?),
            5 => self.began = Some(Item::read(r)?),
            6 => self.time = Some(Time::read(r, "time of a choice")?),
            7 => self.period_s = Some(r.uint("period")?),
            8 => self.first = Some(r.uint("position")?),
            9 => self.last = Some(r.uint("position")?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the choice if it has the keys of its kind.
    fn into_choice(self, kind: u64) -> Option<Choice> {
        Some(match kind {
            ALL => Choice::All {
                classes: self.classes?,
            },
            SAMPLE => Choice::Sample {
                confidence: self.confidence?,
                below: self.below?,
                strata: self.strata?,
            },
            ROLLING => Choice::Rolling(Rolling {
                classes: self.classes?,
                began: self.began?,
                time: self.time?,
                period_s: self.period_s?,
                first: self.first?,
                last: self.last?,
            }),
            OLDER => Choice::Older {
                classes: self.classes?,
                since: self.time?,
            },
            _ => return None,
        })
    }
}

impl Item for Stratum {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 6);
        cbor::uint(out, self.added.0);
        cbor::uint(out, self.added.1);
        cbor::bytes(out, self.writer.as_ref().map_or(&[], <[u8; 32]>::as_slice));
        cbor::uint(out, self.population);
        cbor::uint(out, self.drawn);
        cbor::uint(out, self.last);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("stratum", 6, |r| {
            let added = (r.uint("entry")?, r.uint("entry")?);
            let at = r.position();
            let writer = match r.bytes("writer")? {
                [] => None,
                key => Some(
                    key.try_into()
                        .map_err(|_| DecodeError::invalid("writer", at))?,
                ),
            };
            Ok(Self {
                added,
                writer,
                population: r.uint("population")?,
                drawn: r.uint("sample")?,
                last: r.uint("position")?,
            })
        })
    }
}

const ALL: u64 = 0;
const SAMPLE: u64 = 1;
const ROLLING: u64 = 2;
const OLDER: u64 = 3;
