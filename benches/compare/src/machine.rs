//! Where it was measured, and how busy others were.

use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use serde_json::{Value, json};

/// Returns what the figures hold for.
pub(crate) fn describe(work: &Path, cache: &str, arguments: &[String]) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let line = |key: &str| {
        let mut lines = cpuinfo.lines().filter(|line| line.starts_with(key));
        let value = lines.next().and_then(|line| line.split_once(':'));
        value.map_or("?", |(_, value)| value.trim()).to_owned()
    };
    let memory = read("/proc/meminfo");
    let kibibytes = memory
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok());
    let flags = line("flags");
    let has = |flag: &&str| flags.split(' ').any(|one| one == *flag);
    let instructions: Vec<_> = ["aes", "vaes", "avx2", "avx512f", "sha_ni"]
        .into_iter()
        .filter(has)
        .collect();
    let mhz = line("cpu MHz").parse::<f64>().unwrap_or(0.0).round();
    json!({
        "kind": "machine", "when": output("date", &["-u", "+%Y-%m-%d %H:%M"]), "cpu": line("model name"), "mhz": mhz,
        "instructions": instructions, "cores": available_parallelism().map_or(1, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(), "mem_mb": kibibytes.unwrap_or(0) / 1_024,
        "fs": file_system(work), "cache": cache, "load": load(), "arguments": arguments,
    })
}

/// Returns the kind of the file system.
fn file_system(work: &Path) -> String {
    let found = Command::new("findmnt")
        .args(["-n", "-o", "FSTYPE", "-T"])
        .arg(work)
        .output();
    let text = found.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "?".to_owned())
}

/// Returns the load of the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0)
}

/// Returns the CPU seconds that the whole machine has had since it began, and those that its host took away.
pub(crate) fn busy_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal: idle and iowait are not work.
    let work = |(at, ticks): (usize, &f64)| {
        if matches!(at, 3 | 4 | 8..) {
            0.0
        } else {
            *ticks
        }
    };
    let ticks: f64 = ticks.iter().enumerate().map(work).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

/// Returns what a program prints, on one line.
fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    run.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
