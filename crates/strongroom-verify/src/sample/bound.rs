//! How much may be damaged, after what was seen.

use super::chance::{Odds, Urn, float};
use super::share::Share;
use super::size::{first, is_convincing};

/// Returns the share of an endless population that may be damaged when `seen` of the `read` units were: the exact one-sided upper bound of
/// Clopper and Pearson. One is `confidence` sure that it is not more.
///
/// ```
/// use strongroom_verify::sample::upper_share;
///
/// let bound = upper_share(1, 299, "95%".parse()?);
/// assert!((bound - 0.0158).abs() < 0.0001);
/// # Ok::<(), strongroom_verify::sample::ParseShareError>(())
/// ```
#[must_use]
pub fn upper_share(seen: u64, read: u64, confidence: Share) -> f64 {
    if seen >= read || confidence == Share::ALL {
        return 1.0;
    }
    let doubt = confidence.complement().as_f64();
    if seen == 0 {
        return -(doubt.ln() / float(read)).exp_m1();
    }
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return high;
        }
        let odds = Odds {
            yes: middle,
            no: 1.0 - middle,
        };
        if odds.at_most(seen, read) > doubt {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Returns how many of `population` units may be damaged when `seen` of the `read` units were: the counterpart of [`upper_share`] that knows
/// how many units there are. One is `confidence` sure that it is not more.
///
/// ```
/// use strongroom_verify::sample::upper_count;
///
/// // 258 of 1,000 were read and intact: fewer than 10 are damaged.
/// assert_eq!(upper_count(0, 258, 1_000, "95%".parse()?), 9);
/// # Ok::<(), strongroom_verify::sample::ParseShareError>(())
/// ```
#[must_use]
pub fn upper_count(seen: u64, read: u64, population: u64, confidence: Share) -> u64 {
    Drawn {
        population,
        read: read.min(population),
    }
    .upper_count(seen.min(read), confidence)
}

/// Units of which some were read, drawn so that each choice of that size was equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) population: u64,
    pub(crate) read: u64,
}

impl Drawn {
    fn upper_count(self, seen: u64, confidence: Share) -> u64 {
        let most = self.population - (self.read - seen);
        let is_refuted = |damaged: u64| {
            let urn = Urn {
                population: self.population,
                damaged,
                read: self.read,
            };
            let ln_chance = if seen == 0 {
                urn.ln_none()
            } else {
                urn.at_most(seen).ln()
            };
            is_convincing(ln_chance, confidence)
        };
        // What was seen is damaged for certain, and what was seen intact is not.
        first(seen, most, |damaged| is_refuted(damaged + 1))
    }

    /// How many units may be damaged before one more multiplies the chance that none is read by less than e^`ln_factor`.
    fn damaged_until(self, ln_factor: f64) -> u64 {
        // The factor of the unit after i others is 1 − read / (population − i).
        let unread = self.population - self.read;
        first(0, unread, |i| {
            (-float(self.read) / float(self.population - i)).ln_1p() < ln_factor
        })
    }

    fn ln_none(self, damaged: u64) -> f64 {
        Urn {
            population: self.population,
            damaged,
            read: self.read,
        }
        .ln_none()
    }
}

/// Strata, of each of which some units were read.
///
/// What is said of the whole holds however the damage is spread over the strata, so the worst spread decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strata(Vec<Drawn>);

impl Strata {
    /// Strata of which everything was read add nothing to what is unknown.
    pub(crate) fn new(strata: impl IntoIterator<Item = Drawn>) -> Self {
        let is_open = |one: &Drawn| one.read < one.population;
        Self(strata.into_iter().filter(is_open).collect())
    }

    /// Returns the logarithm of the greatest chance that none of the units that are read is damaged, over all ways to spread `damaged` units.
    ///
    /// In each stratum every further damaged unit lowers the chance by a greater factor than the one before, so it is spread at its worst when
    /// each unit is put where it lowers the chance least.
    pub(crate) fn ln_none(&self, damaged: u64) -> f64 {
        let unread: u64 = self.0.iter().map(|one| one.population - one.read).sum();
        if damaged > unread {
            return f64::NEG_INFINITY;
        }
        if let [only] = self.0.as_slice() {
            return only.ln_none(damaged);
        }
        let placed = |ln_factor: f64| -> u64 {
            let counts = self.0.iter().map(|one| one.damaged_until(ln_factor));
            counts.sum()
        };
        // The factor at which all are placed, to the last digit: above it too few are, from it on enough.
        let (mut low, mut high) = (-f64::MAX.ln(), 0.0);
        loop {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if placed(middle) >= damaged {
                low = middle;
            } else {
                high = middle;
            }
        }
        let above = placed(high);
        let sum: f64 = self
            .0
            .iter()
            .map(|one| one.ln_none(one.damaged_until(high)))
            .sum();
        // The rest all have that factor.
        sum + float(damaged.saturating_sub(above)) * low
    }

    /// Returns how many units may be damaged when `seen` of those that were read were, with what was seen.
    pub(crate) fn upper_count(&self, seen: u64, confidence: Share) -> u64 {
        if let [only] = self.0.as_slice() {
            return only.upper_count(seen.min(only.read), confidence);
        }
        let (population, read) = self.0.iter().fold((0, 0), |(population, read), one| {
            (population + one.population, read + one.read)
        });
        let most = population - read + seen.min(read);
        first(seen.min(most), most, |damaged| {
            self.refutes(seen, damaged + 1, confidence)
        })
    }

    fn refutes(&self, seen: u64, damaged: u64, confidence: Share) -> bool {
        if seen == 0 {
            return is_convincing(self.ln_none(damaged), confidence);
        }
        // The count is a sum of hypergeometric ones, each of which is distributed as a sum of independent events (Vatutin and Mikhailov
        // 1982), `damaged` of them in all, with a mean of at least `damaged` times the smallest share that was read. Hoeffding (1956, theorem
        // 5): up to one below that mean no such sum is as likely to stay low as a binomial count is.
        let share = self
            .0
            .iter()
            .map(|one| float(one.read) / float(one.population))
            .fold(1.0, f64::min);
        if float(seen) > float(damaged) * share - 1.0 {
            return false;
        }
        let odds = Odds {
            yes: share,
            no: 1.0 - share,
        };
        is_convincing(odds.at_most(seen, damaged).ln(), confidence)
    }
}

#[cfg(test)]
mod tests;
