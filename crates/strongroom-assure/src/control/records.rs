//! The records of a history, up to a moment.

use strongroom_format::record::{
    Access, Acknowledged, ActionStep, Alert, Attested, Capacity, Deleted, Disposal, Drill,
    IncidentStep, Inventory, ObligationMet, SignOffGiven, Suspect, Verified,
};
use strongroom_format::{Forget, Hold, Keys, Tombstone};

use crate::history::{History, Noted};

macro_rules! records {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $of:ident;)*) => {
        /// The records of a history up to a moment, each list in the order of the journal.
        ///
        /// What is dated later than that moment is left out: it has not happened yet, or its clock was
        /// wrong. So nothing that claims to be of the future keeps a verdict green.
        #[derive(Debug, Default)]
        #[non_exhaustive]
        pub struct Records<'a> {
            $($(#[doc = $doc])+ pub $field: Vec<&'a Noted<$type>>,)*
        }

        impl<'a> Records<'a> {
            /// Takes the records up to a moment, in seconds since 1970.
            #[must_use]
            pub fn until(history: &'a History, now: i64) -> Self {
                Self {
                    $($field: until(history.$of(), now),)*
                }
            }
        }
    };
}

records! {
    /// How full repositories were.
    capacities: Capacity = capacities;
    /// What there is.
    inventories: Inventory = inventories;
    /// What was read of repositories.
    verified: Verified = verifications;
    /// Restores that were tried.
    drills: Drill = drills;
    /// Messages to people.
    alerts: Alert = alerts;
    /// That somebody has seen them.
    acknowledged: Acknowledged = acknowledgements;
    /// Steps of incidents.
    incidents: IncidentStep = incident_steps;
    /// Steps of corrective actions.
    actions: ActionStep = action_steps;
    /// Duties done.
    met: ObligationMet = obligations_met;
    /// Decisions about documents.
    sign_offs: SignOffGiven = sign_offs;
    /// Objects that were deleted.
    deleted: Deleted = deletions;
    /// Data that was disposed of.
    disposals: Disposal = disposals;
    /// Uses of stores, as their providers logged them.
    accesses: Access = accesses;
    /// Snapshots that look wrong.
    suspects: Suspect = suspects;
    /// What somebody has seen to hold, or not.
    attested: Attested = attestations;
    /// Snapshots that were forgotten.
    forgets: Forget = forgets;
    /// What was dropped: the intent of each deletion.
    tombstones: Tombstone = tombstones;
    /// Holds placed and released.
    holds: Hold = holds;
    /// Keys made and ended.
    keys: Keys = key_changes;
}

fn until<T>(all: &[Noted<T>], now: i64) -> Vec<&Noted<T>> {
    all.iter().filter(|one| one.at <= now).collect()
}

impl<'a> Records<'a> {
    /// Returns what was attested of a kind, of one repository or of all, in the order of the journal.
    pub fn attestations<'s>(
        &'s self,
        what: &'s str,
        repository: Option<&'s str>,
    ) -> impl DoubleEndedIterator<Item = &'a Noted<Attested>> + 's {
        self.attested.iter().copied().filter(move |one| {
            let about = one.fact.repository.as_deref();
            one.fact.what == what && (about == repository || about.is_none())
        })
    }
}
