//! Probabilities of binomial and hypergeometric counts, accurate for populations up to 2^53.
//!
//! The textbook way is to subtract logarithms of gamma functions, and so does `statrs`; at a population of 10⁹ each of them is near
//! 2·10¹⁰, and six of the digits that decide about the next unit are gone. Loader's saddle-point expansion (C. Loader, Fast and
//! Accurate Computation of Binomial Probabilities, 2000; R computes `dbinom` and `dhyper` so) subtracts nothing large. It is short, so it is here.

use std::f64::consts::TAU;

/// A finite population of which some units are damaged, and how many of its units are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Urn {
    pub(crate) population: u64,
    pub(crate) damaged: u64,
    pub(crate) read: u64,
}

impl Urn {
    /// Returns the probability that at most `seen` of the units that are read are damaged.
    pub(crate) fn at_most(self, seen: u64) -> f64 {
        let least = (self.read + self.damaged).saturating_sub(self.population);
        let most = self.read.min(self.damaged);
        if seen < least {
            return 0.0;
        }
        if seen >= most {
            return 1.0;
        }
        // Chance of k + 1 over that of k.
        let ratio = |k: u64| {
            let sound_unread = float(self.population - self.damaged + k + 1 - self.read);
            float(self.damaged - k) * float(self.read - k) / (float(k + 1) * sound_unread)
        };
        tail(least, seen, most, |k| self.ln_exactly(k).exp(), ratio)
    }

    /// Returns the logarithm of the probability that none of the units that are read is damaged.
    pub(crate) fn ln_none(self) -> f64 {
        if self.read + self.damaged > self.population {
            f64::NEG_INFINITY
        } else {
            self.ln_exactly(0)
        }
    }

    /// The logarithm of the probability of `k`, which is possible.
    fn ln_exactly(self, k: u64) -> f64 {
        if self.read == 0 || self.read == self.population {
            return 0.0;
        }
        let all = float(self.population);
        let p = Odds {
            yes: float(self.read) / all,
            no: float(self.population - self.read) / all,
        };
        p.ln_exactly(k, self.damaged) + p.ln_exactly(self.read - k, self.population - self.damaged)
            - p.ln_exactly(self.read, self.population)
    }
}

/// The probability of an event and of its opposite, each as exact as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    pub(crate) yes: f64,
    pub(crate) no: f64,
}

impl Odds {
    /// Returns the probability that the event happens at most `k` times of `n`.
    pub(crate) fn at_most(self, k: u64, n: u64) -> f64 {
        if k >= n || self.yes <= 0.0 {
            return 1.0;
        }
        if self.no <= 0.0 {
            return 0.0;
        }
        let ratio = |k: u64| float(n - k) * self.yes / (float(k + 1) * self.no);
        tail(0, k, n, |k| self.ln_exactly(k, n).exp(), ratio)
    }

    /// The logarithm of the probability of exactly `k` of `n`; neither chance is 0.
    fn ln_exactly(self, k: u64, n: u64) -> f64 {
        let (x, total) = (float(k), float(n));
        if k == 0 {
            return total * self.ln_no();
        }
        if k == n {
            let opposite = Self {
                yes: self.no,
                no: self.yes,
            };
            return total * opposite.ln_no();
        }
        let rest = float(n - k);
        stirling_error(n)
            - stirling_error(k)
            - stirling_error(n - k)
            - deviance(x, total * self.yes)
            - deviance(rest, total * self.no)
            - 0.5 * (TAU.ln() + x.ln() + (-x / total).ln_1p())
    }

    /// The logarithm of `no`, from whichever of both has more digits.
    fn ln_no(self) -> f64 {
        if self.yes < self.no {
            (-self.yes).ln_1p()
        } else {
            self.no.ln()
        }
    }
}

/// Sums the chances from `least` to `k`, or from above `k` to `most`, whichever side falls off from `k`. `ratio(k)` is the chance of k + 1 over
/// that of k, and falls as k grows.
fn tail(
    least: u64,
    k: u64,
    most: u64,
    exactly: impl Fn(u64) -> f64,
    ratio: impl Fn(u64) -> f64,
) -> f64 {
    let is_rising = ratio(k) >= 1.0;
    let (mut sum, mut term, mut at) = (0.0, 1.0, k);
    if is_rising {
        while term > f64::EPSILON * sum {
            sum += term;
            if at == least {
                break;
            }
            at -= 1;
            term /= ratio(at);
        }
        return (exactly(k) * sum).min(1.0);
    }
    while at < most {
        term *= ratio(at);
        if term <= f64::EPSILON * sum {
            break;
        }
        sum += term;
        at += 1;
    }
    (1.0 - exactly(k) * sum).max(0.0)
}

/// ln n! less Stirling's formula for it.
fn stirling_error(n: u64) -> f64 {
    let x = float(n);
    if n <= 15 {
        let factorial: u64 = (1..=n).product();
        return if n == 0 {
            0.0
        } else {
            float(factorial).ln() - (0.5 * (TAU * x).ln() + x * x.ln() - x)
        };
    }
    let square = x * x;
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1_260.0,
        -1.0 / 1_680.0,
        1.0 / 1_188.0,
        -691.0 / 360_360.0,
    ];
    series
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum / square + coefficient)
        / x
}

/// x ln(x / mean) + mean − x, without cancellation when both are close.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let v = difference / (x + mean);
    let (mut sum, mut power) = (difference * v, 2.0 * x * v);
    for odd in (3_u32..).step_by(2) {
        power *= v * v;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// Counts here are far below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "repositories do not have 2^53 packs, and beyond it the loss is below any other"
)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, in exact integers.
    fn choose(n: u64, k: u64) -> u128 {
        (0..u128::from(k)).fold(1, |product, i| product * (u128::from(n) - i) / (i + 1))
    }

    #[test]
    fn a_finite_population_equals_its_definition() {
        for population in 1..=24 {
            for damaged in 0..=population {
                for read in 0..=population {
                    let urn = Urn {
                        population,
                        damaged,
                        read,
                    };
                    let mut sum = 0;
                    for seen in 0..=read {
                        if seen <= damaged && read - seen <= population - damaged {
                            sum +=
                                choose(damaged, seen) * choose(population - damaged, read - seen);
                        }
                        #[expect(clippy::cast_precision_loss, reason = "a test")]
                        let expected = sum as f64 / choose(population, read) as f64;
                        let found = urn.at_most(seen);
                        assert!(
                            (found - expected).abs() <= 1e-13 * expected.max(1e-3),
                            "{urn:?} {seen}: {found} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_binomial_count_equals_its_definition() {
        for n in 0..30_u32 {
            for percent in [1, 10, 50, 73, 99] {
                let yes = f64::from(percent) / 100.0;
                let odds = Odds {
                    yes,
                    no: f64::from(100 - percent) / 100.0,
                };
                let mut expected = 0.0;
                for k in 0..=n {
                    #[expect(clippy::cast_precision_loss, reason = "a test")]
                    let ways = choose(u64::from(n), u64::from(k)) as f64;
                    expected += ways
                        * yes.powi(i32::try_from(k).unwrap())
                        * odds.no.powi(i32::try_from(n - k).unwrap());
                    let found = odds.at_most(k.into(), n.into());
                    assert!(
                        (found - expected).abs() <= 1e-13,
                        "{n} {percent} {k}: {found} {expected}"
                    );
                }
            }
        }
    }

    /// One factor a unit: slow, and nothing to lose digits in.
    fn product(urn: Urn) -> f64 {
        let (few, many) = (urn.read.min(urn.damaged), urn.read.max(urn.damaged));
        let (mut sum, mut lost) = (0.0, 0.0);
        for i in 0..few {
            let term = (-float(many) / float(urn.population - i)).ln_1p() - lost;
            let next: f64 = sum + term;
            lost = (next - sum) - term;
            sum = next;
        }
        sum
    }

    #[test]
    fn a_billion_units_lose_no_digits() {
        for (damaged, read) in [
            (1, 990_000_000),
            (10, 370_000_000),
            (1_000, 4_600_000),
            (100_000, 46_050),
            (1_000_000, 4_603),
            (500_000_000, 7),
            (500_000_000, 1),
            (3, 3),
        ] {
            let urn = Urn {
                population: 1_000_000_000,
                damaged,
                read,
            };
            let (found, expected) = (urn.ln_none(), product(urn));
            assert!(
                (found - expected).abs() <= 1e-12 * (1.0 + expected.abs()),
                "{urn:?}: {found} {expected}"
            );
        }
    }
}
