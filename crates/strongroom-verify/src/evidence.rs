//! What earlier checks left in the journal: when was which pack read last, and how deep.

mod record;
mod verified;

use std::collections::BTreeSet;

use strongroom_format::{CheckRecord, Choice, ObjectHash, Rolling, Stratum, Time};

pub(crate) use self::record::Readings;
use crate::journal::EvidenceEntry;
use crate::sample::{Place, Purpose, Seed, Unit, is_in_part, round_seed, stratum_of};
use crate::{Head, Level};

/// The records of earlier checks, in order of their entries.
#[derive(Debug, Default)]
pub(crate) struct Past {
    readings: Vec<Reading>,
}

/// A check that read packs.
#[derive(Debug)]
struct Reading {
    /// The entry that holds its record.
    entry: u64,
    /// The newest entry that it followed.
    head: u64,
    level: Level,
    time: Time,
    /// The latest time of this and all earlier readings.
    latest: Time,
    rules: Vec<Rule>,
    /// Packs that it found damaged: what was read before them proves nothing any more.
    damaged: BTreeSet<ObjectHash>,
    /// Packs that were chosen and not read.
    unread: BTreeSet<ObjectHash>,
}

/// A rule by which packs were chosen, with the order that it follows.
#[derive(Debug)]
enum Rule {
    All(strongroom_format::PackClasses),
    Sample(Seed, Vec<Stratum>),
    Rolling(Seed, Rolling),
    Older(strongroom_format::PackClasses, Time),
}

/// Why a record proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It does not decode.
    Malformed,
    /// It names an entry of the journal that is not the one with that number.
    OtherHistory,
}

/// Returns the level at which a check of this level reads packs: files are rebuilt from what was decoded.
pub(crate) fn pack_level(level: Level) -> Level {
    level.min(Level::Decoded)
}

impl Past {
    /// Reads the records among the evidence. `is_entry` says whether an entry of the journal has a hash; `doubt` is told of records that are not what
    /// they should be.
    pub(crate) fn new(
        evidence: &[EvidenceEntry],
        is_entry: impl Fn(&Head) -> bool,
        mut doubt: impl FnMut(&EvidenceEntry, Doubt),
    ) -> Self {
        let mut readings: Vec<Reading> = Vec::new();
        for entry in evidence {
            let record = match CheckRecord::of_evidence(&entry.evidence) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(_) => {
                    doubt(entry, Doubt::Malformed);
                    continue;
                }
            };
            if !heads(&record).all(|head| head.n < entry.n && is_entry(&head)) {
                doubt(entry, Doubt::OtherHistory);
                continue;
            }
            if let Some(reading) = Reading::new(entry.n, record, readings.last()) {
                readings.push(reading);
            }
        }
        Self { readings }
    }

    /// Returns how far the newest round of checks that read packs at exactly this level has come. What claims to be later than `now` is not believed:
    /// it would end every round.
    pub(crate) fn place(&self, level: Level, now: Time) -> Option<Place> {
        let at_level = |reading: &&Reading| pack_level(reading.level) == level;
        let of = |reading: &Reading| {
            reading.rules.iter().find_map(|rule| match rule {
                Rule::Rolling(_, part) if part.time.max(reading.time) <= tolerated(now) => {
                    Some(Place {
                        part: *part,
                        time: reading.time,
                    })
                }
                _ => None,
            })
        };
        self.readings.iter().rev().filter(at_level).find_map(of)
    }

    /// Whether a pack was read since a time at that level or above.
    pub(crate) fn was_read_since(&self, unit: &Unit, level: Level, since: Time, now: Time) -> bool {
        let mut look = Look::new(self, unit);
        look.was_read(self.readings.len(), u64::MAX, level, since, now)
    }

    /// Returns when the newest check that read a pack at that level or above began. What claims to be later than `now` is not believed.
    pub(crate) fn last_read(&self, unit: &Unit, level: Level, now: Time) -> Option<Time> {
        let mut look = Look::new(self, unit);
        for (at, reading) in self.readings.iter().enumerate().rev() {
            if reading.damaged.contains(&unit.name) {
                return None;
            }
            if reading.level >= level && reading.time <= tolerated(now) && look.is_read_by(at) {
                return Some(reading.time);
            }
        }
        None
    }
}

impl Reading {
    /// `None` if the record proves the reading of no pack.
    fn new(entry: u64, record: CheckRecord, before: Option<&Self>) -> Option<Self> {
        let level = *Level::ALL.get(usize::from(record.level))?;
        let (n, hash) = record.head;
        let seed = Seed::new(Purpose::Sample, &Head { n, hash });
        let rules = record
            .choices
            .into_iter()
            .filter_map(|choice| match choice {
                Choice::All { classes } => Some(Rule::All(classes)),
                Choice::Sample { strata, .. } => Some(Rule::Sample(seed, strata)),
                Choice::Rolling(part) => Some(Rule::Rolling(round_seed(&part), part)),
                Choice::Older { classes, since } => Some(Rule::Older(classes, since)),
                _ => None,
            });
        let rules = rules.collect();
        let damaged = record.damaged.into_iter().map(|pack| pack.pack);
        (!record.is_truncated).then(|| Self {
            entry,
            head: n,
            level,
            time: record.time,
            latest: before.map_or(record.time, |before| before.latest.max(record.time)),
            rules,
            damaged: damaged.collect(),
            unread: record.unread.into_iter().collect(),
        })
    }
}

/// Looks one pack up in all readings, and does nothing twice: whether one of them read it may depend on those before.
struct Look<'a> {
    past: &'a Past,
    unit: &'a Unit,
    known: Vec<Option<bool>>,
}

impl<'a> Look<'a> {
    fn new(past: &'a Past, unit: &'a Unit) -> Self {
        let known = vec![None; past.readings.len()];
        Self { past, unit, known }
    }

    /// Whether one of the first `count` readings, if their entries are not after `head`, read the pack between two times.
    fn was_read(
        &mut self,
        count: usize,
        head: u64,
        level: Level,
        since: Time,
        until: Time,
    ) -> bool {
        let past = self.past;
        for (at, reading) in past.readings.iter().enumerate().take(count).rev() {
            if reading.latest < since {
                return false;
            }
            if reading.entry > head {
                continue;
            }
            if reading.damaged.contains(&self.unit.name) {
                return false;
            }
            if reading.level >= level
                && (since..=tolerated(until)).contains(&reading.time)
                && self.is_read_by(at)
            {
                return true;
            }
        }
        false
    }

    fn is_read_by(&mut self, at: usize) -> bool {
        let past = self.past;
        let Some(reading) = past.readings.get(at) else {
            return false;
        };
        if let Some(Some(known)) = self.known.get(at) {
            return *known;
        }
        let name = &self.unit.name;
        let is_open = self.unit.n <= reading.head
            && !reading.damaged.contains(name)
            && !reading.unread.contains(name);
        let mut rules = reading.rules.iter();
        let found = is_open && rules.any(|rule| self.is_chosen_by(rule, reading, at));
        if let Some(known) = self.known.get_mut(at) {
            *known = Some(found);
        }
        found
    }

    fn is_chosen_by(&mut self, rule: &Rule, reading: &Reading, at: usize) -> bool {
        let unit = self.unit;
        let Some(class) = unit.class else {
            return false;
        };
        match rule {
            Rule::All(classes) => classes.contains(class),
            Rule::Sample(seed, strata) => {
                let stratum = stratum_of(strata, unit).and_then(|at| strata.get(at));
                unit.is_sampled()
                    && stratum.is_some_and(|stratum| {
                        stratum.drawn > 0 && seed.position(&unit.name) <= stratum.last
                    })
            }
            Rule::Rolling(seed, part) => is_in_part(part, seed, unit),
            Rule::Older(classes, since) => {
                let level = pack_level(reading.level);
                classes.contains(class)
                    && !self.was_read(at, reading.head, level, *since, reading.time)
            }
        }
    }
}

/// The entries of the journal that a record names.
fn heads(record: &CheckRecord) -> impl Iterator<Item = Head> + '_ {
    let rounds = record.choices.iter().filter_map(|choice| match choice {
        Choice::Rolling(part) => Some(part.began),
        _ => None,
    });
    let of = |(n, hash)| Head { n, hash };
    std::iter::once(record.head).chain(rounds).map(of)
}

/// Clocks of machines differ; a day is enough for all that are set at all.
fn tolerated(now: Time) -> Time {
    Time::new(now.seconds.saturating_add(86_400), now.nanos)
}

#[cfg(test)]
mod tests;
