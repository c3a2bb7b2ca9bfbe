//! How figures grow: the slope of a line through their logarithms.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// Prints, for every step in these files, a table of its figures by size, and how each grows.
pub(crate) fn fit(files: &[String]) -> Result<()> {
    let mut steps: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| file.clone())?;
        for line in text.lines().filter(|line| line.starts_with('{')) {
            let figures: Map<String, Value> = serde_json::from_str(line)?;
            let step = figures.get("step").and_then(Value::as_str);
            let step = step.context("a line names no step")?.to_owned();
            steps.entry(step).or_default().push(Row::of(&figures));
        }
    }
    let mut out = std::io::stdout().lock();
    for (step, mut rows) in steps {
        rows.sort_by(|a, b| a.size.total_cmp(&b.size));
        writeln!(out, "\n### {step}\n")?;
        table(&mut out, &rows)?;
    }
    Ok(())
}

/// The figures of one size.
struct Row {
    size: f64,
    figures: BTreeMap<String, f64>,
}

impl Row {
    fn of(line: &Map<String, Value>) -> Self {
        let mut figures: BTreeMap<String, f64> = line
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
            .collect();
        let size = figures.remove("size").unwrap_or(0.0);
        Self { size, figures }
    }
}

fn table(out: &mut impl std::io::Write, rows: &[Row]) -> Result<()> {
    let sizes: Vec<String> = rows.iter().map(|row| row.size.to_string()).collect();
    writeln!(out, "| | {} | slope |", sizes.join(" | "))?;
    writeln!(out, "|---|{}---|", "---|".repeat(sizes.len()))?;
    let names: Vec<&String> = rows
        .first()
        .map(|row| row.figures.keys().collect())
        .unwrap_or_default();
    for name in names {
        let cells: Vec<String> = rows
            .iter()
            .map(|row| row.figures.get(name).map_or(String::new(), f64::to_string))
            .collect();
        let points = rows
            .iter()
            .filter_map(|row| Some((row.size, *row.figures.get(name)?)));
        let slope = slope(points).map_or("–".to_owned(), |slope| format!("{slope:.2}"));
        writeln!(out, "| {name} | {} | {slope} |", cells.join(" | "))?;
    }
    Ok(())
}

/// The slope of the line of least squares through the logarithms of what is positive; `None` of fewer than two different sizes.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let logarithms: Vec<(f64, f64)> = points
        .filter(|(size, value)| *size > 0.0 && *value > 0.0)
        .map(|(size, value)| (size.ln(), value.ln()))
        .collect();
    let count = logarithms.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logarithms.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = logarithms.iter().map(|point| (point.0 - x).powi(2)).sum();
    let along: f64 = logarithms
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    (across > 0.0).then(|| along / across)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_the_exponent() {
        for exponent in [0.0, 0.5, 1.0, 2.0] {
            let points = [1.0_f64, 10.0, 1e4].map(|size| (size, 3.0 * size.powf(exponent)));
            let found = slope(points.into_iter()).unwrap();
            assert!((found - exponent).abs() < 1e-9, "{found}");
        }
        assert_eq!(slope([(5.0, 1.0), (5.0, 2.0)].into_iter()), None);
        assert_eq!(slope(std::iter::empty()), None);
    }
}
