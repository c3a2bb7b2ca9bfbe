//! The project beside the fastest other program and beside the limit, job by job.

use crate::job::Job;
use crate::render::tables::{NONE, Table, median, share};
use crate::results::{OWN, OWN_KEY, Results};

/// Writes the table.
pub(super) fn table(results: &Results) -> String {
    let mut table = Table::new([
        "corpus",
        "job",
        "strongroom, s (least–most)",
        "opened with a key, s",
        "fastest other, s",
        "times as fast",
        "asked for",
        "share of the limit",
        "asked for",
        "peak MiB",
        "leanest other of comparable speed",
    ]);
    for corpus in &results.corpora {
        for job in Job::COMPARED {
            table.row(row(results, corpus, job));
        }
    }
    let plain: Vec<_> = results
        .programs
        .iter()
        .filter(|name| results.does(name, "encryption") == "none")
        .map(String::as_str)
        .collect();
    let plain = match plain.as_slice() {
        [] => String::new(),
        plain => format!(
            " Without {}, which does not encrypt: its figures are below.",
            plain.join(" and ")
        ),
    };
    format!(
        "{}\nIn bold: what was asked for is reached. Of comparable speed is who takes at most twice as long as the fastest other program.{plain}\n",
        table.0
    )
}

fn row(results: &Results, corpus: &str, job: Job) -> [String; 11] {
    let own = results.figure(corpus, OWN, job, "wall");
    let other = results.fastest_other(corpus, job);
    let factor = own
        .zip(other)
        .map(|(own, (_, other))| other.median / own.median.max(1e-9));
    let share = share(results.least(corpus, job), own);
    let text = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    [
        corpus.to_owned(),
        job.title().to_owned(),
        own.map_or_else(
            || "did not succeed".to_owned(),
            |own| format!("{:.2} ({:.2}–{:.2})", own.median, own.least, own.most),
        ),
        median(results.figure(corpus, OWN_KEY, job, "wall"), 2),
        text(other.map(|(name, other)| format!("{:.2} ({name})", other.median))),
        text(factor.map(|factor| judged(format!("{factor:.1} ×"), factor, job.goal()))),
        text(job.goal().map(|goal| format!("{goal} ×"))),
        text(share.map(|share| {
            let goal = job.goal_of_limit().map(|goal| 100.0 * goal);
            judged(format!("{share:.0} %"), share, goal)
        })),
        text(
            job.goal_of_limit()
                .map(|goal| format!("{:.0} %", 100.0 * goal)),
        ),
        median(results.memory(corpus, OWN, job), 0),
        leanest(results, corpus, job),
    ]
}

/// Returns the text, in bold if the goal is reached.
fn judged(text: String, value: f64, goal: Option<f64>) -> String {
    if goal.is_some_and(|goal| value >= goal) {
        format!("**{text}**")
    } else {
        text
    }
}

fn leanest(results: &Results, corpus: &str, job: Job) -> String {
    let fastest = results.fastest_other(corpus, job);
    let fastest = fastest.map_or(0.0, |(_, figure)| figure.median);
    let others = results.rivals().filter_map(|name| {
        let wall = results.figure(corpus, name, job, "wall")?;
        let memory = results.memory(corpus, name, job)?.median;
        (wall.median <= 2.0 * fastest).then_some((memory, name))
    });
    let leanest = others.min_by(|one, two| one.0.total_cmp(&two.0));
    leanest.map_or_else(
        || NONE.to_owned(),
        |(memory, name)| format!("{memory:.0} ({name})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_that_are_reached_are_bold() {
        assert_eq!(judged("2.0 ×".to_owned(), 2.04, Some(2.0)), "**2.0 ×**");
        assert_eq!(judged("1.9 ×".to_owned(), 1.9, Some(2.0)), "1.9 ×");
        assert_eq!(judged("71 %".to_owned(), 71.2, None), "71 %");
    }
}
