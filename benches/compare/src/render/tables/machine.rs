//! Where, when and how it was measured.

use serde_json::Value;

use crate::job::Job;
use crate::results::{Figure, Results, number};

/// Says it in a paragraph.
pub(super) fn sentence(results: &Results) -> String {
    let Some(machine) = results.machines.last() else {
        return "Nothing has been measured yet.".to_owned();
    };
    let text = |key: &str| machine.get(key).and_then(Value::as_str).unwrap_or("?");
    let of = |key: &str| number(machine, key).unwrap_or(0.0);
    let list = machine.get("instructions").and_then(Value::as_array);
    let instructions: Vec<_> = list
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let cache = match text("cache") {
        "cold" => "cold: the page cache was emptied before each job",
        _ => "warm: what a job reads was read once before, and everything dirty was written out",
    };
    let runs = rounds(results);
    let most = runs.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let fewer = runs.iter().filter(|(_, count)| *count < most);
    let fewer: Vec<_> = fewer
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let fewer = match fewer.as_slice() {
        [] => String::new(),
        fewer => format!(" ({})", fewer.join(", ")),
    };
    let rounds = if most == 1 {
        "one round".to_owned()
    } else {
        format!("medians of {most} rounds")
    };
    let others = busiest(results).map_or_else(String::new, |(median, worst)| {
        format!(" Meanwhile other processes had {median:.1} % of the machine at the median of all jobs, and {worst:.0} % at most.")
    });
    format!(
        "Measured on {} UTC on {} cores of {} at {:.1} GHz ({}), {:.0} GiB of memory, {}, Linux {}. The cache is {cache}. All programs in one sequence, in \
         turns; {rounds}{fewer}.{others}",
        text("when"),
        of("cores"),
        text("cpu"),
        of("mhz") / 1e3,
        instructions.join(", "),
        of("mem_mb") / 1_024.0,
        text("fs"),
        text("kernel"),
    )
}

/// Returns how many rounds each program took part in.
fn rounds(results: &Results) -> Vec<(&str, usize)> {
    let count = |name: &str| {
        let of_corpus = |corpus: &String| results.runs(corpus, name, Job::First).len();
        results.corpora.iter().map(of_corpus).max().unwrap_or(0)
    };
    let names = results.programs.iter();
    names.map(|name| (name.as_str(), count(name))).collect()
}

/// Returns which share of the machine others had, in per cent: the median of all jobs, and the most.
fn busiest(results: &Results) -> Option<(f64, f64)> {
    let mut shares = Vec::new();
    let machine = results.machines.last();
    let cores = machine.and_then(|machine| number(machine, "cores"));
    for (corpus, program) in results
        .corpora
        .iter()
        .flat_map(|corpus| results.programs.iter().map(move |name| (corpus, name)))
    {
        for job in Job::COMPARED {
            let runs = results.runs(corpus, program, job).iter();
            shares.extend(runs.filter_map(|run| {
                // The counters' granule makes nothing of what is shorter.
                let room = number(run, "wall")?.max(0.1) * cores.unwrap_or(1.0);
                Some(100.0 * number(run, "others_cpu")? / room)
            }));
        }
    }
    Figure::of(shares).map(|figure| (figure.median, figure.most))
}
