//! Charts of bars: a panel for each job, a bar for each program, each panel with a scale of its own that begins at zero.

use crate::job::Job;
use crate::render::svg::{Anchor, Svg, colour};
use crate::results::{Results, is_own};

/// A bar: a whole, and a second thinner one below it.
struct Bar<'r> {
    program: &'r str,
    value: f64,
    second: Option<f64>,
    label: String,
}

const WIDTH: f64 = 820.0;
const PANEL: f64 = 400.0;
const NAMES: f64 = 112.0;
const LABELS: f64 = 118.0;
const ROW: f64 = 21.0;

/// Draws wall time, and CPU time below it, of every job on a corpus.
pub(crate) fn time(results: &Results, corpus: &str) -> String {
    let panels = Job::COMPARED.map(|job| {
        let bars = results.programs.iter().filter_map(|program| {
            let wall = results.figure(corpus, program, job, "wall")?.median;
            let cpu = results.figure(corpus, program, job, "cpu")?.median;
            Some(Bar {
                program,
                value: wall,
                second: Some(cpu),
                label: format!("{wall:.2} s, {cpu:.2} CPU s"),
            })
        });
        (job.title().to_owned(), bars.collect())
    });
    let title = format!("{corpus}: wall time, and CPU time as the thin bar");
    panelled(results, &title, panels.into())
}

/// Draws the peak memory of every job on a corpus.
pub(crate) fn memory(results: &Results, corpus: &str) -> String {
    let panels = Job::COMPARED.map(|job| {
        let bars = results.programs.iter().filter_map(|program| {
            let value = results.memory(corpus, program, job)?.median;
            Some(Bar {
                program,
                value,
                second: None,
                label: format!("{value:.0} MiB"),
            })
        });
        (job.title().to_owned(), bars.collect())
    });
    panelled(results, &format!("{corpus}: peak memory"), panels.into())
}

/// Draws the size of repositories after the first backup and after the changed one.
pub(crate) fn size(results: &Results) -> String {
    let mut panels = Vec::new();
    for corpus in &results.corpora {
        for (job, when) in [
            (Job::First, "first backup"),
            (Job::Changed, "changed backup"),
        ] {
            let bars = results.programs.iter().filter_map(|program| {
                let value = results.figure(corpus, program, job, "repo_bytes")?.median / 1e6;
                Some(Bar {
                    program,
                    value,
                    second: None,
                    label: format!("{value:.1} MB"),
                })
            });
            panels.push((format!("{corpus}, after the {when}"), bars.collect()));
        }
    }
    panelled(results, "Size of repositories", panels)
}

fn panelled(results: &Results, title: &str, panels: Vec<(String, Vec<Bar<'_>>)>) -> String {
    let mut svg = Svg::new(WIDTH);
    svg.text((10.0, 20.0), Anchor::Start, "head", title);
    let height = 34.0 + ROW * results.programs.len() as f64;
    for (number, (name, bars)) in panels.iter().enumerate() {
        let (column, row) = (number % 2, number / 2);
        let at = (
            10.0 + (PANEL + 5.0) * column as f64,
            34.0 + height * row as f64,
        );
        panel(&mut svg, results, at, name, bars);
    }
    svg.finish(title)
}

fn panel(svg: &mut Svg, results: &Results, (x, y): (f64, f64), name: &str, bars: &[Bar<'_>]) {
    svg.text((x, y + 14.0), Anchor::Start, "head", name);
    let most = bars
        .iter()
        .map(|bar| f64::max(bar.value, bar.second.unwrap_or(0.0)))
        .fold(1e-9, f64::max);
    let scale = (PANEL - NAMES - LABELS) / most;
    let left = x + NAMES;
    for (position, program) in results.programs.iter().enumerate() {
        let top = y + 20.0 + ROW * position as f64;
        let class = if is_own(program) { "own" } else { "" };
        svg.text((left - 6.0, top + 13.0), Anchor::End, class, program);
        let Some(bar) = bars.iter().find(|bar| bar.program == program) else {
            svg.text(
                (left + 4.0, top + 13.0),
                Anchor::Start,
                "faint",
                "not measured",
            );
            continue;
        };
        let thick = if bar.second.is_some() { 10.0 } else { 14.0 };
        svg.bar(
            (left, top + 2.0),
            (bar.value * scale, thick),
            colour(program, position),
            &bar.label,
        );
        if let Some(second) = bar.second {
            svg.bar(
                (left, top + 13.0),
                (second * scale, 4.0),
                colour(program, position),
                &bar.label,
            );
        }
        let end = left + f64::max(bar.value, bar.second.unwrap_or(0.0)) * scale;
        svg.text((end + 4.0, top + 13.0), Anchor::Start, "faint", &bar.label);
    }
    svg.line_down((left, y + 20.0), ROW * results.programs.len() as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_is_still_a_drawing() {
        let drawn = time(&Results::default(), "<none>");
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
        assert!(drawn.contains("&lt;none&gt;") && !drawn.contains("NaN"));
    }
}
