//! Memory of a process and all its descendants, while they run.

use std::fs;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often it is looked at. A peak shorter than this may be missed in the sum, not in the largest process.
const EVERY: Duration = Duration::from_millis(20);

/// What starts a command line and is no part of it.
const OURS: [&str; 2] = ["time", "bash"];

/// Samples in a thread of its own, and kills the process group when its time is over.
#[derive(Debug)]
pub(crate) struct Sampler {
    end: Sender<()>,
    thread: JoinHandle<Sampled>,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sampled {
    /// The highest sum of what was resident, pages that are shared counted in each.
    pub(crate) peak_bytes: u64,
    /// Whether it took too long.
    pub(crate) is_killed: bool,
}

impl Sampler {
    /// Begins to look at a process that leads a group.
    pub(crate) fn begin(pid: Pid, timeout: Duration) -> Self {
        let (end, ended) = channel();
        let thread = spawn(move || sample(pid, timeout, &ended));
        Self { end, thread }
    }

    /// Ends and returns what was seen.
    pub(crate) fn end(self) -> Sampled {
        drop(self.end);
        self.thread.join().unwrap_or_default()
    }
}

fn sample(pid: Pid, timeout: Duration, ended: &Receiver<()>) -> Sampled {
    let began = Instant::now();
    let mut sampled = Sampled::default();
    while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        sampled.peak_bytes = sampled.peak_bytes.max(resident(pid.as_raw_pid()));
        if began.elapsed() > timeout && !sampled.is_killed {
            sampled.is_killed = true;
            // An error says that it has ended just now.
            let _ended = kill_process_group(pid, Signal::KILL);
        }
    }
    sampled
}

/// Returns what a process and its descendants have in memory.
fn resident(pid: i32) -> u64 {
    let page = rustix::param::page_size() as u64;
    let (mut pages, mut open) = (0, vec![pid]);
    while let Some(pid) = open.pop() {
        open.extend(children(pid));
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if OURS.contains(&name.trim_end()) {
            continue;
        }
        let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        pages += text
            .split(' ')
            .nth(1)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0);
    }
    pages * page
}

fn children(pid: i32) -> Vec<i32> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let text = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(
            text.split_whitespace()
                .filter_map(|text| text.parse::<i32>().ok()),
        );
    }
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        let pid = rustix::process::getpid().as_raw_pid();
        assert!(resident(pid) > 100_000);
    }
}
