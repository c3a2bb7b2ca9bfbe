//! What the stages take without an engine, and which share of that the project reaches.

use crate::job::Job;
use crate::render::tables::{Table, median, per_cent, share};
use crate::results::{OWN, OWN_KEY, Results};

/// Writes a table for backups and one for checks, one for walks and copies, and the chart.
pub(super) fn tables(results: &Results, charts: &str) -> String {
    let mut out = String::new();
    for (job, name, what) in [
        (Job::First, "backup", "first backup"),
        (Job::Check, "check", "check"),
    ] {
        let table = stages(results, job, name).0;
        out += &format!(
            "CPU seconds of the stages of a {what}, measured in the same rounds:\n\n{table}\n"
        );
    }
    out += "A walk and a copy, in wall seconds (CPU seconds), measured in the same rounds:\n\n";
    out += &walks(results).0;
    if !results.limits.is_empty() {
        out += &format!("\n![Stages beside the project's own time]({charts}/limit.svg)\n");
    }
    out
}

fn stages(results: &Results, job: Job, name: &str) -> Table {
    let mut stages: Vec<String> = Vec::new();
    for stage in results
        .corpora
        .iter()
        .flat_map(|corpus| results.stages(corpus, name))
    {
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    let heads = ["all", "÷ cores", "alone, as it was"];
    let own = [
        "strongroom",
        "its CPU seconds",
        "share of the limit",
        "the same, opened with a key",
        "share of *alone, as it was*",
    ];
    let heads = ["corpus"]
        .into_iter()
        .chain(stages.iter().map(String::as_str))
        .chain(heads)
        .chain(own);
    let mut table = Table::new(heads);
    for corpus in &results.corpora {
        let limit = |stage: &str, key: &str| median(results.limit(corpus, name, stage, key), 2);
        let own = |key: &str| results.figure(corpus, OWN, job, key);
        let mut cells = vec![corpus.clone()];
        cells.extend(stages.iter().map(|stage| limit(stage, "cpu")));
        cells.extend(["cpu", "least", "wall"].map(|key| limit("all", key)));
        cells.extend(["wall", "cpu"].map(|key| median(own(key), 2)));
        let with_key = results.figure(corpus, OWN_KEY, job, "wall");
        let alone = results.limit(corpus, name, "all", "wall");
        let least = results.least(corpus, job);
        cells.extend([
            per_cent(share(least, own("wall"))),
            per_cent(share(least, with_key)),
            per_cent(share(alone, own("wall"))),
        ]);
        table.row(cells);
    }
    table
}

fn walks(results: &Results) -> Table {
    let mut table = Table::new([
        "corpus",
        "walk with statx",
        "strongroom, unchanged",
        "share",
        "the same, opened with a key",
        "one `cp -a` a core",
        "strongroom, restore",
        "share",
        "the same, opened with a key",
    ]);
    for corpus in &results.corpora {
        let mut cells = vec![corpus.clone()];
        for (job, name) in [(Job::Unchanged, "walk"), (Job::Restore, "restore")] {
            let own = |key| results.figure(corpus, OWN, job, key);
            let least = results.least(corpus, job);
            let cpu = results.limit(corpus, name, "all", "cpu");
            cells.push(format!("{} ({})", median(least, 2), median(cpu, 2)));
            cells.push(format!(
                "{} ({})",
                median(own("wall"), 2),
                median(own("cpu"), 2)
            ));
            cells.push(per_cent(share(least, own("wall"))));
            let with_key = results.figure(corpus, OWN_KEY, job, "wall");
            cells.push(per_cent(share(least, with_key)));
        }
        table.row(cells);
    }
    table
}
