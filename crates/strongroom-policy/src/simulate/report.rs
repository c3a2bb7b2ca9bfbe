//! What came of it, for one resource and for people.

use std::fmt;

use strongroom_retain::Moment;

use super::{History, Month, Run, SimulatedResource, Simulation, SimulationOptions, Stored, end};
use crate::bytes::ByteCount;
use crate::key::Key;
use crate::period::{DAY, Period};
use crate::resolve::Resolved;
use crate::resource::Resource;
use crate::schedule::Schedule;

pub(super) fn report(
    resource: &Resource,
    resolved: &Resolved,
    schedule: &Schedule,
    runs: &[Run],
    history: &History,
    options: &SimulationOptions,
) -> SimulatedResource {
    let rpo = resolved.period(Key::Rpo);
    let losses = Losses::of(schedule, rpo, runs, options);
    let count = |made: bool| {
        let runs = runs.iter().filter(|run| run.is_made == made).count();
        u64::try_from(runs).unwrap_or(u64::MAX)
    };
    let end = end(options).unix_seconds;
    let oldest = history.left.first().map_or(0, |one| end - one.unix_seconds);
    let level = |month: &Month| estimate(resource, month, runs, options);
    let months = match resource.size {
        Some(_) => history.months.iter().map(level).collect(),
        None => Vec::new(),
    };
    SimulatedResource {
        resource: resource.id.clone(),
        made: count(true),
        missed: count(false),
        rpo,
        worst_loss: losses.worst,
        worst_at: losses.worst_at,
        over_rpo: losses.over,
        most_kept: history.most,
        kept: u64::try_from(history.left.len()).unwrap_or(u64::MAX),
        oldest: Period::seconds(u64::try_from(oldest).unwrap_or_default()),
        months,
    }
}

/// What could have been lost.
struct Losses {
    worst: Period,
    worst_at: Moment,
    over: Period,
}

impl Losses {
    fn of(
        schedule: &Schedule,
        rpo: Option<Period>,
        runs: &[Run],
        options: &SimulationOptions,
    ) -> Self {
        let duration = schedule
            .expected_duration
            .unwrap_or_default()
            .mean_seconds();
        let limit = rpo.map_or(u64::MAX, Period::mean_seconds);
        let (mut worst, mut worst_at, mut over) = (0, options.from, 0);
        let mut look = |from: Moment, until: i64| {
            let loss = u64::try_from(until - from.unix_seconds).unwrap_or_default();
            if loss > worst {
                (worst, worst_at) = (loss, from);
            }
            over += loss.saturating_sub(limit);
        };
        let duration_signed = i64::try_from(duration).unwrap_or(i64::MAX);
        let mut last = None;
        for run in runs.iter().filter(|run| run.is_made) {
            if let Some(last) = last.replace(run.at) {
                look(last, run.at.unix_seconds.saturating_add(duration_signed));
            }
        }
        if let Some(last) = last {
            look(last, end(options).unix_seconds);
        }
        Self {
            worst: Period::seconds(worst),
            worst_at,
            over: Period::seconds(over),
        }
    }
}

/// Estimates what is stored: the resource once, and for each older snapshot what changed until the
/// next one that is kept, at most all of it.
fn estimate(
    resource: &Resource,
    month: &Month,
    runs: &[Run],
    options: &SimulationOptions,
) -> Stored {
    let size = resource.size.map_or(0, ByteCount::get);
    let change = resource.daily_change.map_or(0, ByteCount::get);
    let changed = |seconds: i64| {
        let seconds = u128::try_from(seconds).unwrap_or_default();
        let bytes = u128::from(change) * seconds / u128::from(DAY);
        u64::try_from(bytes).unwrap_or(u64::MAX).min(size)
    };
    let gaps = month.kept.windows(2).map(|pair| match pair {
        [a, b] => changed(b - a),
        _ => 0,
    });
    let full = if month.kept.is_empty() { 0 } else { size };
    let needed = gaps.fold(full, u64::saturating_add);
    let length = end(options).unix_seconds - options.from.unix_seconds;
    let mean_gap = length / i64::try_from(runs.len().max(1)).unwrap_or(i64::MAX);
    let locked = changed(mean_gap).saturating_mul(month.locked);
    Stored {
        day: month.day,
        snapshots: u64::try_from(month.kept.len()).unwrap_or(u64::MAX),
        stored: ByteCount::new(needed.saturating_add(locked)),
        locked: ByteCount::new(locked),
    }
}

/// A line for each resource.
impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.resources {
            let SimulatedResource {
                resource,
                made,
                missed,
                kept,
                oldest,
                ..
            } = one;
            write!(
                f,
                "{resource}: {made} runs, {missed} missed; {kept} snapshots at the end, {oldest} back"
            )?;
            write!(
                f,
                "; up to {} could have been lost (from {})",
                one.worst_loss, one.worst_at
            )?;
            match one.rpo {
                Some(rpo) if one.worst_loss > rpo => {
                    write!(f, ", over the RPO of {rpo} for {} in all", one.over_rpo)?;
                }
                Some(rpo) => write!(f, ", within the RPO of {rpo}")?,
                None => {}
            }
            if let Some(peak) = one.months.iter().max_by_key(|level| level.stored) {
                let gib = peak.stored.get() >> 30;
                write!(f, "; at most about {gib} GiB ({})", peak.day)?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}
