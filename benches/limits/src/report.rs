//! What was measured, for machines and for people.

use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use crate::laps::Laps;

/// Where the figures of one folder go.
#[derive(Debug)]
pub(crate) struct Report<'n> {
    name: &'n str,
    threads: usize,
}

impl<'n> Report<'n> {
    pub(crate) fn new(name: &'n str, threads: usize) -> Self {
        Self { name, threads }
    }

    /// Writes a job's stages and its whole.
    pub(crate) fn job(
        &self,
        job: &str,
        wall: Duration,
        laps: &Laps,
        more: &Value,
    ) -> io::Result<()> {
        let name = self.name;
        for lap in laps.iter() {
            let cpu = lap.cpu.as_secs_f64();
            record(&json!({
                "kind": "limit", "corpus": name, "job": job, "stage": lap.stage.as_str(),
                "threads": self.threads, "cpu": rounded(cpu), "bytes": lap.bytes,
            }))?;
            let rate = lap.bytes as f64 / 1e6 / cpu.max(1e-9);
            let stage = lap.stage.as_str();
            say(&format!(
                "{name:8} {job:8} {stage:10} {cpu:8.3} CPU s  {rate:9.0} MB/s a core"
            ))?;
        }
        let cpu = laps.cpu().as_secs_f64();
        let least = cpu / self.threads.max(1) as f64;
        let wall = wall.as_secs_f64();
        let mut whole = json!({
            "kind": "limit", "corpus": name, "job": job, "stage": "all", "threads": self.threads,
            "cpu": rounded(cpu), "least": rounded(least), "wall": rounded(wall),
        });
        if let (Some(whole), Some(more)) = (whole.as_object_mut(), more.as_object()) {
            whole.extend(more.clone());
        }
        record(&whole)?;
        say(&format!(
            "{name:8} {job:8} all        {cpu:8.3} CPU s, {least:.3} s if {} overlapped perfectly, {wall:.3} s as it was {more}",
            self.threads
        ))
    }
}

/// Writes a record.
pub(crate) fn record(value: &Value) -> io::Result<()> {
    writeln!(io::stdout(), "{value}")
}

/// Writes a line for people.
pub(crate) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{line}")
}

/// Returns what is worth recording of a number of seconds.
pub(crate) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}
