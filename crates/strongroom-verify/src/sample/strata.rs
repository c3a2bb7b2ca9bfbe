//! What is alike is sampled apart: packs that were added at about the same time by the same writer lie on the same disks.

use std::collections::BTreeMap;

use strongroom_format::{Stratum, Time};

use super::bound::{Drawn, Strata};
use super::position::Seed;
use super::selection::{Goal, Sampling};
use super::size::{first, is_convincing};
use super::unit::Unit;

/// Divides packs into strata; a pack belongs to the first that it fits, and each fits one. Nothing is drawn yet.
///
/// Ages are told apart by the numbers of entries, so that anybody can tell later which pack belonged where. Few packs stay together: every stratum costs
/// a pack of rounding.
pub(crate) fn divide(units: &[Unit], now: Time) -> Vec<Stratum> {
    let ends = ends_of_ages(units, now);
    let mut strata = Vec::new();
    let mut from = 0;
    for to in ends {
        let within: Vec<_> = units
            .iter()
            .filter(|unit| (from..=to).contains(&unit.n))
            .collect();
        for writer in writers(&within) {
            strata.push(Stratum {
                added: (from, to),
                writer,
                population: 0,
                drawn: 0,
                last: 0,
            });
        }
        from = to.saturating_add(1);
    }
    for unit in units {
        if let Some(stratum) = stratum_of(&strata, unit).and_then(|at| strata.get_mut(at)) {
            stratum.population += 1;
        }
    }
    strata.retain(|stratum| stratum.population > 0);
    strata
}

/// Returns the first stratum that a pack fits.
pub(crate) fn stratum_of(strata: &[Stratum], unit: &Unit) -> Option<usize> {
    let fits = |stratum: &Stratum| {
        let (from, to) = stratum.added;
        (from..=to).contains(&unit.n) && stratum.writer.is_none_or(|writer| writer == unit.writer)
    };
    strata.iter().position(fits)
}

/// Says how many packs of each stratum are to be drawn, so that what is to be proved is proved however the damage is spread over the strata.
pub(crate) fn allot(strata: &mut [Stratum], sampling: &Sampling) {
    let population: u64 = strata.iter().map(|stratum| stratum.population).sum();
    let below = match sampling.goal {
        Goal::Read(share) => {
            for stratum in strata {
                stratum.drawn = share.of(stratum.population);
            }
            return;
        }
        Goal::Below(share) => share.of(population),
    };
    let proportional = |stratum: &Stratum, total: u64| {
        let exact = u128::from(total) * u128::from(stratum.population);
        let rounded = exact.div_ceil(u128::from(population.max(1)));
        u64::try_from(rounded).map_or(stratum.population, |drawn| drawn.min(stratum.population))
    };
    let is_enough = |total: u64| {
        let drawn = strata.iter().map(|stratum| Drawn {
            population: stratum.population,
            read: proportional(stratum, total),
        });
        below > 0 && is_convincing(Strata::new(drawn).ln_none(below), sampling.confidence)
    };
    let total = first(0, population, is_enough);
    for stratum in strata {
        stratum.drawn = proportional(stratum, total);
    }
}

/// Draws: the packs of a stratum that come first in the order of the seed. Returns the chosen ones.
pub(crate) fn draw<'a>(strata: &mut [Stratum], units: &'a [Unit], seed: &Seed) -> Vec<&'a Unit> {
    let mut members: Vec<Vec<(u64, &Unit)>> = vec![Vec::new(); strata.len()];
    for unit in units {
        if let Some(members) = stratum_of(strata, unit).and_then(|at| members.get_mut(at)) {
            members.push((seed.position(&unit.name), unit));
        }
    }
    let mut chosen = Vec::new();
    for (stratum, mut members) in strata.iter_mut().zip(members) {
        members.sort_unstable_by_key(|(position, unit)| (*position, unit.name));
        let drawn = usize::try_from(stratum.drawn).unwrap_or(usize::MAX);
        let Some(&(last, _)) = drawn.checked_sub(1).and_then(|at| members.get(at)) else {
            continue;
        };
        stratum.last = last;
        let within = members.iter().take_while(|(position, _)| *position <= last);
        chosen.extend(within.map(|(_, unit)| *unit));
    }
    chosen
}

/// Returns the last entry of each age, the oldest first; the last is the last of all.
fn ends_of_ages(units: &[Unit], now: Time) -> Vec<u64> {
    let mut ends: Vec<u64> = Vec::new();
    for days in AGES_DAYS {
        let old = now.seconds.saturating_sub(days * 86_400);
        let end = units
            .iter()
            .filter(|unit| unit.time.seconds <= old)
            .map(|unit| unit.n)
            .max();
        let Some(end) = end.filter(|end| ends.last().is_none_or(|last| last < end)) else {
            continue;
        };
        let after = ends.last().map_or(0, |last| last + 1);
        let within = units.iter().filter(|unit| (after..=end).contains(&unit.n));
        let rest = units.iter().filter(|unit| unit.n > end);
        if within.count() >= FEW && rest.count() >= FEW {
            ends.push(end);
        }
    }
    ends.push(u64::MAX);
    ends
}

/// Returns the writers that get a stratum of their own, those with the most packs first, and `None` for the others.
fn writers(units: &[&Unit]) -> Vec<Option<[u8; 32]>> {
    let mut counts = BTreeMap::<[u8; 32], usize>::new();
    for unit in units {
        *counts.entry(unit.writer).or_default() += 1;
    }
    let mut many: Vec<_> = counts
        .iter()
        .filter(|(_, count)| **count >= FEW.max(units.len() / MOST_WRITERS))
        .map(|(writer, count)| (std::cmp::Reverse(*count), *writer))
        .collect();
    many.sort_unstable();
    if counts.len() <= 1 {
        return vec![None];
    }
    let own = many.into_iter().map(|(_, writer)| Some(writer));
    own.chain([None]).collect()
}

/// Ages, in days since a pack was added, at which strata end, the oldest first.
const AGES_DAYS: [i64; 2] = [365, 30];
/// Fewer packs than this get no stratum of their own.
const FEW: usize = 64;
/// A writer gets a stratum of its own if it wrote at least this part of the packs of an age.
const MOST_WRITERS: usize = 16;

#[cfg(test)]
mod tests;
