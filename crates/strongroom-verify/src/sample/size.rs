//! How many units must be read.

use super::chance::{Urn, float};
use super::share::Share;

/// Returns how many of `population` units must be read so that, if all of them are intact, one is `confidence` sure that fewer than the share
/// `below` is damaged. Exact for a finite population.
///
/// Everything must be read when `below` is nothing: no sample finds the only damaged unit for certain.
///
/// ```
/// use strongroom_verify::sample::sample_size;
///
/// let (sure, below) = ("95%".parse()?, "1%".parse()?);
/// assert_eq!(sample_size(1_000, sure, below), 258);
/// assert_eq!(sample_size(100_000, sure, below), 298);
/// # Ok::<(), strongroom_verify::sample::ParseShareError>(())
/// ```
#[must_use]
pub fn sample_size(population: u64, confidence: Share, below: Share) -> u64 {
    let damaged = below.of(population);
    if damaged == 0 {
        return population;
    }
    let enough = |read| {
        let urn = Urn {
            population,
            damaged,
            read,
        };
        is_convincing(urn.ln_none(), confidence)
    };
    first(0, population - damaged + 1, enough)
}

/// As [`sample_size`], of a population without end; `None` when no number is enough.
///
/// ```
/// use strongroom_verify::sample::sample_size_of_many;
///
/// assert_eq!(sample_size_of_many("99%".parse()?, "0.1%".parse()?), Some(4_603));
/// # Ok::<(), strongroom_verify::sample::ParseShareError>(())
/// ```
#[must_use]
pub fn sample_size_of_many(confidence: Share, below: Share) -> Option<u64> {
    if confidence == Share::NONE {
        return Some(0);
    }
    if below == Share::ALL {
        return Some(1);
    }
    if below == Share::NONE || confidence == Share::ALL {
        return None;
    }
    let ln_intact = (-below.as_f64()).ln_1p();
    let enough = |read| is_convincing(float(read) * ln_intact, confidence);
    // The smallest doubt, 10⁻⁹, and the smallest share, 10⁻⁹, need about 2.1·10¹⁰.
    Some(first(0, 1 << 40, enough))
}

/// Says whether what would happen with a chance of e^`ln_chance` and did not makes one `confidence` sure.
///
/// Where both are equal in exact arithmetic, rounding may not decide: the twelfth digit of the logarithm is as good as equal.
pub(crate) fn is_convincing(ln_chance: f64, confidence: Share) -> bool {
    let allowed = confidence.complement().as_f64().ln();
    ln_chance <= allowed
        || (allowed.is_finite() && ln_chance - allowed <= TOLERANCE * (1.0 + allowed.abs()))
}

/// Returns the first number from `least` to `most` for which `is_enough` holds. From there on it holds, and for `most` it does without asking.
pub(crate) fn first(least: u64, most: u64, is_enough: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (least, most);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

const TOLERANCE: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    const CONFIDENCES: [&str; 4] = ["90%", "95%", "99%", "99.9%"];
    const SHARES: [&str; 5] = ["5%", "1%", "0.5%", "0.1%", "0.01%"];

    #[test]
    fn the_table_of_large_populations() {
        let table = [
            [45, 230, 460, 2_302, 23_025],
            [59, 299, 598, 2_995, 29_956],
            [90, 459, 919, 4_603, 46_050],
            [135, 688, 1_379, 6_905, 69_075],
        ];
        for (confidence, row) in CONFIDENCES.into_iter().zip(table) {
            for (below, expected) in SHARES.into_iter().zip(row) {
                let found = sample_size_of_many(share(confidence), share(below));
                assert_eq!(found, Some(expected), "{confidence} {below}");
            }
        }
    }

    #[test]
    fn the_table_of_finite_populations() {
        for (population, expected) in [(1_000, 258), (10_000, 294), (100_000, 298)] {
            let found = sample_size(population, share("95%"), share("1%"));
            assert_eq!(found, expected, "{population}");
        }
    }

    #[test]
    fn a_single_damaged_unit_needs_almost_everything() {
        for population in [1, 20, 1_000, 812_000, 1_000_000_000] {
            for confidence in CONFIDENCES.map(share) {
                let one = Share::from_billionths(1).unwrap();
                assert_eq!(
                    sample_size(population, confidence, one),
                    confidence.of(population)
                );
            }
        }
    }

    #[test]
    fn nothing_may_be_damaged_means_read_everything() {
        for population in [0, 1, 7, 1_000_000_000] {
            assert_eq!(
                sample_size(population, share("95%"), Share::NONE),
                population
            );
        }
        assert_eq!(sample_size_of_many(share("95%"), Share::NONE), None);
        assert_eq!(sample_size_of_many(Share::ALL, share("1%")), None);
    }

    #[test]
    fn the_edges() {
        assert_eq!(sample_size(0, share("99%"), share("1%")), 0);
        assert_eq!(sample_size(1, share("99%"), share("1%")), 1);
        assert_eq!(sample_size(100, Share::NONE, share("1%")), 0);
        assert_eq!(sample_size(100, Share::ALL, share("1%")), 100);
        assert_eq!(sample_size(100, Share::ALL, share("10%")), 91);
        assert_eq!(sample_size(100, Share::ALL, Share::ALL), 1);
        // Both are equal in exact arithmetic: three quarters sure after two throws of a coin.
        assert_eq!(sample_size_of_many(share("75%"), share("50%")), Some(2));
        assert_eq!(sample_size(4, share("50%"), share("25%")), 2);
    }

    #[test]
    fn a_billion_units_approach_the_table_from_below() {
        for confidence in CONFIDENCES.map(share) {
            for below in SHARES.map(share) {
                let many = sample_size_of_many(confidence, below).unwrap();
                let finite = sample_size(1_000_000_000, confidence, below);
                assert!((many - many / 1_000 - 1..=many).contains(&finite));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_is_the_smallest_that_is_enough(population in 1_u64..400, confidence in 0_u32..=999, below in 1_u32..=1_000) {
            let confidence = Share::from_billionths(confidence * 1_000_000).unwrap();
            let below = Share::from_billionths(below * 1_000_000).unwrap();
            let damaged = below.of(population);
            // The product of the definition.
            let mut chance = 1.0;
            let mut read = 0;
            while chance > confidence.complement().as_f64() * (1.0 + 1e-11) {
                chance *= (float(population) - float(damaged) - float(read)) / (float(population) - float(read));
                read += 1;
            }
            prop_assert_eq!(sample_size(population, confidence, below), read);
        }

        #[test]
        fn more_confidence_or_less_damage_needs_more(population in 1_u64..2_000_000_000, a in 1_u32..1_000, b in 1_u32..1_000, c in 1_u32..1_000) {
            let of = |billionths: u32| Share::from_billionths(billionths * 999_000).unwrap();
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(sample_size(population, of(low), of(c)) <= sample_size(population, of(high), of(c)));
            prop_assert!(sample_size(population, of(c), of(low)) >= sample_size(population, of(c), of(high)));
            let many = sample_size_of_many(of(a), of(c)).unwrap();
            prop_assert!(sample_size(population, of(a), of(c)) <= many);
        }
    }
}
