//! Rates on one thread and on all of them.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde_json::json;

use crate::laps::thread_cpu;
use crate::report::{record, say};

/// How rates are measured.
#[derive(Debug)]
pub(crate) struct Sampling {
    sample: Duration,
    samples: usize,
    threads: usize,
    only: Vec<String>,
}

/// Work of one thread: each call does the same once more.
pub(crate) type Work<'w> = Box<dyn FnMut() -> anyhow::Result<()> + Send + 'w>;

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Millions of bytes a second.
    Megabytes,
    /// Things a second.
    Things,
}

impl Sampling {
    pub(crate) fn new(sample_ms: u64, samples: usize, threads: usize, only: Vec<String>) -> Self {
        Self {
            sample: Duration::from_millis(sample_ms.max(1)),
            samples: samples.max(1),
            threads: threads.max(1),
            only,
        }
    }

    /// Measures and reports a stage. `each` is what one call of the work does, in bytes or things; `make` makes the work of a thread.
    pub(crate) fn measure<'w>(
        &self,
        name: &str,
        unit: Unit,
        each: usize,
        make: impl Fn(usize) -> anyhow::Result<Work<'w>>,
    ) -> anyhow::Result<()> {
        if !self.only.is_empty() && !self.only.iter().any(|word| name.contains(word.as_str())) {
            return Ok(());
        }
        let mut line = format!("{name:40}");
        let mut counts = vec![1];
        if self.threads > 1 {
            counts.push(self.threads);
        }
        for threads in counts {
            let mut work = (0..threads).map(&make).collect::<Result<Vec<_>, _>>()?;
            for warm_up in &mut work {
                warm_up()?;
            }
            let mut rates = Vec::with_capacity(self.samples);
            for _ in 0..self.samples {
                rates.push(self.sample(&mut work)?);
            }
            let scale = if unit == Unit::Megabytes { 1e-6 } else { 1.0 };
            let rate = |n: f64| (n * each as f64 * scale * 10.0).round() / 10.0;
            let wall = rate(median(rates.iter().map(|rate| rate.0).collect()));
            let cpu = rate(median(rates.iter().map(|rate| rate.1).collect()));
            let unit = if unit == Unit::Megabytes {
                "MB/s"
            } else {
                "a second"
            };
            record(&json!({
                "kind": "rate", "name": name, "threads": threads, "unit": unit, "rate": wall, "by_cpu": cpu,
            }))?;
            line += &format!("  {threads} threads {wall:10.1} {unit}");
        }
        say(&line)?;
        Ok(())
    }

    /// Returns calls a second, of wall time and of CPU time.
    fn sample(&self, work: &mut [Work<'_>]) -> anyhow::Result<(f64, f64)> {
        let barrier = Barrier::new(work.len());
        let (mut by_wall, mut calls, mut cpu) = (0.0, 0.0, 0.0);
        let of_threads = std::thread::scope(|scope| {
            let run = |work| scope.spawn(|| self.thread(work, &barrier));
            let threads: Vec<_> = work.iter_mut().map(run).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().map_err(|_| anyhow!("a thread panicked"))?
            };
            threads
                .into_iter()
                .map(join)
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        for (count, wall, of_thread) in of_threads {
            by_wall += count / wall;
            calls += count;
            cpu += of_thread;
        }
        Ok((by_wall, calls / f64::max(cpu, 1e-9)))
    }

    fn thread(&self, work: &mut Work<'_>, barrier: &Barrier) -> anyhow::Result<(f64, f64, f64)> {
        barrier.wait();
        let (began, cpu) = (Instant::now(), thread_cpu());
        let mut count = 0.0;
        loop {
            work()?;
            count += 1.0;
            let wall = began.elapsed();
            if wall >= self.sample {
                let cpu = thread_cpu().saturating_sub(cpu);
                return Ok((count, wall.as_secs_f64(), cpu.as_secs_f64()));
            }
        }
    }
}

/// Returns the middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |at: usize| values.get(at).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        at(middle)
    } else {
        (at(middle.saturating_sub(1)) + at(middle)) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn an_error_of_a_thread_ends_the_measurement() {
        let sampling = Sampling::new(1, 1, 2, Vec::new());
        let failed = sampling.measure("it", Unit::Things, 1, |_| {
            Ok(Box::new(|| Err(anyhow!("no"))))
        });
        assert!(failed.is_err());
    }
}
