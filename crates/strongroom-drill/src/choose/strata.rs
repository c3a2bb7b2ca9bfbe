//! Ages.

use strongroom::Time;

/// Returns which age a point has beside the newest.
pub(super) fn stratum_of(newest: Time, captured: Time) -> usize {
    let age = newest.seconds.saturating_sub(captured.seconds);
    let days = EDGES_DAYS.iter();
    days.take_while(|days| age >= **days * 86_400).count()
}

/// What the ages are called, the youngest first.
pub(super) const NAMES: [&str; 5] = [
    "under a week",
    "a week to a month",
    "one to three months",
    "three months to a year",
    "over a year",
];

/// Where each age but the first begins, in days.
const EDGES_DAYS: [i64; 4] = [7, 30, 91, 365];
