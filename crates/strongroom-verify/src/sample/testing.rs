//! Repositories that exist on paper, for tests.

use std::collections::BTreeSet;

use strongroom_format::{ObjectHash, PackClass, Time};

use super::{Chosen, Origin, Outcome, PackSelection, Request, Statement, Unit, choose};
use crate::evidence::Past;
use crate::journal::EvidenceEntry;
use crate::{Head, Level};

/// The entry `n` of a journal in which nothing is written.
pub(crate) fn head(n: u64) -> Head {
    Head {
        n,
        hash: ObjectHash::of(&n.to_le_bytes()),
    }
}

/// A day.
pub(crate) fn day(day: i64) -> Time {
    Time::new(1_800_000_000 + day * 86_400, 0)
}

/// A pack of content, added by entry `n` on a day.
pub(crate) fn unit(number: u64, n: u64, added: i64) -> Unit {
    Unit {
        name: ObjectHash::of(&number.to_be_bytes()),
        bytes: 1_000,
        class: Some(PackClass::Data),
        n,
        time: day(added),
        writer: [1; 32],
    }
}

/// Packs of content, ten an entry, the first entry being 1, one entry a day, the last of them yesterday.
pub(crate) fn units(count: u64) -> Vec<Unit> {
    let last = count / 10;
    (0..count)
        .map(|number| {
            let entry = number / 10;
            let days = i64::try_from(last - entry).unwrap() + 1;
            unit(number, 1 + entry, -days)
        })
        .collect()
}

/// Numbers that look random and are the same every time.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end` (splitmix64).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u64::try_from((u128::from(z ^ (z >> 31)) * u128::from(end)) >> 64).unwrap()
    }
}

/// A journal of checks, each of which leaves its record.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) entries: Vec<EvidenceEntry>,
    pub(crate) next: u64,
}

impl Diary {
    /// One whose first record will be entry `n`.
    pub(crate) fn new(n: u64) -> Self {
        Self {
            entries: Vec::new(),
            next: n,
        }
    }

    pub(crate) fn past(&self) -> Past {
        Past::new(
            &self.entries,
            |claimed| *claimed == head(claimed.n),
            |entry, doubt| panic!("{entry:?}: {doubt:?}"),
        )
    }

    pub(crate) fn choose(&self, units: &[Unit], selection: &PackSelection, now: Time) -> Chosen {
        let request = Request {
            selection,
            level: Level::Decoded,
            origin: Origin::Journal(head(self.next - 1)),
            past: Some(&self.past()),
            now,
        };
        choose(units.iter().copied(), &request)
    }

    /// Checks, finds these damaged if it reads them, and keeps the record.
    pub(crate) fn check(
        &mut self,
        units: &[Unit],
        selection: &PackSelection,
        now: Time,
        damaged: &BTreeSet<ObjectHash>,
    ) -> (Chosen, Vec<Statement>) {
        let mut chosen = self.choose(units, selection, now);
        let seen: BTreeSet<_> = chosen.packs().intersection(damaged).copied().collect();
        chosen.widen(&seen);
        let seen: BTreeSet<_> = chosen.packs().intersection(damaged).copied().collect();
        let outcome = Outcome {
            level: Level::Decoded,
            damaged: &seen,
            unread: &BTreeSet::new(),
            known_damaged: &BTreeSet::new(),
        };
        let statements = chosen.conclude(&outcome, Some(&self.past()));
        let readings = chosen.readings(&outcome);
        let at = head(self.next - 1);
        let record = strongroom_format::CheckRecord {
            level: Level::Decoded.number(),
            head: (at.n, at.hash),
            time: now,
            choices: readings.choices,
            read: readings.read,
            damaged: seen
                .iter()
                .map(|pack| strongroom_format::DamagedPack {
                    pack: *pack,
                    frames: Vec::new(),
                })
                .collect(),
            ..strongroom_format::CheckRecord::default()
        };
        self.entries.push(EvidenceEntry {
            n: self.next,
            time: now,
            writer: [2; 32],
            evidence: record.to_evidence().unwrap(),
        });
        self.next += 1;
        (chosen, statements)
    }
}
