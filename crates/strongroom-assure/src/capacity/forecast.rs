//! When a repository will be full.

use serde::Serialize;
use strongroom_format::record::Capacity;

use super::{DAY, FORECAST_DAYS_MIN};
use crate::history::Noted;
use crate::stats::{
    Prng, amount, count, quantile_of_sorted, signed, sorted, theil_sen, whole, whole_amount,
};

/// What is to be expected of a repository's use, by what it was lately.
///
/// Weeks are drawn at random from those measured, so that what happens once a week, such as a prune, stays together. While
/// the oldest snapshots have not come to the end of their retention yet, nothing is given back and it grows faster than it
/// will; that is taken into account when the policy says how long snapshots stay.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Forecast {
    /// How many days it rests on.
    pub n: usize,
    /// By how many bytes it grows a day: the Theil–Sen slope.
    pub slope_bytes_per_day: f64,
    /// In how many days somebody should plan; `None`: not within [`HORIZON_DAYS`], or there is no total.
    pub days_to_plan: Option<DaysUntil>,
    /// In how many days it is full; `None`: not within [`HORIZON_DAYS`], or there is no total.
    pub days_to_full: Option<DaysUntil>,
    /// The most that is in use until more space can be had: with 95 %, not more.
    pub peak_p95: u64,
    /// Whether retention has not yet begun to give back, so that growth is not what it will be.
    pub is_filling: bool,
}

/// A number of days until something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DaysUntil {
    /// The likely one (P50); `None`: not within [`HORIZON_DAYS`].
    pub p50: Option<u32>,
    /// With 95 % it is not before (P95).
    pub p95: u32,
}

/// What a forecast is asked for.
pub(super) struct Question<'q> {
    pub(super) repository: &'q str,
    pub(super) total: Option<u64>,
    pub(super) plan_share: f64,
    pub(super) lead_days: u32,
    pub(super) retention_days: Option<u32>,
    /// The day of the first measurement, and that of today, counted from 1970.
    pub(super) begun_day: i64,
    pub(super) today: i64,
}

impl Forecast {
    /// Forecasts by the last measurement of each of the last days.
    pub(super) fn of(days: &[&Noted<Capacity>], question: &Question<'_>) -> Option<Self> {
        let (first, last) = (days.first()?, days.last()?);
        if days.len() < FORECAST_DAYS_MIN {
            return None;
        }
        let day = |one: &Noted<Capacity>| one.at.div_euclid(DAY);
        let start = day(first);
        let points: Vec<(f64, f64)> = days
            .iter()
            .map(|one| (signed(day(one) - start), amount(one.fact.used)))
            .collect();
        let slope = theil_sen(&points)?;
        let growth = growth(&points, start == question.begun_day);
        // Until that day nothing is given back.
        let plateau = question
            .retention_days
            .map(|days| question.begun_day + i64::from(days));
        let plateau_in =
            plateau.map(|day| usize::try_from(day - question.today).unwrap_or_default());
        let paths = Paths::draw(&growth, amount(last.fact.used), plateau_in, question);
        let is_growing = slope > 0.0;
        let until = |share: f64| {
            let limit = amount(question.total?) * share;
            paths.days_until(limit, is_growing)
        };
        Some(Self {
            n: days.len(),
            slope_bytes_per_day: slope,
            days_to_plan: until(question.plan_share),
            days_to_full: until(1.0),
            peak_p95: whole_amount(paths.peak(question.lead_days, 0.95)),
            is_filling: plateau_in.is_some_and(|days| days > 0),
        })
    }
}

/// Returns by how much it grew on each day; on days that were not measured as on those around. The first backup of all is
/// left out: it comes once.
fn growth(points: &[(f64, f64)], is_from_beginning: bool) -> Vec<f64> {
    let skipped = if is_from_beginning { FIRST_DAYS } else { 0 };
    let skipped = skipped.min(points.len().saturating_sub(FORECAST_DAYS_MIN));
    let pairs = points.windows(2).skip(skipped);
    let mut growth = Vec::with_capacity(points.len());
    for pair in pairs {
        if let [(from, before), (to, after)] = pair {
            let days = (to - from).max(1.0);
            growth.extend(std::iter::repeat_n((after - before) / days, whole(days)));
        }
    }
    growth
}

/// What may happen, many times.
struct Paths {
    /// What is in use after each day.
    paths: Vec<Vec<f64>>,
    now: f64,
}

impl Paths {
    fn draw(growth: &[f64], now: f64, plateau_in: Option<usize>, question: &Question<'_>) -> Self {
        let mut prng = Prng::of_name(question.repository);
        let plateau_in = plateau_in.filter(|days| *days > 0);
        let mut paths = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let mut path = Vec::with_capacity(HORIZON_DAYS);
            let mut used = now;
            while path.len() < HORIZON_DAYS {
                let week = prng.below(growth.len());
                let given_back = prng.below(growth.len());
                for day in 0..DAYS_TOGETHER {
                    let at = |start: usize| growth.get((start + day) % growth.len().max(1));
                    used += at(week).copied().unwrap_or_default();
                    if plateau_in.is_some_and(|plateau| path.len() >= plateau) {
                        used -= at(given_back).copied().unwrap_or_default();
                    }
                    path.push(used);
                }
            }
            paths.push(path);
        }
        Self { paths, now }
    }

    fn days_until(&self, limit: f64, is_growing: bool) -> Option<DaysUntil> {
        if self.now >= limit {
            return Some(DaysUntil {
                p50: Some(0),
                p95: 0,
            });
        }
        if !is_growing {
            return None;
        }
        let never = count(HORIZON_DAYS) * 2.0;
        let day = |path: &Vec<f64>| {
            let place = path.iter().position(|used| *used >= limit);
            place.map_or(never, |place| count(place + 1))
        };
        let days = sorted(&self.paths.iter().map(day).collect::<Vec<f64>>());
        let at = |q| {
            let days = quantile_of_sorted(&days, q).filter(|days| *days <= count(HORIZON_DAYS))?;
            u32::try_from(whole(days)).ok()
        };
        Some(DaysUntil {
            p50: at(0.5),
            p95: at(0.05)?,
        })
    }

    /// Returns the most that is in use in the next days, as a quantile.
    fn peak(&self, days: u32, q: f64) -> f64 {
        let days = usize::try_from(days).unwrap_or(usize::MAX);
        let peak = |path: &Vec<f64>| {
            path.iter()
                .take(days)
                .fold(self.now, |most, used| most.max(*used))
        };
        let peaks = sorted(&self.paths.iter().map(peak).collect::<Vec<f64>>());
        quantile_of_sorted(&peaks, q).unwrap_or(self.now)
    }
}

/// How far a forecast looks ahead.
pub const HORIZON_DAYS: usize = 730;
/// How many courses are drawn.
const ROUNDS: usize = 200;
const DAYS_TOGETHER: usize = 7;
/// Days of the first backups.
const FIRST_DAYS: usize = 2;
