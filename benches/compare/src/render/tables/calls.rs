//! System calls, counted by strace.

use serde_json::Value;

use crate::job::Job;
use crate::render::tables::Table;
use crate::results::{Results, number};

/// Calls that are shown apart, with their kin.
const SHOWN: [(&str, &[&str]); 5] = [
    (
        "statx and its kin",
        &["statx", "newfstatat", "fstat", "lstat", "stat"],
    ),
    ("open", &["openat", "open", "openat2"]),
    ("read", &["read", "pread64", "preadv", "readv"]),
    ("close", &["close"]),
    ("futex", &["futex"]),
];

/// Writes the table.
pub(super) fn table(results: &Results) -> String {
    if results.traces.is_empty() {
        return "Nothing has been counted yet.".to_owned();
    }
    let shown = SHOWN.map(|(title, _)| title);
    let first = ["corpus", "job", "program", "all", "an entry"];
    let mut table = Table::new(first.into_iter().chain(shown).chain(["flushes"]));
    for trace in &results.traces {
        let text = |key: &str| trace.get(key).and_then(Value::as_str).unwrap_or_default();
        let count = |key: &str| number(trace, key).unwrap_or(0.0);
        let job = Job::parse(text("job")).map_or("", Job::title);
        let each = count("total") / count("entries").max(1.0);
        let mut cells = vec![
            text("corpus").to_owned(),
            job.to_owned(),
            text("program").to_owned(),
            count("total").to_string(),
            format!("{each:.2}"),
        ];
        cells.extend(SHOWN.map(|(_, names)| {
            let calls = names
                .iter()
                .filter_map(|name| number(trace.get("calls")?, name));
            calls.sum::<f64>().to_string()
        }));
        cells.push(count("flushes").to_string());
        table.row(cells);
    }
    table.0
}
