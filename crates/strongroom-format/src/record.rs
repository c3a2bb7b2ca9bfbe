//! Records of the process: what happened to backups, so that somebody can judge it later (`docs/format.md`, §8.12).
//!
//! A [`Record`] travels as [`Evidence`] whose kind is that of its [`Fact`]. It says who recorded it, when, and under which policy
//! ([`RecordHead`]). Names of people are never in it: a [`Person`] is a keyed digest, and what is sensitive goes into the sealed part of the
//! evidence.
//!
//! ```
//! use strongroom_format::record::{Attested, Fact, Record, RecordHead};
//!
//! let fact = Fact::Attested(Attested { what: "isolation".into(), holds: true, ..Attested::default() });
//! let record = Record::new(RecordHead::default(), fact);
//! let evidence = record.to_evidence()?;
//! assert_eq!(evidence.kind, "attested");
//! assert_eq!(Record::of_evidence(&evidence), Ok(Some(record)));
//! # Ok::<(), strongroom_format::EncodeError>(())
//! ```

mod access;
mod action;
mod alert;
mod attested;
mod capacity;
pub mod counter;
mod deleted;
mod disposal;
mod drill;
mod error_class;
mod fact;
mod field;
mod head;
mod id;
mod incident;
mod inventory;
mod obligation;
mod person;
mod run;
mod sign_off;
mod suspect;
mod verified;

pub use self::access::Access;
pub use self::action::{ActionState, ActionStep};
pub use self::alert::{Acknowledged, Alert, AlertOutcome};
pub use self::attested::Attested;
pub use self::capacity::{Capacity, CapacityKind};
pub use self::deleted::Deleted;
pub use self::disposal::{Disposal, DisposalMethod, DisposedCopy};
pub use self::drill::{Drill, DrillVerdict, ValidatorVerdict};
pub use self::error_class::ErrorClass;
pub use self::fact::Fact;
pub use self::head::{RecordHead, Tool};
pub use self::id::RecordId;
pub use self::incident::{IncidentState, IncidentStep};
pub use self::inventory::{Inventory, InventoryItem};
pub use self::obligation::ObligationMet;
pub use self::person::Person;
pub use self::run::{ErrorCount, Job, Run, RunOutcome, Transport};
pub use self::sign_off::{Decision, SignOffGiven};
pub use self::suspect::{Suspect, SuspectState};
pub use self::verified::Verified;

use crate::cbor::{MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::{DecodeError, EncodeError, Evidence};

/// A record of the process: what an [`Evidence`] entry holds whose kind is one of [`Fact::KINDS`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Record {
    /// Who recorded it, when and under which policy.
    pub head: RecordHead,
    /// What happened.
    pub fact: Fact,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Record {
    /// The version of the kinds that this is.
    pub const SCHEMA: u64 = 1;

    /// Joins head and fact.
    #[must_use]
    pub fn new(head: RecordHead, fact: Fact) -> Self {
        Self {
            head,
            fact,
            unknown: Unknown::default(),
        }
    }

    /// Returns the evidence that holds this record, without a sensitive part.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the limits of `docs/format.md`, §12; `Invalid` for an `Other` that this version has a name for, and for nanoseconds of a second
    /// and more.
    pub fn to_evidence(&self) -> Result<Evidence, EncodeError> {
        let record = self.encode()?;
        Ok(Evidence::of_record(self.fact.kind(), Self::SCHEMA, record))
    }

    /// Decodes the record of evidence; `None` of evidence of another kind, or of another schema.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn of_evidence(evidence: &Evidence) -> Result<Option<Self>, DecodeError> {
        let is_known = Fact::KINDS.contains(&evidence.kind.as_str());
        if !is_known || evidence.schema != Self::SCHEMA {
            return Ok(None);
        }
        Self::decode(&evidence.kind, &evidence.record).map(Some)
    }

    /// Encodes the record; its kind is not in it.
    ///
    /// # Errors
    ///
    /// As [`to_evidence`](Self::to_evidence).
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        self.head.write(&mut map)?;
        self.fact.write(map.key(FACT))?;
        map.finish(&self.unknown)?;
        Ok(out)
    }

    /// Decodes a whole record of this kind.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a kind that is not in [`Fact::KINDS`]; `TooLarge` beyond the limits; `Truncated`; `Invalid`.
    pub fn decode(kind: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "record";
        // The payload and the body are around it.
        let mut r = Reader::nested(bytes, 2);
        let mut head = RecordHead::default();
        let (mut fact, mut seen) = (None, 0_u64);
        let unknown = r.map(what, |r, key| {
            match key {
                FACT => fact = Some(Fact::read(r, kind)?),
                _ if head.read_key(r, key)? => seen |= 1 << key,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish(what)?;
        if seen & RecordHead::REQUIRED != RecordHead::REQUIRED {
            return Err(missing(what));
        }
        Ok(Self {
            head,
            fact: fact.ok_or(missing(what))?,
            unknown,
        })
    }
}

/// The key of the fact. Those of the head are below.
const FACT: u64 = 8;
