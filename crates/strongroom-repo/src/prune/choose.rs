//! What becomes of each pack, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strongroom_crypt::SessionId;
use strongroom_format::{ObjectHash, PackClass};

use crate::prune::figures::{Figures, PackFigures};
use crate::prune::options::PruneOptions;

/// What becomes of a pack, and why. A pack of which a plan says nothing stays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackDecision {
    /// Its name.
    pub name: ObjectHash,
    /// Which kinds of blobs it has.
    pub class: PackClass,
    /// Its length in bytes.
    pub len: u32,
    /// What becomes of it.
    pub action: PackAction,
    /// Why.
    pub reason: PackReason,
    /// Stored bytes of its frames with something in them that a snapshot needs.
    pub live_bytes: u64,
    /// Stored bytes of its frames, or of parts of them, that nothing needs.
    pub unused_bytes: u64,
    /// Until when the store will not delete it, in seconds since 1970, as far as the journal says; `None` if it is not known to be locked.
    pub locked_until: Option<i64>,
}

/// What becomes of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PackAction {
    /// It is dropped.
    Drop,
    /// What is needed of it is written into new packs, and it is dropped.
    Repack,
    /// It is condemned; a later prune drops it.
    Condemn,
    /// It stays, although it could go.
    Keep,
}

/// Why something becomes of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PackReason {
    /// No snapshot needs anything of it.
    Unreferenced,
    /// Somebody condemned it.
    Condemned,
    /// Frames of it are known to be damaged.
    Damaged,
    /// Too much of it is needed by nothing, and the newest snapshots need little of it.
    Scattered,
    /// Too much of it is needed by nothing.
    Unused,
    /// It is much smaller than packs should be.
    Small,
    /// A session that has not ended announced it.
    Announced,
    /// The only copy of something is in a damaged frame of it.
    OnlyCopy,
    /// It has the only copy of something, and the store does not list it, or lists it with another length.
    Missing,
    /// The limit on the bytes that are written again was reached.
    Limit,
    /// It has content, which may be in cold storage and is not to be read.
    Cold,
}

/// What is decided on.
#[derive(Debug)]
pub(super) struct Choice {
    /// In the order in which things are done.
    pub(super) decisions: Vec<PackDecision>,
    /// Stored bytes that nothing needs, of all packs.
    pub(super) unused_before: u64,
    /// What stays of them.
    pub(super) unused_after: u64,
}

/// What decisions are made of.
#[derive(Debug)]
pub(super) struct Grounds<'a> {
    pub(super) figures: &'a Figures,
    pub(super) options: &'a PruneOptions,
    /// Content that nothing needs can be freed from frames.
    pub(super) counts_trapped: bool,
    /// Packs that somebody condemned in an earlier entry.
    pub(super) condemned: &'a BTreeSet<ObjectHash>,
    /// Packs with damage.
    pub(super) damaged: &'a BTreeSet<ObjectHash>,
    /// Packs announced by sessions that are waited for.
    pub(super) announced: &'a BTreeMap<ObjectHash, SessionId>,
    /// Lengths of full packs of data, names and pages.
    pub(super) full_lens: [usize; 3],
}

impl Grounds<'_> {
    /// Decides on every pack.
    pub(super) fn choose(&self) -> Choice {
        let mut chooser = Chooser {
            grounds: self,
            decisions: Vec::new(),
            budget: self.options.max_repack_bytes.unwrap_or(u64::MAX),
            unused: 0,
            counted: 0,
        };
        let all = &self.figures.packs;
        let unused_before = all.iter().map(|pack| self.unused(pack)).sum();
        let mut candidates = Vec::new();
        for pack in all {
            match self.first_look(pack) {
                Look::Decided(action, reason) => chooser.decide(pack, action, reason),
                Look::Candidate => candidates.push(pack),
            }
        }
        let needed = all
            .iter()
            .map(|pack| pack.frame_bytes.saturating_sub(self.unused(pack)))
            .sum();
        chooser.unused = candidates.iter().map(|pack| self.unused(pack)).sum();
        chooser.counted = candidates.iter().map(|pack| self.counted(pack)).sum();
        let rest = chooser.choose_condemned(candidates);
        let rest = chooser.choose_unused(rest, self.options.max_unused.bytes_beside(needed));
        chooser.choose_small(rest);
        let mut decisions = chooser.decisions;
        decisions.sort_by_key(|one| (one.action, one.class as u16, one.reason, one.name));
        Choice {
            decisions,
            unused_before,
            unused_after: chooser.unused,
        }
    }

    fn first_look(&self, pack: &PackFigures) -> Look {
        let name = &pack.pack.name;
        if self.announced.contains_key(name) {
            Look::Decided(PackAction::Keep, PackReason::Announced)
        } else if pack.is_dead() {
            Look::Decided(PackAction::Drop, PackReason::Unreferenced)
        } else if pack.is_missing {
            Look::Decided(PackAction::Keep, PackReason::Missing)
        } else if pack.needs_damaged {
            Look::Decided(PackAction::Keep, PackReason::OnlyCopy)
        } else {
            Look::Candidate
        }
    }

    fn unused(&self, pack: &PackFigures) -> u64 {
        pack.unused_bytes(self.counts_trapped)
    }

    fn counted(&self, pack: &PackFigures) -> u64 {
        pack.counted_bytes(self.counts_trapped)
    }

    /// Says whether the newest snapshots need less than 30 % of a pack: restoring them reads much for little.
    fn is_scattered(pack: &PackFigures) -> bool {
        pack.newest_bytes > 0 && pack.newest_bytes * 100 < pack.frame_bytes * SCATTERED_PERCENT
    }

    fn is_small(&self, pack: &PackFigures) -> bool {
        let full = self.full_lens.get(pack.pack.class as usize);
        full.is_some_and(|full| (pack.pack.len as usize) < full / 2)
    }
}

enum Look {
    Decided(PackAction, PackReason),
    /// It is needed in part or whole, and may be written anew.
    Candidate,
}

struct Chooser<'a> {
    grounds: &'a Grounds<'a>,
    decisions: Vec<PackDecision>,
    /// Bytes that may still be written again.
    budget: u64,
    /// What nothing needs and stays as yet.
    unused: u64,
    /// Of it, what counts against what may stay.
    counted: u64,
}

impl Chooser<'_> {
    /// What is condemned or damaged goes in any case, if there is room for it.
    fn choose_condemned<'p>(&mut self, packs: Vec<&'p PackFigures>) -> Vec<&'p PackFigures> {
        let grounds = self.grounds;
        let mut rest = Vec::new();
        for pack in packs {
            let name = &pack.pack.name;
            if grounds.damaged.contains(name) {
                self.repack(pack, PackReason::Damaged);
            } else if grounds.condemned.contains(name) {
                self.repack(pack, PackReason::Condemned);
            } else {
                rest.push(pack);
            }
        }
        rest
    }

    /// Packs with much that nothing needs go, until no more than `limit` stays.
    fn choose_unused<'p>(
        &mut self,
        mut packs: Vec<&'p PackFigures>,
        limit: u64,
    ) -> Vec<&'p PackFigures> {
        let order = |pack: &&PackFigures| {
            let share = pack.freed_by_repack() as f64 / pack.frame_bytes.max(1) as f64;
            // In whole percents: packs that are alike in this are taken by name.
            let kept = 100 - super::options::whole(share * 100.0).min(100);
            (!Grounds::is_scattered(pack), kept, pack.pack.name)
        };
        packs.sort_by_cached_key(order);
        let mut rest = Vec::new();
        for pack in packs {
            if self.counted <= limit || pack.freed_by_repack() == 0 {
                rest.push(pack);
                continue;
            }
            let reason = match Grounds::is_scattered(pack) {
                true => PackReason::Scattered,
                false => PackReason::Unused,
            };
            self.repack(pack, reason);
        }
        rest
    }

    /// Small packs of one class become fewer, if that is [worth](worth_joining) writing them again.
    fn choose_small(&mut self, packs: Vec<&PackFigures>) {
        for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
            let of_class = packs.iter().filter(|pack| pack.pack.class == class);
            let mut small: Vec<_> = of_class
                .filter(|pack| self.grounds.is_small(pack))
                .collect();
            small.sort_by_key(|pack| (pack.bytes_to_write(), pack.pack.name));
            let lens: Vec<u64> = small.iter().map(|pack| pack.bytes_to_write()).collect();
            let full = self.grounds.full_lens.get(class as usize);
            let count = worth_joining(&lens, full.map_or(u64::MAX, |full| *full as u64));
            for pack in small.into_iter().take(count) {
                self.repack(pack, PackReason::Small);
            }
        }
    }

    fn repack(&mut self, pack: &PackFigures, reason: PackReason) {
        if self.grounds.options.leaves(pack.pack.class) {
            return self.decide(pack, PackAction::Keep, PackReason::Cold);
        }
        let Some(left) = self.budget.checked_sub(pack.bytes_to_write()) else {
            return self.decide(pack, PackAction::Keep, PackReason::Limit);
        };
        self.budget = left;
        let stays = match self.grounds.counts_trapped {
            true => pack
                .trapped
                .stored
                .saturating_sub(pack.trapped.stored_to_free),
            false => 0,
        };
        self.unused = self.unused.saturating_sub(self.grounds.unused(pack)) + stays;
        self.counted = self.counted.saturating_sub(self.grounds.counted(pack));
        self.decide(pack, PackAction::Repack, reason);
    }

    /// Takes a decision, which is to condemn where something would go that nobody was warned of.
    fn decide(&mut self, pack: &PackFigures, action: PackAction, reason: PackReason) {
        let goes = matches!(action, PackAction::Drop | PackAction::Repack);
        let is_warned =
            !self.grounds.options.condemn || self.grounds.condemned.contains(&pack.pack.name);
        let action = match goes && !is_warned {
            true => PackAction::Condemn,
            false => action,
        };
        self.decisions.push(PackDecision {
            name: pack.pack.name,
            class: pack.pack.class,
            len: pack.pack.len,
            action,
            reason,
            live_bytes: pack.live_bytes,
            unused_bytes: self.grounds.unused(pack),
            locked_until: None,
        });
    }
}

/// Says how many of these lengths of small packs, the smallest first, are worth being put together: all if they fill a pack, so that what is written is small
/// no more; else as many as are about alike, if these are many. A byte is then written again a few times in its life, and not every night with what came
/// since the night before.
fn worth_joining(lens: &[u64], full: u64) -> usize {
    if lens.iter().sum::<u64>() >= full {
        return lens.len();
    }
    let mut smaller = 0;
    let mut alike = 0;
    for (count, len) in (1..).zip(lens) {
        if *len <= smaller {
            alike = count;
        }
        smaller += len;
    }
    match alike >= MANY_SMALL {
        true => alike,
        false => 0,
    }
}

impl fmt::Display for PackAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drop => "drop",
            Self::Repack => "repack",
            Self::Condemn => "condemn",
            Self::Keep => "keep",
        })
    }
}

impl fmt::Display for PackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreferenced => "no snapshot needs anything of it",
            Self::Condemned => "it was condemned",
            Self::Damaged => "frames of it are damaged",
            Self::Scattered => "the newest snapshots need little of it",
            Self::Unused => "much of it is needed by nothing",
            Self::Small => "it is small",
            Self::Announced => "a session that has not ended announced it",
            Self::OnlyCopy => "the only copy of something is in a damaged frame of it",
            Self::Missing => {
                "it has the only copy of something, and it is not there as it should be"
            }
            Self::Cold => "it is content, and may be in cold storage",
            Self::Limit => "the limit on what is written again was reached",
        })
    }
}

/// A pack of which the newest snapshots need less than this is scattered.
const SCATTERED_PERCENT: u64 = 30;
/// So many small packs that are alike become one.
const MANY_SMALL: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_packs_are_joined_when_they_fill_one_or_are_many_that_are_alike() {
        for (lens, joined) in [
            (vec![], 0),
            (vec![1], 0),
            (vec![10; 7], 0),
            (vec![10; 8], 8),
            // The large one would be written again for little.
            ([vec![10; 8], vec![400]].concat(), 8),
            ([vec![10; 7], vec![400]].concat(), 0),
            ([vec![10; 8], vec![80]].concat(), 9),
            (vec![1, 2, 4, 8, 16, 32, 64, 128, 256], 0),
            (vec![400, 450], 0),
            (vec![400, 450, 450], 3),
        ] {
            assert_eq!(worth_joining(&lens, 1_000), joined, "{lens:?}");
        }
    }

    #[test]
    fn what_comes_every_night_is_written_again_a_few_times_at_most() {
        let (mut packs, mut written, mut most) = (Vec::new(), 0, 0);
        for _ in 0..1_000 {
            packs.push(10_u64);
            packs.sort_unstable();
            let joined = worth_joining(&packs, 8_000);
            let one: u64 = packs.drain(..joined).sum();
            written += one;
            // Packs that are not small are looked at no more.
            packs.extend((1..4_000).contains(&one).then_some(one));
            most = most.max(packs.len());
        }
        assert!(written <= 10_000 * 4, "{written}");
        assert!(most < 20, "{most}");
    }
}
