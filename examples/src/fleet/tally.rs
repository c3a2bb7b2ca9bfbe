//! What all diaries together say.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::diary;

/// Failures that are shown one by one.
const MAX_FAILURES: usize = 100;

/// The sum of the diaries.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What became of each snapshot.
    pub(super) fates: BTreeMap<String, Fate>,
    /// How often each thing was done.
    pub(super) counts: BTreeMap<String, u64>,
    /// What clients asked of the store, by kind; of those who were killed, until the last round that they ended.
    pub(super) requests: BTreeMap<String, u64>,
    /// What nobody can explain, at most a hundred of it.
    pub(super) failures: Vec<String>,
    /// Diary lines that a kill cut short.
    pub(super) torn: u64,
}

/// What workers did to one snapshot. Each did it at some time between two lines of its diary.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) fingerprint: String,
    /// When it was committed, and again when it was brought back, and acknowledged.
    acknowledged: Vec<Between>,
    /// When somebody tried to forget it.
    given_up: Vec<Between>,
}

/// Some moment from the first to the last.
#[derive(Debug, Clone, Copy)]
struct Between {
    first: u64,
    last: u64,
}

impl Fate {
    pub(super) fn is_acknowledged(&self) -> bool {
        !self.acknowledged.is_empty()
    }

    pub(super) fn is_given_up(&self) -> bool {
        !self.given_up.is_empty()
    }

    /// Says whether it was acknowledged, and later nobody tried to forget it.
    pub(super) fn must_be_there(&self) -> bool {
        let begun = self.acknowledged.iter().map(|when| when.first).max();
        begun.is_some_and(|begun| self.given_up.iter().all(|when| when.last <= begun))
    }
}

/// A snapshot was acknowledged.
pub(super) fn acknowledged(snapshot: &str, fingerprint: &str) -> Value {
    json!({ "event": "acknowledged", "snapshot": snapshot, "fingerprint": fingerprint })
}

/// A worker begins.
pub(super) fn begins(incarnation: u64) -> Value {
    json!({ "event": "begins", "incarnation": incarnation })
}

/// Snapshots are about to be forgotten.
pub(super) fn gives_up(snapshots: &[String]) -> Value {
    json!({ "event": "gives_up", "snapshots": snapshots })
}

/// A backup is about to begin.
pub(super) fn intends(fingerprint: &str) -> Value {
    json!({ "event": "intends", "fingerprint": fingerprint })
}

/// Something was done `by` times.
pub(super) fn counted(what: &str, by: u64) -> Value {
    json!({ "event": "counted", "what": what, "by": by })
}

/// So much was asked of the store since it was last said, by kind.
pub(super) fn asked(requests: &BTreeMap<&str, u64>) -> Value {
    json!({ "event": "asked", "requests": requests })
}

/// Somebody else was faster: explained, and counted.
pub(super) fn overtaken(what: &str, during: &str, error: &str) -> Value {
    json!({ "event": "counted", "what": what, "by": 1, "during": during, "message": error })
}

/// Something went wrong that nobody can explain.
pub(super) fn failed(during: &str, error: &str) -> Value {
    json!({ "event": "failed", "during": during, "message": error })
}

impl Tally {
    /// Adds a worker's diary.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<()> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let (mut before, mut pending) = (0, Vec::new());
        let torn = diary::read(path, |line| {
            let now = line["at"].as_u64().unwrap_or(before);
            // What it was about to do it did, or was killed, before it wrote the next line.
            self.give_up(pending.drain(..), before, now);
            self.add(
                line,
                &name,
                Between {
                    first: before,
                    last: now,
                },
            );
            if line["event"] == "gives_up" {
                let snapshots = line["snapshots"].as_array();
                pending.extend(snapshots.into_iter().flatten().map(text_of));
            }
            before = now;
        })?;
        self.give_up(pending.drain(..), before, u64::MAX);
        self.torn += torn;
        Ok(())
    }

    pub(super) fn fail(&mut self, failure: String) {
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(failure);
        }
    }

    fn give_up(&mut self, snapshots: impl Iterator<Item = String>, first: u64, last: u64) {
        for id in snapshots {
            let fate = self.fates.entry(id).or_default();
            fate.given_up.push(Between { first, last });
        }
    }

    fn add(&mut self, line: &Value, name: &str, when: Between) {
        let text = |key: &str| text_of(&line[key]);
        match line["event"].as_str() {
            Some("acknowledged") => {
                let fate = self.fates.entry(text("snapshot")).or_default();
                fate.fingerprint = text("fingerprint");
                fate.acknowledged.push(when);
            }
            Some("counted") => {
                *self.counts.entry(text("what")).or_default() += line["by"].as_u64().unwrap_or(0);
            }
            Some("asked") => {
                for (kind, count) in line["requests"].as_object().into_iter().flatten() {
                    *self.requests.entry(kind.clone()).or_default() += count.as_u64().unwrap_or(0);
                }
            }
            Some("failed") => {
                self.fail(format!("{name}: {}: {}", text("during"), text("message")));
            }
            _ => {}
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a snapshot must be there after the events of two workers: time, what.
    fn must_be_there(diaries: [&[(u64, &str)]; 2]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let mut tally = Tally::default();
        for (number, lines) in diaries.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            let lines = lines.iter().map(|(at, event)| {
                let mut line = match *event {
                    "acknowledged" => acknowledged("a", "f"),
                    "gives_up" => gives_up(&["a".to_owned()]),
                    _ => counted("rounds", 1),
                };
                line["at"] = (*at).into();
                format!("{line}\n")
            });
            std::fs::write(&path, lines.collect::<String>()).unwrap();
            tally.read(&path).unwrap();
        }
        tally.fates.get("a").is_some_and(Fate::must_be_there)
    }

    #[test]
    fn what_nobody_tried_to_forget_later_must_be_there() {
        let acknowledged: &[_] = &[(10, "round"), (20, "acknowledged"), (30, "round")];
        assert!(must_be_there([acknowledged, &[]]));
        assert!(!must_be_there([
            acknowledged,
            &[(40, "gives_up"), (50, "round")]
        ]));
        // Killed before it could say what came of it.
        assert!(!must_be_there([acknowledged, &[(5, "gives_up")]]));
        // Perhaps it was forgotten after it was brought back.
        assert!(!must_be_there([
            acknowledged,
            &[(5, "gives_up"), (15, "round")]
        ]));
        assert!(must_be_there([
            acknowledged,
            &[(5, "gives_up"), (9, "round")]
        ]));
    }
}
