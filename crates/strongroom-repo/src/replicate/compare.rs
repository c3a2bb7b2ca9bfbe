//! How a replica differs from its original.

use std::fmt;

use strongroom_format::object_name::ObjectName;

use super::round::Round;
use crate::error::Result;
use crate::state::State;

/// How a replica differs from its original, by names and lengths of objects and by the last entry that both have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaDifference {
    /// Entries of the original's journal.
    pub head: u64,
    /// Of these, entries that the replica lacks.
    pub entries: u64,
    /// Packs and index segments in force that the replica lacks.
    pub missing: Vec<String>,
    /// Packs and index segments in force that have another length there: they are torn.
    pub torn: Vec<String>,
    /// Bytes of what is missing or torn.
    pub bytes: u64,
    /// Packs and index segments there that are not in force: dropped and not deleted.
    pub surplus: u64,
    /// Their bytes.
    pub surplus_bytes: u64,
    /// What a revocation has deleted in the original and is still there.
    pub revoked: Vec<String>,
}

impl ReplicaDifference {
    /// Says whether the replica is up to date and lacks nothing. What is there and not needed does not count.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let lacks_nothing = self.missing.is_empty() && self.torn.is_empty();
        self.entries == 0 && lacks_nothing && self.revoked.is_empty()
    }
}

impl fmt::Display for ReplicaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "of {} entries {} are missing, {} packs and segments are missing and {} torn, {} bytes; {} more are not needed, {} bytes",
            self.head,
            self.entries,
            self.missing.len(),
            self.torn.len(),
            self.bytes,
            self.surplus,
            self.surplus_bytes
        )?;
        let lists = [
            ("missing", &self.missing),
            ("torn", &self.torn),
            ("revoked", &self.revoked),
        ];
        for (what, names) in lists {
            for name in names {
                write!(f, "\n{what}: {name}")?;
            }
        }
        Ok(())
    }
}

impl Round<'_> {
    /// Compares the replica with a state of the original.
    pub(super) fn difference(&self, state: &State) -> Result<ReplicaDifference> {
        let (common, _) = self.common(state)?;
        let mut difference = ReplicaDifference {
            head: state.head,
            entries: state.head - common,
            ..ReplicaDifference::default()
        };
        let packs = state.packs.values();
        let packs = packs.map(|pack| (ObjectName::Pack(pack.name), pack.len));
        let segments = state.segments.values();
        let segments = segments.map(|one| (ObjectName::Index(one.name), one.len));
        for (name, len) in packs.chain(segments) {
            let len = u64::from(len);
            let list = match self.inventory.len_of(&name) {
                Some(there) if there == len => continue,
                Some(_) => &mut difference.torn,
                None => &mut difference.missing,
            };
            list.push(name.to_string());
            difference.bytes += len;
        }
        let is_surplus = |name: &ObjectName| match name {
            ObjectName::Pack(name) => !state.packs.contains_key(name),
            ObjectName::Index(name) => !state.segments.contains_key(name),
            _ => false,
        };
        for name in self.inventory.objects(is_surplus) {
            difference.surplus += 1;
            difference.surplus_bytes += self.inventory.len_of(&name).unwrap_or(0);
        }
        let revoked = self.revoked_objects();
        difference.revoked = revoked.iter().map(ToString::to_string).collect();
        Ok(difference)
    }
}
