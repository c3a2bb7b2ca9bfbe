//! Slopes and drifts.

/// Returns the Theil–Sen slope of `(x, y)`: the median of the slopes of all pairs, which a third of wild points does not move.
/// `None` when no two have different `x`.
///
/// Of more than [`PAIRS_POINTS_MAX`] points, evenly spread ones are taken.
#[must_use]
pub fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let step = points.len().div_ceil(PAIRS_POINTS_MAX).max(1);
    let points: Vec<(f64, f64)> = points.iter().rev().step_by(step).copied().collect();
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (i, (x1, y1)) in points.iter().enumerate() {
        let later = points.iter().skip(i + 1);
        let slope = |(x2, y2): &(f64, f64)| (x2 != x1).then(|| (y2 - y1) / (x2 - x1));
        slopes.extend(later.filter_map(slope));
    }
    middle(&mut slopes)
}

/// Returns the median without putting all in order.
fn middle(values: &mut [f64]) -> Option<f64> {
    values.iter().all(|value| value.is_finite()).then_some(())?;
    let half = values.len().checked_sub(1)? / 2;
    let is_even = values.len().is_multiple_of(2);
    let (_, low, above) = values.select_nth_unstable_by(half, f64::total_cmp);
    let low = *low;
    let next = above
        .iter()
        .copied()
        .min_by(f64::total_cmp)
        .filter(|_| is_even);
    Some(next.map_or(low, |next| low + (next - low) / 2.0))
}

/// How many points are paired with each other at most.
pub const PAIRS_POINTS_MAX: usize = 200;

/// A cumulative sum that grows while values stay above what is usual, however little (Page 1954).
///
/// Values are distances from what is usual in units of the usual spread. Each counts at most `clip`, so that one burst alone
/// does not reach the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Cusum {
    /// What each value may be above the usual for nothing.
    pub allowance: f64,
    /// What each value counts at most.
    pub clip: f64,
    /// The sum.
    pub sum: f64,
    /// How many values since it was last 0.
    pub length: usize,
}

impl Cusum {
    /// Starts one.
    #[must_use]
    pub const fn new(allowance: f64, clip: f64) -> Self {
        Self {
            allowance,
            clip,
            sum: 0.0,
            length: 0,
        }
    }

    /// Adds a value and returns the sum.
    pub fn add(&mut self, z: f64) -> f64 {
        let z = if z.is_nan() {
            0.0
        } else {
            z.clamp(-self.clip, self.clip)
        };
        self.sum = (self.sum + z - self.allowance).max(0.0);
        self.length = if self.sum > 0.0 { self.length + 1 } else { 0 };
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_huge_first_backup_does_not_tilt_the_slope() {
        let mut points: Vec<(f64, f64)> = (0..30)
            .map(|day| (f64::from(day), 1000.0 + 3.0 * f64::from(day)))
            .collect();
        points[0].1 = -1e9;
        points[17].1 = 1e9;
        assert!((theil_sen(&points).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 5.0)]), None);
        assert_eq!(theil_sen(&[]), None);
        let many: Vec<(f64, f64)> = (0..5000)
            .map(|x| (f64::from(x), f64::from(2 * x)))
            .collect();
        assert!((theil_sen(&many).unwrap() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_small_lasting_shift_is_found_and_one_burst_is_not() {
        let mut burst = Cusum::new(1.0, 3.0);
        let sums: Vec<f64> = [0.0, 50.0, 0.0, -0.5, 0.2].map(|z| burst.add(z)).to_vec();
        assert!(sums.iter().all(|sum| *sum <= 2.0), "{sums:?}");
        let mut slow = Cusum::new(1.0, 3.0);
        let found = (0..30).position(|_| slow.add(1.8) > 8.0);
        assert_eq!(found, Some(10));
        assert_eq!(slow.length, 11);
        slow.add(f64::NAN);
        slow.add(f64::NEG_INFINITY);
        assert!(slow.sum.is_finite());
    }
}
