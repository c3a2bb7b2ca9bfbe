//! All programs at all jobs: time, memory, repositories.

use serde_json::Value;

use crate::job::Job;
use crate::render::tables::{NONE, Table, median};
use crate::results::Results;

/// After these jobs a repository's size is shown.
const SIZED: [Job; 3] = [Job::First, Job::Changed, Job::Prune];

/// Writes two tables and two charts for each corpus.
pub(super) fn tables(results: &Results, charts: &str) -> String {
    let mut out = String::new();
    for corpus in &results.corpora {
        out += &format!(
            "### {corpus}\n\nWall seconds (CPU seconds).\n\n{}\n![Time of each job on {corpus}]({charts}/time-{corpus}.svg)\n\nPeak memory in MiB.\n\n{}\n\
             ![Peak memory of each job on {corpus}]({charts}/memory-{corpus}.svg)\n\nThe repository after three of the jobs: MB, and files, which are the objects that a \
             remote store would keep.\n\n{}\n",
            times(results, corpus).0,
            memory(results, corpus).0,
            sizes(results, corpus).0,
        );
    }
    if !out.is_empty() {
        out += &format!("![Size of repositories]({charts}/size.svg)\n");
    }
    out
}

fn titles(first: &'static str, last: Option<&'static str>) -> impl Iterator<Item = &'static str> {
    let titles = Job::COMPARED.into_iter().map(Job::title);
    [first].into_iter().chain(titles).chain(last)
}

fn times(results: &Results, corpus: &str) -> Table {
    let mut table = Table::new(titles("program", Some("restored")));
    for program in &results.programs {
        let mut cells = vec![program.clone()];
        cells.extend(Job::COMPARED.map(|job| time(results, corpus, program, job)));
        cells.push(restored(results, corpus, program));
        table.row(cells);
    }
    table
}

fn time(results: &Results, corpus: &str, program: &str, job: Job) -> String {
    let figure = |key| results.figure(corpus, program, job, key);
    match figure("wall").zip(figure("cpu")) {
        Some((wall, cpu)) => format!("{:.2} ({:.2})", wall.median, cpu.median),
        None if results.runs(corpus, program, job).is_empty() => NONE.to_owned(),
        None => "failed".to_owned(),
    }
}

/// Says what comparing restores with their source found.
fn restored(results: &Results, corpus: &str, program: &str) -> String {
    let runs = results.runs(corpus, program, Job::Restore).iter();
    let verified: Vec<_> = runs.filter_map(|run| run.get("verify")).collect();
    let is = |key: &str| {
        let mut all = verified.iter();
        all.all(|verify| verify.get(key) == Some(&Value::Bool(true)))
    };
    if verified.is_empty() {
        return NONE.to_owned();
    }
    if is("data_ok") && is("meta_ok") {
        return "exact".to_owned();
    }
    let mut kinds: Vec<&str> = verified
        .iter()
        .filter_map(|verify| verify.get("differences")?.as_object())
        .flat_map(|kinds| kinds.keys().map(String::as_str))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let what = if is("data_ok") {
        "data exact; differs in"
    } else {
        "WRONG:"
    };
    format!("{what} {}", kinds.join(", "))
}

fn memory(results: &Results, corpus: &str) -> Table {
    let mut table = Table::new(titles("program", None));
    for program in &results.programs {
        let mut cells = vec![program.clone()];
        cells.extend(Job::COMPARED.map(|job| median(results.memory(corpus, program, job), 0)));
        table.row(cells);
    }
    table
}

fn sizes(results: &Results, corpus: &str) -> Table {
    let heads = SIZED.map(|job| format!("MB after {}", job.title()));
    let files = SIZED.map(|job| format!("files after {}", job.title()));
    let mut table = Table::new(["program".to_owned()].into_iter().chain(heads).chain(files));
    for program in &results.programs {
        let mut cells = vec![program.clone()];
        cells.extend(SIZED.map(|job| {
            let bytes = results.figure(corpus, program, job, "repo_bytes");
            bytes.map_or_else(
                || NONE.to_owned(),
                |bytes| format!("{:.1}", bytes.median / 1e6),
            )
        }));
        let files = |job| median(results.figure(corpus, program, job, "repo_files"), 0);
        cells.extend(SIZED.map(files));
        table.row(cells);
    }
    table
}
