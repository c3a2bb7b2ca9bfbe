//! What a repair of the journal would do, and what it did.

use std::fmt;

use strongroom_format::ObjectHash;

use super::JournalDamage;
use super::survey::Patch;

/// What a repair of the journal would do. It prints; look at it, and give it to
/// [`Repository::repair_journal`](crate::Repository::repair_journal).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JournalRepairPlan {
    /// What is lost, and what is known of it. `None` if nothing is.
    pub damage: Option<JournalDamage>,
    /// Bridges in the places of entries that an earlier repair did not come to name in the end.
    pub unnamed: Vec<(u64, ObjectHash)>,
    pub(super) patches: Vec<Patch>,
    /// Hash of the entry that the repair would come after.
    pub(super) last: ObjectHash,
}

/// What a repair of the journal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalRepairReport {
    /// Entries that are in their places again.
    pub restored: Vec<u64>,
    /// Entries in whose places there are Bridges now.
    pub bridged: Vec<u64>,
    /// Packs that no entry named and that count again.
    pub found_packs: u64,
    /// Packs that are not there and do not count any more.
    pub gone_packs: u64,
    /// How many entries there are now.
    pub head: u64,
}

impl JournalRepairPlan {
    /// Says whether there is nothing to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.damage.is_none() && self.unnamed.is_empty()
    }

    /// Says whether nothing is lost for good: the entries themselves, or all that they did, is known.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        self.damage
            .as_ref()
            .is_none_or(|damage| damage.known_from.is_some())
    }

    pub(super) fn would_do_the_same(&self, other: &Self) -> bool {
        let places = |plan: &Self| -> Vec<(u64, String, bool)> {
            let patches = plan.patches.iter();
            let place = |one: &Patch| (one.n, one.object.clone(), one.is_original);
            patches.map(place).collect()
        };
        self.damage == other.damage
            && self.unnamed == other.unnamed
            && self.last == other.last
            && places(self) == places(other)
    }
}

impl fmt::Display for JournalRepairPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(damage) = &self.damage else {
            return match self.unnamed.len() {
                0 => f.write_str("no entry of the journal is lost"),
                some => write!(f, "{some} bridges of an earlier repair are to be named"),
            };
        };
        writeln!(f, "{damage}")?;
        for patch in &self.patches {
            let what = match patch.is_original {
                true => "the entry itself",
                false => "a bridge, signed by the admin",
            };
            writeln!(f, "would put at {}: {what}", patch.object)?;
        }
        if damage.known_from.is_some() {
            return f.write_str("nothing is lost but the bytes and signatures of entries");
        }
        writeln!(
            f,
            "lost for certain: who wrote these entries, when, and what"
        )?;
        f.write_str(UNKNOWN)
    }
}

/// What may be lost when nothing is known of an entry.
const UNKNOWN: &str = "\
what may be lost: a snapshot that one of them committed is not listed any more (its packs count again, and the next backup of the same source finds them); \
a snapshot that one of them forgot is listed again, whole or not; packs that one of them dropped count again if they are there; \
a revocation, a hold, a change of policy or a takeover is as if it had not been: look whether you remember one, and do it again
a store that hides an entry looks just like this: if one of yours revoked somebody or placed a hold, compare with a replica or another machine's cache before you repair";
