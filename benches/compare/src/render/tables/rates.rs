//! What each stage can do alone.

use serde_json::Value;

use crate::render::tables::{Table, median};
use crate::results::{Figure, Results, number};

/// Writes the table: a row for each stage, a column for each number of threads.
pub(super) fn table(results: &Results) -> String {
    let (mut stages, mut threads) = (Vec::new(), Vec::new());
    for rate in &results.rates {
        let text = |key: &str| rate.get(key).and_then(Value::as_str).unwrap_or_default();
        let stage = (text("name"), text("unit"));
        if !stages.contains(&stage) {
            stages.push(stage);
        }
        let count = rate.get("threads").and_then(Value::as_u64).unwrap_or(1);
        if !threads.contains(&count) {
            threads.push(count);
        }
    }
    if stages.is_empty() {
        return "Nothing has been measured yet.".to_owned();
    }
    let heads = threads.iter().map(|count| match count {
        1 => "one thread".to_owned(),
        count => format!("{count} threads"),
    });
    let mut table = Table::new(
        ["stage", "unit"]
            .map(str::to_owned)
            .into_iter()
            .chain(heads),
    );
    for (name, unit) in stages {
        let mut cells = vec![name.to_owned(), unit.to_owned()];
        cells.extend(threads.iter().map(|count| {
            let of_stage = results.rates.iter().filter(|rate| {
                rate.get("name").and_then(Value::as_str) == Some(name)
                    && rate.get("threads").and_then(Value::as_u64) == Some(*count)
            });
            let rates = of_stage.filter_map(|rate| number(rate, "rate"));
            median(Figure::of(rates.collect()), 0)
        }));
        table.row(cells);
    }
    table.0
}
