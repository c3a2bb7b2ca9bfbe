//! How sure a share is.

use serde::Serialize;

use super::amount;

/// Where a value lies, with a stated confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Interval {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Interval {
    /// Joins the two ends.
    #[must_use]
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }
}

/// Returns the Wilson score interval of 90 % (5 % on each side) for a share of `ok` out of `n`; `None` for no trial.
///
/// ```
/// use strongroom_assure::stats::wilson;
///
/// // One failure of thirty: below 98 %, but thirty are too few to be sure.
/// let interval = wilson(29, 30).ok_or("no trial")?;
/// assert!(interval.low < 0.865 && interval.high > 0.98);
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn wilson(ok: u64, n: u64) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let (total, p) = (amount(n), amount(ok.min(n)) / amount(n));
    let square = Z_90 * Z_90;
    let middle = p + square / (2.0 * total);
    let half = Z_90 * ((p * (1.0 - p) + square / (4.0 * total)) / total).sqrt();
    let scale = 1.0 + square / total;
    // At the ends rounding may go past them.
    Some(Interval {
        low: ((middle - half) / scale).max(0.0),
        high: ((middle + half) / scale).min(1.0),
    })
}

/// Returns the exact upper bound (Clopper and Pearson) of a share of which `k` were seen among `n`, with `confidence` (0 to
/// 1); `None` for no trial.
#[must_use]
pub fn clopper_pearson_upper(k: u64, n: u64, confidence: f64) -> Option<f64> {
    if n == 0 {
        return None;
    }
    if k >= n {
        return Some(1.0);
    }
    let alpha = 1.0 - confidence.clamp(0.0, 1.0);
    let (mut low, mut high) = (0.0, 1.0);
    // The probability of at most k falls as the share rises.
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if at_most(k, n, middle) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// Returns the probability of at most `k` of `n` for a share `p`.
fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let (odds, mut log, mut sum) = ((p / (1.0 - p)).ln(), amount(n) * (1.0 - p).ln(), 0.0);
    for i in 0..=k.min(TERMS_MAX) {
        sum += log.exp();
        log += odds + (amount(n - i) / amount(i + 1)).ln();
    }
    sum.min(1.0)
}

/// The normal quantile at 95 %.
const Z_90: f64 = 1.644_853_626_951_472_7;
/// Halves the interval below what a float can tell apart.
const BISECTIONS: u32 = 60;
/// A count of damaged items that is beyond any sampling.
const TERMS_MAX: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_table() {
        for (ok, n, low, high) in [
            (30, 30, 0.917, 1.000),
            (29, 30, 0.864, 0.993),
            (98, 100, 0.941, 0.993),
            (196, 200, 0.956, 0.991),
            (480, 500, 0.943, 0.972),
            (975, 1000, 0.966, 0.982),
        ] {
            let interval = wilson(ok, n).unwrap();
            let near = |a: f64, b: f64| (a - b).abs() < 0.000_5;
            assert!(
                near(interval.low, low) && near(interval.high, high),
                "{ok}/{n}: {interval:?}"
            );
        }
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(9, 3).unwrap().high, 1.0, "more than all is all");
    }

    #[test]
    fn the_upper_bound_is_that_of_the_table() {
        for (k, n, percent) in [
            (0, 299, 0.997),
            (1, 299, 1.58),
            (0, 2_995, 0.100),
            (3, 2_995, 0.26),
        ] {
            let bound = clopper_pearson_upper(k, n, 0.95).unwrap() * 100.0;
            assert!((bound - percent).abs() < 0.005, "{k}/{n}: {bound}");
        }
        assert_eq!(clopper_pearson_upper(0, 0, 0.95), None);
        assert_eq!(clopper_pearson_upper(3, 3, 0.95), Some(1.0));
        assert!(clopper_pearson_upper(2, u64::MAX, 0.95).unwrap() < 1e-15);
    }
}
