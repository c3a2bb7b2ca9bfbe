//! Tables and charts of results, put between the marks of a document.

mod bars;
mod document;
mod stack;
mod svg;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::results::Results;

/// Puts results into a document and writes its charts; returns the files that changed, or would.
pub(crate) fn render(
    results: &[PathBuf],
    document: &Path,
    check: bool,
) -> anyhow::Result<Vec<PathBuf>> {
    let results = Results::read(results)?;
    let text = fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let charts = document.with_extension("");
    let name = charts
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let text = document::filled(&text, |section| tables::section(&results, section, &name))?;
    let mut files = vec![(document.to_owned(), text)];
    files.extend(
        charts_of(&results)
            .into_iter()
            .map(|(name, text)| (charts.join(name), text)),
    );
    let mut changed = Vec::new();
    for (path, text) in files {
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if !check {
            fs::create_dir_all(path.parent().unwrap_or(document))?;
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        changed.push(path);
    }
    Ok(changed)
}

/// Returns all charts by the names of their files.
fn charts_of(results: &Results) -> Vec<(String, String)> {
    let mut charts = Vec::new();
    for corpus in &results.corpora {
        charts.push((format!("time-{corpus}.svg"), bars::time(results, corpus)));
        charts.push((
            format!("memory-{corpus}.svg"),
            bars::memory(results, corpus),
        ));
    }
    if !results.corpora.is_empty() {
        charts.push(("size.svg".to_owned(), bars::size(results)));
    }
    if !results.limits.is_empty() {
        charts.push(("limit.svg".to_owned(), stack::limits(results)));
    }
    charts
}
