//! One command line, from its beginning to its end.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Pid;
use serde_json::{Value, json};

use crate::machine::busy_seconds;
use crate::processes::Sampler;

/// A command line and where it runs.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) command: &'a str,
    pub(crate) environment: &'a [(String, String)],
    /// Where it runs.
    pub(crate) folder: &'a Path,
    /// Gets what it prints; what GNU time says goes to a file beside it.
    pub(crate) log: &'a Path,
    pub(crate) timeout: Duration,
}

/// What it took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Took {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) wall: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// Of the largest process.
    pub(crate) largest_mb: f64,
    /// Of all processes at once, sampled.
    pub(crate) together_mb: f64,
    /// CPU seconds that the machine spent on something else meanwhile.
    pub(crate) others: f64,
    /// The last lines that it printed, if it failed.
    pub(crate) complaint: String,
}

/// GNU time, since a shell's own does not say what memory was used.
const TIME: &str = "/usr/bin/time";

/// Fails if the programs that measuring needs are missing.
pub(crate) fn require_tools() -> anyhow::Result<()> {
    for program in [TIME, "/usr/bin/rsync", "/bin/bash"] {
        if !Path::new(program).exists() {
            bail!("{program} is needed and missing");
        }
    }
    Ok(())
}

impl Line<'_> {
    /// Runs it.
    pub(crate) fn run(&self) -> anyhow::Result<Took> {
        let times = self.log.with_extension("time");
        let log = File::create(self.log).with_context(|| self.log.display().to_string())?;
        let mut command = Command::new(TIME);
        command
            .args(["-q", "-f", "%U %S %M", "-o"])
            .arg(&times)
            .args(["bash", "-o", "pipefail", "-c", self.command])
            .env_clear()
            .envs(kept_environment())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let busy = busy_seconds();
        let began = Instant::now();
        let mut child = command.spawn().context(TIME)?;
        let sampler = Sampler::begin(Pid::from_child(&child), self.timeout);
        let status = child.wait()?;
        let wall = began.elapsed().as_secs_f64();
        let sampled = sampler.end();
        let busy = busy_seconds() - busy;
        let text = fs::read_to_string(&times).unwrap_or_default();
        let figure = |at: usize| {
            let line = text.lines().last().unwrap_or_default();
            line.split(' ')
                .nth(at)
                .and_then(|text| text.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let (user, system) = (figure(0), figure(1));
        Ok(Took {
            code: if sampled.is_killed {
                None
            } else {
                status.code()
            },
            wall,
            user,
            system,
            largest_mb: figure(2) / 1_024.0,
            together_mb: sampled.peak_bytes as f64 / f64::from(1 << 20),
            others: f64::max(busy - user - system, 0.0),
            complaint: if status.success() {
                String::new()
            } else {
                end_of(self.log)
            },
        })
    }
}

impl Took {
    /// Returns the CPU seconds.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// Says whether it did what it was asked.
    pub(crate) fn is_ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns the fields of its record.
    pub(crate) fn record(&self) -> Value {
        let thousandth = |value: f64| (value * 1e3).round() / 1e3;
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        let mut record = json!({
            "rc": self.code, "wall": thousandth(self.wall), "user": self.user, "sys": self.system, "cpu": thousandth(self.cpu()),
            "rss_mb": tenth(self.largest_mb), "tree_rss_mb": tenth(self.together_mb), "others_cpu": thousandth(self.others),
        });
        if let Some(fields) = record
            .as_object_mut()
            .filter(|_| !self.complaint.is_empty())
        {
            fields.insert("error".to_owned(), self.complaint.as_str().into());
        }
        record
    }
}

/// Returns what programs get of this one's environment: nothing that would set them up otherwise.
#[expect(
    clippy::disallowed_methods,
    reason = "this is a program, and its children need a path"
)]
fn kept_environment() -> Vec<(String, String)> {
    let kept = ["PATH", "TZ", "TMPDIR"].into_iter();
    let mut all: Vec<_> = kept
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect();
    for (name, value) in [("LC_ALL", "C.UTF-8"), ("USER", "root"), ("LOGNAME", "root")] {
        all.push((name.to_owned(), value.to_owned()));
    }
    all
}

/// Returns the last words of a log.
fn end_of(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let start = bytes.len().saturating_sub(1_000);
    String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
}

/// Waits. Only machines and their disks are waited for, never results.
#[expect(
    clippy::disallowed_methods,
    reason = "file systems and clocks have no other way to be waited for"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, timeout: Duration) -> Took {
        let folder = tempfile::tempdir().unwrap();
        let line = Line {
            command,
            environment: &[("WORD".to_owned(), "word".to_owned())],
            folder: folder.path(),
            log: &folder.path().join("log"),
            timeout,
        };
        line.run().unwrap()
    }

    #[test]
    fn a_command_is_measured() {
        let took = run(
            "[ $WORD = word ] && head -c 100000 /dev/zero | sort > /dev/null",
            Duration::MAX,
        );
        assert!(took.is_ok(), "{took:?}");
        assert!(took.largest_mb > 0.5 && took.wall > 0.0);
    }

    #[test]
    fn a_failure_is_kept_with_its_words() {
        let took = run("echo no such thing; exit 3", Duration::MAX);
        assert_eq!(
            (took.code, took.complaint.as_str()),
            (Some(3), "no such thing\n")
        );
    }

    #[test]
    fn what_takes_too_long_is_ended_with_its_children() {
        let took = run("sleep 100 | sleep 100", Duration::from_millis(1));
        assert!(!took.is_ok() && took.wall < 50.0);
    }
}
