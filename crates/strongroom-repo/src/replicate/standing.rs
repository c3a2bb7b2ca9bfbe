//! How far the journals of a repository and of its replica agree.

use strongroom_format::{Entry, ObjectHash, Time, object_name};

use super::round::Round;
use crate::context::get_if_there;
use crate::error::{ErrorKind, Head, Result};
use crate::journal::Replay;
use crate::state::State;

/// Where two journals of one repository part: somebody wrote to the replica, or somebody else to what was the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaFork {
    /// The first entry that is not the same in both, here.
    pub ours: Head,
    /// In the replica; `None` where it has none of this number but later ones.
    pub theirs: Option<Head>,
    /// Entries here from that one on.
    pub our_entries: u64,
    /// Entries in the replica from that one on.
    pub their_entries: u64,
}

/// How far two journals agree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Entries that both have.
    pub(super) common: u64,
    /// Entries of the replica that come after ours.
    pub(super) ahead: u64,
    pub(super) fork: Option<ReplicaFork>,
}

impl Round<'_> {
    /// Compares the two journals. Entries are chained, so where one is the same all before are: a fork is found in as many
    /// readings as the number of entries has digits in base two.
    pub(super) fn standing(&self, state: &State) -> Result<Standing> {
        let mut standing = Standing {
            common: state.head,
            ahead: 0,
            fork: None,
        };
        let error = match self.common(state) {
            Ok((common, _)) => return Ok(Standing { common, ..standing }),
            Err(error) => error,
        };
        let end = self.inventory.last_entry().map_or(0, |last| last + 1);
        match error.kind() {
            ErrorKind::Conflict => standing.ahead = end.saturating_sub(state.head),
            ErrorKind::Fork => {
                let fork = self.fork(state, end)?;
                standing.common = fork.ours.n;
                standing.fork = Some(fork);
            }
            _ => return Err(error),
        }
        Ok(standing)
    }

    /// Finds the first entry that differs, knowing that one of those that both have does.
    fn fork(&self, state: &State, end: u64) -> Result<ReplicaFork> {
        let (mut same, mut other) = (0, end.min(state.head).saturating_sub(1));
        while same < other {
            let middle = same + (other - same) / 2;
            match self.is_common(state, middle)? {
                true => same = middle + 1,
                false => other = middle,
            }
        }
        Ok(ReplicaFork {
            ours: Head::new(other, self.our_hash(state, other)?),
            theirs: self.their_hash(other)?.map(|hash| Head::new(other, hash)),
            our_entries: state.head - other,
            their_entries: end.saturating_sub(other),
        })
    }

    /// Says whether both have the same entry, or the replica the one that is lost here.
    fn is_common(&self, state: &State, n: u64) -> Result<bool> {
        let Some(theirs) = self.their_hash(n)? else {
            return Ok(false);
        };
        Ok(theirs == self.our_hash(state, n)? || self.is_lost_one(state, n, theirs)?)
    }

    /// Says whether the entry `n` of the replica, which has this hash, is the one that is lost here and that a Bridge stands for. The entry behind
    /// it states its hash. Where that is lost, too, the replica's own leads on to one that is not.
    ///
    /// An entry that nothing here tells of is not taken for the lost one: somebody may have written it to the replica.
    pub(super) fn is_lost_one(&self, state: &State, mut n: u64, hash: ObjectHash) -> Result<bool> {
        let mut theirs = hash;
        while let Some(bridge) = state.bridges.get(&n) {
            let is_stated = bridge.next != bridge.hash;
            if is_stated {
                return Ok(bridge.next == theirs);
            }
            n += 1;
            let next = get_if_there(self.target, &object_name::journal(n))?;
            let next = next.and_then(|bytes| Entry::decode(&bytes).ok());
            match next.filter(|next| next.n == n && next.previous == theirs) {
                Some(next) => theirs = next.hash,
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Returns when an entry of the original says that it was written; `None` if it is lost, or says it in a way not known here.
    pub(super) fn written(&self, n: u64) -> Option<Time> {
        let context = self.repository.context();
        let found = Replay::new(self.source, context).stored(n).ok()?;
        let payload = found.entry.open(context.keys().structure.journal()).ok()?;
        Some(payload.time)
    }

    fn our_hash(&self, state: &State, n: u64) -> Result<ObjectHash> {
        if let Some(bridge) = state.bridges.get(&n) {
            return Ok(bridge.hash);
        }
        let context = self.repository.context();
        let found = Replay::new(self.source, context).stored(n)?;
        Ok(found.entry.hash)
    }

    fn their_hash(&self, n: u64) -> Result<Option<ObjectHash>> {
        let bytes = get_if_there(self.target, &object_name::journal(n))?;
        Ok(bytes.map(|bytes| ObjectHash::of(&bytes)))
    }
}
