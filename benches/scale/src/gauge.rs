//! What a step takes: time, memory, requests.

use std::io::Write as _;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Map, Value, json};

/// Measures from its making on.
#[derive(Debug)]
pub(crate) struct Gauge {
    began: Instant,
    cpu: f64,
    resident: f64,
}

impl Gauge {
    /// Begins, and forgets how much memory the process has had before.
    pub(crate) fn start() -> Self {
        // Where the system does not know this the peak is that of the whole process, which is more.
        drop(std::fs::write("/proc/self/clear_refs", "5"));
        Self {
            began: Instant::now(),
            cpu: cpu_seconds(),
            resident: status("VmRSS:"),
        }
    }

    /// Returns the seconds of the processor since.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds() - self.cpu
    }

    /// Prints one line of JSON: the step and its size, what was measured here, and what else the step has to say.
    pub(crate) fn print(&self, step: &str, size: u64, more: Value) -> Result<()> {
        let mut line = Map::new();
        line.insert("step".into(), json!(step));
        line.insert("size".into(), json!(size));
        line.insert(
            "wall_s".into(),
            json!(rounded(self.began.elapsed().as_secs_f64())),
        );
        line.insert("cpu_s".into(), json!(rounded(cpu_seconds() - self.cpu)));
        line.insert("peak_mib".into(), json!(rounded(status("VmHWM:"))));
        line.insert("before_mib".into(), json!(rounded(self.resident)));
        line.insert("after_mib".into(), json!(rounded(status("VmRSS:"))));
        if let Value::Object(more) = more {
            line.extend(more);
        }
        writeln!(std::io::stdout(), "{}", Value::Object(line))?;
        Ok(())
    }
}

/// Four digits after the point: a tenth of a millisecond.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// A line of what Linux says of this process, in MiB; 0 elsewhere.
fn status(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.unwrap_or(0.0_f64) / 1024.0
}

/// Seconds of the processor that all threads of this process have had, those that ended included; in hundredths, and 0 where there is no Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may have spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_A_SECOND
}

const TICKS_A_SECOND: f64 = 100.0;
