//! How a replica differs from its original.

use std::fmt;
use std::time::Duration;

use strongroom_format::Time;
use strongroom_format::object_name::ObjectName;

use super::round::Round;
use super::standing::ReplicaFork;
use crate::error::Result;
use crate::state::State;

/// How a replica differs from its original, by names and lengths of objects and by the last entry that both have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaDifference {
    /// Entries of the original's journal.
    pub head: u64,
    /// Of these, entries that the replica lacks, or has others in the place of.
    pub entries: u64,
    /// Entries of the replica that come after the original's last: somebody wrote to it.
    pub ahead: u64,
    /// Where the two histories part.
    pub fork: Option<ReplicaFork>,
    /// When the last entry that both have says that it was written; `None` if there is none, or if it is lost.
    pub replicated_until: Option<Time>,
    /// When the original's last entry says that it was written; `None` if it is lost.
    pub written_until: Option<Time>,
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
        self.entries == 0 && !self.has_diverged() && lacks_nothing && self.revoked.is_empty()
    }

    /// Says whether the replica is no replica any more: it has entries that the original has not.
    #[must_use]
    pub fn has_diverged(&self) -> bool {
        self.fork.is_some() || self.ahead > 0
    }

    /// Returns how far the replica lags behind what was committed, by the clocks of those who wrote; `None` if that is not known.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        if self.entries == 0 {
            return Some(Duration::ZERO);
        }
        let nanos = |time: Time| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let lag = nanos(self.written_until?) - nanos(self.replicated_until?);
        // Clocks that run backwards make no lag.
        let lag = u128::try_from(lag.max(0)).ok()?;
        u64::try_from(lag).ok().map(Duration::from_nanos)
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
        if let (true, Some(lag)) = (self.entries > 0, self.lag()) {
            write!(f, "; it lags {} s", lag.as_secs())?;
        }
        if self.ahead > 0 {
            write!(f, "; it has {} entries that come after ours", self.ahead)?;
        }
        if let Some(fork) = &self.fork {
            let (n, ours, theirs) = (fork.ours.n, fork.our_entries, fork.their_entries);
            write!(
                f,
                "; from entry {n} on it has another history: {ours} entries here, {theirs} there"
            )?;
        }
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
        let standing = self.standing(state)?;
        let written = |n: Option<u64>| n.and_then(|n| self.written(n));
        let mut difference = ReplicaDifference {
            head: state.head,
            entries: state.head - standing.common,
            ahead: standing.ahead,
            fork: standing.fork,
            ..ReplicaDifference::default()
        };
        difference.written_until = written(state.head.checked_sub(1));
        difference.replicated_until = match difference.entries {
            0 => difference.written_until,
            _ => written(standing.common.checked_sub(1)),
        };
        let packs = state.packs.iter();
        let packs = packs.map(|pack| pack.map(|pack| (ObjectName::Pack(pack.name), pack.len)));
        let segments = state.segments.values();
        let segments = segments.map(|one| Ok((ObjectName::Index(one.name), one.len)));
        for named in packs.chain(segments) {
            let (name, len) = named?;
            let len = u64::from(len);
            let list = match self.inventory.len_of(&name) {
                Some(there) if there == len => continue,
                Some(_) => &mut difference.torn,
                None => &mut difference.missing,
            };
            list.push(name.to_string());
            difference.bytes += len;
        }
        let may_be_surplus =
            |name: &ObjectName| matches!(name, ObjectName::Pack(_) | ObjectName::Index(_));
        for name in self.inventory.objects(may_be_surplus) {
            let is_in_force = match &name {
                ObjectName::Pack(name) => state.packs.contains(name)?,
                ObjectName::Index(name) => state.segments.contains_key(name),
                _ => true,
            };
            if is_in_force {
                continue;
            }
            difference.surplus += 1;
            difference.surplus_bytes += self.inventory.len_of(&name).unwrap_or(0);
        }
        let revoked = self.revoked_objects();
        difference.revoked = revoked.iter().map(ToString::to_string).collect();
        Ok(difference)
    }
}
