//! What all diaries together say.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::diary;

/// Failures that are shown one by one.
const MAX_FAILURES: usize = 100;

/// The sum of the diaries.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Snapshots that the repository acknowledged, with their fingerprints.
    pub(super) acknowledged: HashMap<String, String>,
    /// Snapshots that somebody was about to forget.
    pub(super) given_up: HashSet<String>,
    /// How often each thing was done.
    pub(super) counts: BTreeMap<String, u64>,
    /// What nobody can explain, at most a hundred of it.
    pub(super) failures: Vec<String>,
    /// Diary lines that a kill cut short.
    pub(super) torn: u64,
}

/// A snapshot was acknowledged.
pub(super) fn acknowledged(snapshot: &str, fingerprint: &str) -> Value {
    json!({ "event": "acknowledged", "snapshot": snapshot, "fingerprint": fingerprint })
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
        let torn = diary::read(path, |line| self.add(line, path))?;
        self.torn += torn;
        Ok(())
    }

    pub(super) fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    pub(super) fn fail(&mut self, failure: String) {
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(failure);
        }
    }

    fn add(&mut self, line: &Value, path: &Path) {
        let text = |key: &str| text_of(&line[key]);
        match line["event"].as_str() {
            Some("acknowledged") => {
                self.acknowledged
                    .insert(text("snapshot"), text("fingerprint"));
            }
            Some("gives_up") => {
                let snapshots = line["snapshots"].as_array();
                self.given_up
                    .extend(snapshots.into_iter().flatten().map(text_of));
            }
            Some("counted") => {
                *self.counts.entry(text("what")).or_default() += line["by"].as_u64().unwrap_or(0);
            }
            Some("failed") => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                self.fail(format!("{name}: {}: {}", text("during"), text("message")));
            }
            _ => {}
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
