//! What happened.

use super::field::Value as _;
use super::{
    Access, Acknowledged, ActionStep, Alert, Attested, Capacity, Deleted, Disposal, Drill,
    IncidentStep, Inventory, ObligationMet, Run, SignOffGiven, Suspect, Verified,
};
use crate::cbor::Reader;
use crate::{DecodeError, EncodeError};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// A job ran, or should have.
    Run(Run),
    /// How full a repository was.
    Capacity(Capacity),
    /// What there is.
    Inventory(Inventory),
    /// A repository was read.
    Verified(Verified),
    /// A restore was tried.
    Drill(Drill),
    /// Somebody was told.
    Alert(Alert),
    /// Somebody has seen it.
    Acknowledged(Acknowledged),
    /// An incident began or went on.
    Incident(IncidentStep),
    /// A corrective action began or went on.
    Action(ActionStep),
    /// Somebody did their duty.
    Obligation(ObligationMet),
    /// Somebody decided about a document.
    SignOff(SignOffGiven),
    /// Dropped objects were deleted.
    Deleted(Deleted),
    /// Data was disposed of in all places.
    Disposal(Disposal),
    /// A store was used.
    Access(Access),
    /// A snapshot looks wrong.
    Suspect(Suspect),
    /// Something was seen to hold, or not.
    Attested(Attested),
}

/// Writes each variant once: constant names, the way to read one, the way to write it.
macro_rules! facts {
    ($($variant:ident($type:ident) $kind:literal),+ $(,)?) => {
        impl Fact {
            /// Kinds of evidence that hold a record, in the order of the variants.
            pub const KINDS: &[&str] = &[$($kind),+];

            /// Returns the kind of the evidence that holds it.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)+
                }
            }

            pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(fact) => fact.write(out),)+
                }
            }

            pub(super) fn read(r: &mut Reader<'_>, kind: &str) -> Result<Self, DecodeError> {
                match kind {
                    $($kind => $type::read(r, $kind).map(Self::$variant),)+
                    _ => Err(DecodeError::unsupported("kind of a record", r.position())),
                }
            }
        }

        $(
            impl From<$type> for Fact {
                fn from(fact: $type) -> Self {
                    Self::$variant(fact)
                }
            }
        )+
    };
}

facts! {
    Run(Run) "run",
    Capacity(Capacity) "capacity",
    Inventory(Inventory) "inventory",
    Verified(Verified) "verified",
    Drill(Drill) "drill",
    Alert(Alert) "alert",
    Acknowledged(Acknowledged) "acknowledged",
    Incident(IncidentStep) "incident",
    Action(ActionStep) "action",
    Obligation(ObligationMet) "obligation",
    SignOff(SignOffGiven) "sign-off",
    Deleted(Deleted) "deleted",
    Disposal(Disposal) "disposal",
    Access(Access) "access",
    Suspect(Suspect) "suspect",
    Attested(Attested) "attested",
}
