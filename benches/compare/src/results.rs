//! What was measured, by corpus, program and job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::job::Job;
use crate::record::read_all;

/// The project's own name in the results.
pub(crate) const OWN: &str = "strongroom";

/// The same, opened with a random key instead of a passphrase.
pub(crate) const OWN_KEY: &str = "strongroom-key";

/// Says whether a name is the project's own, or that of a variant of it.
pub(crate) fn is_own(name: &str) -> bool {
    name.starts_with(OWN)
}

/// All results, in the order in which programs and corpora first appear.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) machines: Vec<Value>,
    pub(crate) corpora: Vec<String>,
    pub(crate) programs: Vec<String>,
    pub(crate) limits: Vec<Value>,
    pub(crate) rates: Vec<Value>,
    pub(crate) traces: Vec<Value>,
    jobs: BTreeMap<(String, String, Job), Vec<Value>>,
}

/// What several runs say about one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
    pub(crate) count: usize,
}

impl Figure {
    /// Returns the figure of some values, if there are any.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let count = values.len();
        let (low, high) = (*values.get((count - 1) / 2)?, *values.get(count / 2)?);
        Some(Self {
            least,
            median: f64::midpoint(low, high),
            most,
            count,
        })
    }
}

impl Results {
    /// Reads files of results. Records of `bench.py` files, which say `peer` and `rep`, are read as well.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut results = Self::default();
        for record in read_all(paths)? {
            results.add(record);
        }
        // The project's own first, so that it has the same place and colour everywhere.
        results
            .programs
            .sort_by_key(|name| (name != OWN, !is_own(name)));
        Ok(results)
    }

    fn add(&mut self, record: Value) {
        let text = |key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
        let corpus = text("corpus").unwrap_or_default();
        match record.get("kind").and_then(Value::as_str) {
            Some("machine") => self.machines.push(record),
            Some("limit") => self.limits.push(record),
            Some("rate") => self.rates.push(record),
            Some("trace") => self.traces.push(record),
            Some("job") => {
                let program = text("program").or_else(|| text("peer")).unwrap_or_default();
                let Some(job) = text("job").as_deref().and_then(Job::parse) else {
                    return;
                };
                remember(&mut self.corpora, &corpus);
                remember(&mut self.programs, &program);
                self.jobs
                    .entry((corpus, program, job))
                    .or_default()
                    .push(record);
            }
            _ => {}
        }
    }

    /// Returns the runs of a job.
    pub(crate) fn runs(&self, corpus: &str, program: &str, job: Job) -> &[Value] {
        let key = (corpus.to_owned(), program.to_owned(), job);
        self.jobs.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Returns a figure of a job, if every run of it did what it was asked.
    pub(crate) fn figure(
        &self,
        corpus: &str,
        program: &str,
        job: Job,
        key: &str,
    ) -> Option<Figure> {
        let runs = self.runs(corpus, program, job);
        let is_ok = |run: &Value| {
            let data = run.get("verify").and_then(|verify| verify.get("data_ok"));
            run.get("rc").and_then(Value::as_i64) == Some(0) && data != Some(&Value::Bool(false))
        };
        if !runs.iter().all(is_ok) {
            return None;
        }
        Figure::of(runs.iter().filter_map(|run| number(run, key)).collect())
    }

    /// Returns the most memory of a job in mebibytes: of the largest process or of all together, whichever was seen to be more.
    pub(crate) fn memory(&self, corpus: &str, program: &str, job: Job) -> Option<Figure> {
        let largest = self.figure(corpus, program, job, "rss_mb")?;
        let together = self
            .figure(corpus, program, job, "tree_rss_mb")
            .unwrap_or(largest);
        Some(if together.median > largest.median {
            together
        } else {
            largest
        })
    }

    /// Returns what a program says that it does.
    pub(crate) fn does(&self, program: &str, what: &str) -> &str {
        let does = self
            .described(program)
            .and_then(|described| described.get("does")?.get(what));
        does.and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns what a program says that its version is.
    pub(crate) fn version(&self, program: &str) -> &str {
        let version = self
            .described(program)
            .and_then(|described| described.get("version"));
        version.and_then(Value::as_str).unwrap_or("?")
    }

    fn described(&self, program: &str) -> Option<&Value> {
        let mut machines = self.machines.iter().rev();
        machines.find_map(|machine| machine.get("programs")?.get(program))
    }

    /// Returns the other programs that encrypt, as this project does.
    pub(crate) fn rivals(&self) -> impl Iterator<Item = &str> {
        let names = self.programs.iter().map(String::as_str);
        names.filter(|name| !is_own(name) && self.does(name, "encryption") != "none")
    }

    /// Returns the other program that was fastest at a job.
    pub(crate) fn fastest_other(&self, corpus: &str, job: Job) -> Option<(&str, Figure)> {
        let others = self.rivals();
        let timed = others.filter_map(|name| Some((name, self.figure(corpus, name, job, "wall")?)));
        timed.min_by(|one, two| one.1.median.total_cmp(&two.1.median))
    }

    /// Returns a limit's figure: of all stages together, or of one.
    pub(crate) fn limit(&self, corpus: &str, job: &str, stage: &str, key: &str) -> Option<Figure> {
        let is = |record: &&Value, key: &str, text: &str| {
            record.get(key).and_then(Value::as_str) == Some(text)
        };
        let of_stage = self.limits.iter().filter(|record| {
            is(record, "corpus", corpus) && is(record, "job", job) && is(record, "stage", stage)
        });
        Figure::of(of_stage.filter_map(|record| number(record, key)).collect())
    }

    /// Returns the stages of a limit, in the order in which they are gone through.
    pub(crate) fn stages(&self, corpus: &str, job: &str) -> Vec<String> {
        let mut stages = Vec::new();
        for record in &self.limits {
            let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
            if text("corpus") == corpus && text("job") == job && text("stage") != "all" {
                remember(&mut stages, text("stage"));
            }
        }
        stages
    }

    /// Returns the seconds that a job cannot be faster than.
    pub(crate) fn least(&self, corpus: &str, job: Job) -> Option<Figure> {
        match job {
            // A walk is waited for as it is: it is bound by the system's locks as much as by CPU time.
            Job::Unchanged => self.limit(corpus, "walk", "all", "wall"),
            Job::First => self.limit(corpus, "backup", "all", "least"),
            Job::Restore => self.limit(corpus, "restore", "all", "least"),
            Job::Check => self.limit(corpus, "check", "all", "least"),
            _ => None,
        }
    }
}

/// Returns a number of a record.
pub(crate) fn number(record: &Value, key: &str) -> Option<f64> {
    record.get(key).and_then(Value::as_f64)
}

fn remember(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn results(runs: &[(&str, f64, i64)]) -> Results {
        let mut results = Results::default();
        for (program, wall, rc) in runs {
            results.add(json!({
                "kind": "job", "corpus": "c", "program": program, "job": "backup1", "rc": rc, "wall": wall,
            }));
        }
        results
    }

    #[test]
    fn a_figure_is_the_median_of_its_runs() {
        let results = results(&[("a", 3.0, 0), ("a", 1.0, 0), ("a", 2.0, 0)]);
        let figure = results.figure("c", "a", Job::First, "wall").unwrap();
        assert_eq!(
            (figure.least, figure.median, figure.most, figure.count),
            (1.0, 2.0, 3.0, 3)
        );
        assert_eq!(Figure::of(vec![1.0, 4.0]).unwrap().median, 2.5);
        assert_eq!(Figure::of(Vec::new()), None);
    }

    #[test]
    fn what_failed_once_has_no_figure_and_is_not_the_fastest() {
        let results = results(&[
            (OWN, 1.0, 0),
            ("a", 2.0, 0),
            ("a", 0.1, 1),
            ("b", 3.0, 0),
            ("c", 4.0, 0),
        ]);
        assert_eq!(results.figure("c", "a", Job::First, "wall"), None);
        assert_eq!(
            results.fastest_other("c", Job::First).map(|(name, _)| name),
            Some("b")
        );
    }

    #[test]
    fn wrong_data_is_no_restore() {
        let mut results = Results::default();
        results.add(json!({
            "kind": "job", "corpus": "c", "peer": "a", "job": "restore", "rc": 0, "wall": 1.0, "verify": { "data_ok": false },
        }));
        assert_eq!(results.runs("c", "a", Job::Restore).len(), 1);
        assert_eq!(results.figure("c", "a", Job::Restore, "wall"), None);
    }
}
