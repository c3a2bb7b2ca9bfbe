//! Chooses the packs of a check.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_format::{Choice, ObjectHash, PackClasses, Rolling, Stratum, Time};

use super::position::{Purpose, Seed};
use super::selection::{Goal, PackSelection};
use super::strata::{allot, divide, draw, stratum_of};
use super::unit::Unit;
use super::{Sampling, rolling};
use crate::evidence::{Past, pack_level};
use crate::{Head, Level};

/// What decides which packs are read.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) selection: &'a PackSelection,
    /// The level at which they will be read.
    pub(crate) level: Level,
    pub(crate) origin: Origin,
    /// `None` for who cannot read the journal.
    pub(crate) past: Option<&'a Past>,
    pub(crate) now: Time,
}

/// What a choice follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The newest entry of the journal.
    Journal(Head),
    /// The names of all objects, where no entry can be read: the hash of all names, sorted, each followed by a line end.
    Listing(ObjectHash),
}

/// The packs that are read, and why.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(super) units: BTreeMap<ObjectHash, Unit>,
    /// The names of those that are read.
    pub(super) packs: BTreeSet<ObjectHash>,
    pub(super) level: Level,
    pub(super) origin: Origin,
    pub(super) now: Time,
    pub(super) is_all: bool,
    /// Whether the journal says which packs there are.
    pub(super) is_stated: bool,
    pub(super) sample: Option<Sample>,
    pub(super) rolling: Option<Rolling>,
    /// The rules, for the record.
    choices: Vec<Choice>,
    widen: bool,
    /// Within which time every pack is to be read.
    pub(super) within: Option<std::time::Duration>,
}

/// A random sample.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) sampling: Sampling,
    /// As drawn. One that was read as a whole afterwards has the last position of all.
    pub(super) strata: Vec<Stratum>,
    /// The packs that were drawn, before any stratum was read as a whole, and their strata.
    pub(super) drawn: BTreeMap<ObjectHash, usize>,
}

/// Chooses.
pub(crate) fn choose(units: impl IntoIterator<Item = Unit>, request: &Request<'_>) -> Chosen {
    let units: BTreeMap<_, _> = units.into_iter().map(|unit| (unit.name, unit)).collect();
    let selection = request.selection;
    let mut chosen = Chosen {
        packs: BTreeSet::new(),
        level: request.level,
        origin: request.origin,
        now: request.now,
        // Listing lists everything.
        is_all: selection.all || request.level == Level::Listed,
        is_stated: request.past.is_some(),
        sample: None,
        rolling: None,
        choices: Vec::new(),
        widen: selection.widen,
        within: selection.max_age.or(selection.rolling),
        units,
    };
    if chosen.is_all {
        chosen.take(PackClasses::ALL);
        return chosen;
    }
    // Trees are walked, whatever else is read.
    chosen.take(PackClasses::TREES);
    if let Some(sampling) = selection.sample {
        chosen.take_sample(sampling);
    }
    match request.past {
        Some(past) => {
            if let Some(period) = selection.rolling {
                chosen.take_part(period, past);
            }
            if let Some(age) = selection.max_age {
                chosen.take_older(age, past);
            }
        }
        // Nobody remembers a round, or what was read when.
        None if selection.rolling.is_some() || selection.max_age.is_some() => {
            chosen.is_all = true;
            chosen.take(PackClasses::ALL);
        }
        None => {}
    }
    chosen
}

impl Chosen {
    /// Returns the names of the packs that are read.
    pub(crate) fn packs(&self) -> &BTreeSet<ObjectHash> {
        &self.packs
    }

    /// Returns the rules by which they were chosen.
    pub(crate) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// Adds the other packs of every stratum in whose sample one is damaged, and returns those that are to be read now.
    pub(crate) fn widen(&mut self, damaged: &BTreeSet<ObjectHash>) -> BTreeSet<ObjectHash> {
        let Some(sample) = self.sample.as_mut().filter(|_| self.widen) else {
            return BTreeSet::new();
        };
        let hit: BTreeSet<usize> = damaged
            .iter()
            .filter_map(|name| sample.drawn.get(name).copied())
            .collect();
        let mut more = BTreeSet::new();
        for unit in self.units.values().filter(|unit| unit.is_sampled()) {
            let Some(at) = stratum_of(&sample.strata, unit).filter(|at| hit.contains(at)) else {
                continue;
            };
            if let Some(stratum) = sample.strata.get_mut(at) {
                stratum.last = u64::MAX;
            }
            if self.packs.insert(unit.name) {
                more.insert(unit.name);
            }
        }
        for choice in &mut self.choices {
            if let Choice::Sample { strata, .. } = choice {
                strata.clone_from(&sample.strata);
            }
        }
        more
    }

    fn head(&self) -> Head {
        match self.origin {
            Origin::Journal(head) => head,
            Origin::Listing(hash) => Head { n: 0, hash },
        }
    }

    fn take(&mut self, classes: PackClasses) {
        let fits = |unit: &&Unit| match unit.class {
            Some(class) => classes.contains(class),
            None => classes == PackClasses::ALL,
        };
        let names = self.units.values().filter(fits).map(|unit| unit.name);
        self.packs.extend(names);
        self.choices.push(Choice::All { classes });
    }

    fn take_sample(&mut self, sampling: Sampling) {
        let units: Vec<_> = self
            .units
            .values()
            .filter(|unit| unit.is_sampled())
            .copied()
            .collect();
        let mut strata = divide(&units, self.now);
        allot(&mut strata, &sampling);
        let seed = Seed::new(Purpose::Sample, &self.head());
        let drawn: BTreeMap<_, _> = draw(&mut strata, &units, &seed)
            .into_iter()
            .filter_map(|unit| Some((unit.name, stratum_of(&strata, unit)?)))
            .collect();
        self.packs.extend(drawn.keys().copied());
        self.choices.push(Choice::Sample {
            confidence: sampling.confidence.billionths(),
            below: match sampling.goal {
                Goal::Below(share) => share.billionths(),
                Goal::Read(_) => 0,
            },
            strata: strata.clone(),
        });
        self.sample = Some(Sample {
            sampling,
            strata,
            drawn,
        });
    }

    /// Adds the part of a round that is due.
    fn take_part(&mut self, period: std::time::Duration, past: &Past) {
        let head = self.head();
        let place = past.place(pack_level(self.level), self.now);
        let Some(part) = rolling::next(place.as_ref(), period, PackClasses::DATA, &head, self.now)
        else {
            self.rolling = place.map(|place| place.part);
            return;
        };
        let seed = round_seed(&part);
        let is_due = |unit: &&Unit| is_in_part(&part, &seed, unit);
        let names = self.units.values().filter(is_due).map(|unit| unit.name);
        self.packs.extend(names);
        self.choices.push(Choice::Rolling(part));
        self.rolling = Some(part);
    }

    fn take_older(&mut self, age: std::time::Duration, past: &Past) {
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        let since = Time::new(self.now.seconds.saturating_sub(age), self.now.nanos);
        let level = pack_level(self.level);
        let is_older =
            |unit: &&Unit| unit.is_sampled() && !past.was_read_since(unit, level, since, self.now);
        let names = self.units.values().filter(is_older).map(|unit| unit.name);
        self.packs.extend(names);
        self.choices.push(Choice::Older {
            classes: PackClasses::DATA,
            since,
        });
    }
}

/// Returns what orders the packs of a round.
pub(crate) fn round_seed(part: &Rolling) -> Seed {
    let (n, hash) = part.began;
    Seed::new(Purpose::Round, &Head { n, hash })
}

/// Whether a pack has its turn in a part of a round.
pub(crate) fn is_in_part(part: &Rolling, seed: &Seed, unit: &Unit) -> bool {
    unit.n <= part.began.0
        && unit.class.is_some_and(|class| part.classes.contains(class))
        && (part.first..=part.last).contains(&seed.position(&unit.name))
}

#[cfg(test)]
mod tests;
