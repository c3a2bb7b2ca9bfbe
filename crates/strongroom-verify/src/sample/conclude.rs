//! What follows from what was read.

use std::collections::BTreeSet;
use std::time::Duration;

use strongroom_format::{ObjectHash, PackClass, Time};

use super::bound::{Drawn, Strata};
use super::choose::{Chosen, Sample};
use super::selection::Goal;
use super::share::Share;
use super::statement::{Age, Bound, Census, Round, Statement};
use super::{Unit, upper_count};
use crate::Level;
use crate::evidence::{Past, Readings, pack_level};

/// What reading the chosen packs showed.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    /// The level that was reached.
    pub(crate) level: Level,
    /// Packs that are damaged or missing, also such as were not chosen.
    pub(crate) damaged: &'a BTreeSet<ObjectHash>,
    /// Packs that were chosen and could not be read to that level.
    pub(crate) unread: &'a BTreeSet<ObjectHash>,
    /// Packs that the journal says are damaged.
    pub(crate) known_damaged: &'a BTreeSet<ObjectHash>,
}

impl Chosen {
    /// Says what follows. Packs that could not be read count as damaged where a sample is concerned: nobody knows better.
    pub(crate) fn conclude(&self, outcome: &Outcome<'_>, past: Option<&Past>) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.is_all {
            statements.push(Statement::Read(Census {
                level: outcome.level,
                packs: self.units.len() as u64,
                damaged: self.count(outcome.damaged),
                unread: self.count(outcome.unread),
            }));
            return statements;
        }
        if let Some(sample) = &self.sample {
            let bounds = self.bounds(sample, outcome);
            statements.extend(bounds.into_iter().map(Statement::Sampled));
        }
        if let Some(part) = &self.rolling {
            statements.push(Statement::Round(Round {
                began: part.began.0,
                done: part_done(part.last),
                age: age(part.time, self.now),
                period: Duration::from_secs(part.period_s),
            }));
        }
        if let Some(past) = past {
            statements.push(Statement::Age(self.age(outcome, past)));
        }
        statements
    }

    /// Returns what the record of the check says of the packs.
    pub(crate) fn readings(&self, outcome: &Outcome<'_>) -> Readings {
        let read = self
            .packs
            .iter()
            .filter(|name| !outcome.unread.contains(*name));
        let bytes = |name| self.units.get(name).map_or(0, |unit: &Unit| unit.bytes);
        let (mut count, mut total) = (0, 0_u64);
        for name in read {
            count += 1;
            total = total.saturating_add(bytes(name));
        }
        Readings {
            is_stated: self.is_stated,
            choices: self.choices().to_vec(),
            read: (count, total),
            all_bytes: self.units.values().map(|unit| unit.bytes).sum(),
            content: self.content(outcome),
            unread: outcome.unread.clone(),
        }
    }

    /// Returns how many bytes of content were read, and all.
    fn content(&self, outcome: &Outcome<'_>) -> (u64, u64) {
        let content = || {
            self.units
                .values()
                .filter(|unit| unit.class == Some(PackClass::Data))
        };
        let is_read =
            |unit: &&Unit| self.packs.contains(&unit.name) && !outcome.unread.contains(&unit.name);
        let bytes = |unit: &Unit| unit.bytes;
        (
            content().filter(is_read).map(bytes).sum(),
            content().map(bytes).sum(),
        )
    }

    fn count(&self, packs: &BTreeSet<ObjectHash>) -> u64 {
        let ours = |name: &&ObjectHash| self.units.contains_key(*name);
        packs.iter().filter(ours).count() as u64
    }

    /// What the sample says: of all together first, then, if there are several, of each stratum.
    fn bounds(&self, sample: &Sample, outcome: &Outcome<'_>) -> Vec<Bound> {
        let is_bad =
            |name: &&ObjectHash| outcome.damaged.contains(*name) || outcome.unread.contains(*name);
        let mut seen = vec![0; sample.strata.len()];
        for (name, at) in &sample.drawn {
            if let Some(seen) = seen.get_mut(*at).filter(|_| is_bad(&name)) {
                *seen += 1;
            }
        }
        let mut found = vec![0; sample.strata.len()];
        for name in outcome.damaged.union(outcome.unread) {
            let unit = self.units.get(name).filter(|unit| unit.is_sampled());
            let at = unit.and_then(|unit| super::stratum_of(&sample.strata, unit));
            if let Some(found) = at.and_then(|at| found.get_mut(at)) {
                *found += 1;
            }
        }
        let strata: Vec<Bound> = sample
            .strata
            .iter()
            .zip(seen.into_iter().zip(found))
            .map(|(stratum, (seen, found))| {
                let confidence = sample.sampling.confidence;
                // One that was read as a whole is known.
                let at_most = if stratum.drawn > 0 && stratum.last == u64::MAX {
                    found
                } else {
                    let bound = upper_count(seen, stratum.drawn, stratum.population, confidence);
                    bound.max(found)
                };
                Bound {
                    stratum: Some(*stratum),
                    confidence,
                    at_most,
                    below: None,
                    level: outcome.level,
                    population: stratum.population,
                    drawn: stratum.drawn,
                    seen,
                    found,
                    origin: self.origin,
                }
            })
            .collect();
        let whole = self.whole(sample, &strata, outcome);
        match strata.len() {
            0 | 1 => vec![whole],
            _ => std::iter::once(whole).chain(strata).collect(),
        }
    }

    /// What the sample says of all packs together, from what was drawn before anything was read because of what it showed: to go on only where damage
    /// was seen, and then to count only what was not, would prove too much.
    fn whole(&self, sample: &Sample, strata: &[Bound], outcome: &Outcome<'_>) -> Bound {
        let sum = |of: fn(&Bound) -> u64| strata.iter().map(of).sum::<u64>();
        let (population, found) = (sum(|one| one.population), sum(|one| one.found));
        let is_open = |one: &&Bound| one.drawn < one.population;
        let (open, full): (Vec<_>, Vec<_>) = strata.iter().partition(is_open);
        let drawn = Strata::new(open.iter().map(|one| Drawn {
            population: one.population,
            read: one.drawn,
        }));
        let confidence = sample.sampling.confidence;
        let bound = drawn.upper_count(open.iter().map(|one| one.seen).sum(), confidence)
            + full.iter().map(|one| one.seen).sum::<u64>();
        let known: u64 = strata.iter().map(|one| one.at_most).sum();
        let is_read = |one: &Bound| one.stratum.is_some_and(|stratum| stratum.last == u64::MAX);
        let at_most = if strata
            .iter()
            .all(|one| is_read(one) || one.drawn == one.population)
        {
            known
        } else {
            bound.max(found)
        };
        let below = match sample.sampling.goal {
            Goal::Below(share) if at_most < share.of(population) => Some(share),
            _ => None,
        };
        Bound {
            stratum: None,
            confidence,
            at_most,
            below,
            level: outcome.level,
            population,
            drawn: sum(|one| one.drawn),
            seen: sum(|one| one.seen),
            found,
            origin: self.origin,
        }
    }

    /// How old the newest evidence is, with what was read now.
    fn age(&self, outcome: &Outcome<'_>, past: &Past) -> Age {
        let level = pack_level(self.level);
        let mut found = Age {
            level,
            packs: self.units.len() as u64,
            never: 0,
            within: self.within,
            late: 0,
            oldest: None,
        };
        let is_reached = pack_level(outcome.level) >= level;
        for (name, unit) in &self.units {
            let is_read = is_reached && self.packs.contains(name) && !outcome.unread.contains(name);
            let time = match () {
                () if outcome.damaged.contains(name) => None,
                () if is_read => Some(self.now),
                () if outcome.known_damaged.contains(name) => None,
                () => past.last_read(unit, level, self.now),
            };
            let Some(age) = time.map(|time| age(time, self.now)) else {
                found.never += 1;
                continue;
            };
            found.oldest = found.oldest.max(Some(age));
            found.late += u64::from(self.within.is_some_and(|within| age > within));
        }
        found
    }
}

/// How much of a round is read when this was its last position.
fn part_done(last: u64) -> Share {
    // Of 2^64 positions, in billionths, rounded down: the whole only when it is.
    let done = (u128::from(last) + 1) * 1_000_000_000;
    u32::try_from(done >> 64)
        .ok()
        .and_then(Share::from_billionths)
        .unwrap_or(Share::ALL)
}

fn age(from: Time, to: Time) -> Duration {
    let seconds = to.seconds.saturating_sub(from.seconds);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
