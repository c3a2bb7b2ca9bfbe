//! The statistics that measures need: robust, small, and the same on every machine.
//!
//! Slices may be in any order. What is not finite is left out, so that no value a record could hold makes a panic.

mod interval;
mod resample;
mod trend;

pub use interval::{Interval, clopper_pearson_upper, wilson};
pub use resample::{Prng, bootstrap_quantiles};
pub use trend::{Cusum, PAIRS_POINTS_MAX, theil_sen};

/// Returns the values in order, without those that are not finite.
#[must_use]
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Returns the quantile `q` (0 to 1) of values in order, between two of them by linear interpolation; `None` for no value.
#[must_use]
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * count(last);
    let below = whole(place.floor()).min(last);
    let (low, high) = (sorted.get(below)?, sorted.get((below + 1).min(last))?);
    Some(low + (high - low) * (place - count(below)))
}

/// Returns the quantile `q` (0 to 1), between two values by linear interpolation; `None` for no value.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    quantile_of_sorted(&sorted(values), q)
}

/// Returns the median; `None` for no value.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Median and spread of values, neither moved much by a few that are far away.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Robust {
    /// How many values.
    pub n: usize,
    /// The median.
    pub median: f64,
    /// The median of the distances from it.
    pub mad: f64,
    /// The greatest.
    pub max: f64,
    /// The least.
    pub min: f64,
}

impl Robust {
    /// Returns that of some values; `None` for no value.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values);
        let median = quantile_of_sorted(&sorted, 0.5)?;
        let distances: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
        Some(Self {
            n: sorted.len(),
            median,
            mad: self::median(&distances)?,
            max: *sorted.last()?,
            min: *sorted.first()?,
        })
    }

    /// Returns the modified z of a value, 0.6745 · (x − median) / MAD (Iglewicz and Hoaglin), with a spread of at least
    /// `least_mad`: values that never differed would make every other one infinitely far.
    #[must_use]
    pub fn z(&self, value: f64, least_mad: f64) -> f64 {
        let mad = self.mad.max(least_mad);
        let distance = value - self.median;
        if mad > 0.0 {
            0.6745 * distance / mad
        } else if distance == 0.0 {
            0.0
        } else {
            f64::INFINITY.copysign(distance)
        }
    }
}

/// A count as a number to calculate with.
#[must_use]
pub fn count(count: usize) -> f64 {
    amount(u64::try_from(count).unwrap_or(u64::MAX))
}

/// An amount as a number to calculate with; above 2^53 it is rounded.
#[must_use]
pub fn amount(amount: u64) -> f64 {
    amount as f64
}

/// A signed amount as a number to calculate with; beyond 2^53 it is rounded.
#[must_use]
pub fn signed(amount: i64) -> f64 {
    amount as f64
}

/// Returns a part of a whole; `None` when there is no whole.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| amount(part) / amount(whole))
}

/// A number without its fraction, for what is counted; negative ones are 0.
#[must_use]
pub fn whole(value: f64) -> usize {
    usize::try_from(whole_amount(value)).unwrap_or(usize::MAX)
}

/// A number without its fraction, for amounts; negative ones and what is no number are 0, too large ones the greatest.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such a cast saturates, which is what is promised"
)]
pub fn whole_amount(value: f64) -> u64 {
    value as u64
}

/// A number without its fraction, for times; what is no number is 0, too far ones are the ends of time.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "such a cast saturates, which is what is promised"
)]
pub fn whole_signed(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_values() {
        let values = [4.0, 1.0, f64::NAN, 3.0, 2.0];
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(median(&[f64::INFINITY]), None);
    }

    #[test]
    fn one_stuck_run_moves_neither_median_nor_spread() {
        let mut values: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i % 5)).collect();
        let before = Robust::of(&values).unwrap();
        values.push(1e9);
        let after = Robust::of(&values).unwrap();
        assert!((before.median - after.median).abs() < 1.0);
        assert!(after.z(1e9, 0.0) > 1e6 && after.z(102.0, 0.0).abs() < 3.5);
        let same = Robust::of(&[5.0; 8]).unwrap();
        assert_eq!((same.z(5.0, 0.0), same.z(6.0, 0.0)), (0.0, f64::INFINITY));
        assert!((same.z(6.0, 1.0) - 0.6745).abs() < 1e-9);
    }

    #[test]
    fn casts_saturate() {
        assert_eq!((whole(-1.0), whole(2.9), whole(f64::NAN)), (0, 2, 0));
        assert_eq!(whole_amount(f64::INFINITY), u64::MAX);
        assert_eq!(whole_signed(f64::NEG_INFINITY), i64::MIN);
        assert_eq!((ratio(1, 0), ratio(1, 4)), (None, Some(0.25)));
    }
}
