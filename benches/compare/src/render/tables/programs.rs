//! What each program does for its time.

use serde_json::Value;

use crate::job::Job;
use crate::render::tables::{NONE, Table};
use crate::results::{Results, number};

/// Writes the table, and below it what must be known to read the figures.
pub(super) fn table(results: &Results) -> String {
    let mut table = Table::new([
        "program",
        "version",
        "encryption",
        "opening a repository",
        "ids",
        "compression",
        "flushes in a first backup",
        "more",
    ]);
    let mut notes = String::new();
    for name in &results.programs {
        let does = |what| results.does(name, what).to_owned();
        table.row([
            name.clone(),
            results.version(name).to_owned(),
            does("encryption"),
            does("opening"),
            does("ids"),
            does("compression"),
            flushes(results, name),
            does("more"),
        ]);
        if !does("notes").is_empty() {
            notes += &format!("* **{name}**: {}\n", does("notes"));
        }
    }
    format!("{}\n{notes}", table.0)
}

/// Returns how often a program made the disk flush its cache, by corpus.
fn flushes(results: &Results, program: &str) -> String {
    let counted = results.traces.iter().filter_map(|trace| {
        let text = |key: &str| trace.get(key).and_then(Value::as_str).unwrap_or_default();
        let is = text("program") == program && text("job") == Job::First.as_str();
        let (count, corpus) = (number(trace, "flushes")?, text("corpus"));
        is.then(|| format!("{count} ({corpus})"))
    });
    let counted: Vec<_> = counted.collect();
    match counted.as_slice() {
        [] => NONE.to_owned(),
        counted => counted.join(", "),
    }
}
