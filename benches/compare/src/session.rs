//! Rounds of all jobs by all programs.

mod limit;
mod turn;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::installed::{chosen, search_path};
use crate::job::Job;
use crate::live::lay;
use crate::measure::require_tools;
use crate::program::Program;
use crate::record::{Records, joined};
use crate::session::turn::Turn;
use crate::size::{size, warm};
use crate::trash::Trash;
use crate::{machine, say};

/// What is run, where, and how often.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Folder of corpora: each a folder with the versions `v1` and `v2`.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpora: PathBuf,
    /// The corpora that are used.
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    pub(crate) corpus: Vec<String>,
    /// Folder for repositories and restores, best on the disk of the corpora.
    #[arg(long, value_name = "DIR")]
    pub(crate) work: PathBuf,
    /// Where programs are looked for before the system's folders.
    #[arg(long, value_name = "DIR")]
    pub(crate) bin: Vec<PathBuf>,
    /// The programs that are run [default: all that are installed].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) programs: Vec<String>,
    /// Files with further programs, in the form of `programs.json`.
    #[arg(long, value_name = "FILE")]
    pub(crate) extra: Vec<PathBuf>,
    /// Rounds, of which the medians count.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Programs that take part in fewer rounds: `borg=1`.
    #[arg(long, value_name = "NAME=N", value_delimiter = ',', value_parser = fewer)]
    pub(crate) fewer: Vec<(String, usize)>,
    /// What is in the page cache before each job: all that it will read, or nothing.
    #[arg(long, value_name = "STATE", value_parser = ["warm", "cold"], default_value = "warm")]
    pub(crate) cache: String,
    /// File to which results are appended.
    #[arg(long, value_name = "FILE")]
    pub(crate) results: PathBuf,
    /// Seconds after which a job is ended.
    #[arg(long, value_name = "S", default_value_t = 1_800)]
    pub(crate) timeout: u64,
    /// Seconds for which the file system is left alone after many files were removed.
    #[arg(long, value_name = "S", default_value_t = 70)]
    pub(crate) settle: u64,
    /// Gigabytes of the disk that stay free.
    #[arg(long, value_name = "GB", default_value_t = 10)]
    pub(crate) reserve: u64,
    /// Measure no limits.
    #[arg(long)]
    pub(crate) no_limits: bool,
}

fn fewer(text: &str) -> Result<(String, usize), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
    parsed.ok_or_else(|| format!("{text}: not of the form NAME=N"))
}

/// Runs the rounds.
pub(crate) fn run(arguments: &RunArgs) -> anyhow::Result<()> {
    require_tools()?;
    let mut session = Session::begin(arguments)?;
    for name in &arguments.corpus {
        for round in 1..=arguments.rounds {
            session.round(name, round)?;
        }
        session.trash.take(&session.work.join(name))?;
        session.trash.empty(true)?;
    }
    Ok(())
}

/// Everything that the rounds share.
#[derive(Debug)]
struct Session<'a> {
    arguments: &'a RunArgs,
    corpora: PathBuf,
    work: PathBuf,
    path: String,
    programs: Vec<(Program, String)>,
    records: Records,
    trash: Trash,
    cores: usize,
}

impl<'a> Session<'a> {
    fn begin(arguments: &'a RunArgs) -> anyhow::Result<Self> {
        fs::create_dir_all(&arguments.work)?;
        let (corpora, work) = (
            arguments.corpora.canonicalize()?,
            arguments.work.canonicalize()?,
        );
        let (path, folders) = search_path(&arguments.bin)?;
        let programs = chosen(&arguments.programs, &arguments.extra, &folders, &path)?;
        let mut records = Records::append_to(&arguments.results)?;
        let given: Vec<String> = std::env::args()
            .skip(1)
            .filter(|text| !text.contains('/'))
            .collect();
        let mut machine = machine::describe(&work, &arguments.cache, &given);
        let does = |program: &Program| {
            let what = ["encryption", "opening", "ids", "compression", "more"];
            let says = what.map(|what| (what.to_owned(), Value::from(program.does(what))));
            let notes = ("notes".to_owned(), Value::from(program.notes()));
            Value::Object(says.into_iter().chain([notes]).collect())
        };
        let described = programs.iter().map(|(program, version)| {
            (
                program.name.clone(),
                json!({ "version": version, "does": does(program) }),
            )
        });
        let described: Value = Value::Object(described.collect());
        machine = joined(machine, json!({ "programs": described }));
        records.write(&machine)?;
        let trash = Trash::new(
            &work,
            arguments.reserve * 1_000_000_000,
            Duration::from_secs(arguments.settle),
        );
        trash.empty(true)?;
        Ok(Self {
            arguments,
            corpora,
            work,
            path,
            programs,
            records,
            trash,
            cores: available_parallelism().map_or(1, usize::from),
        })
    }

    /// Takes all programs through all jobs of a corpus. The folder is the same for all of them, and changes once, between the jobs of the first
    /// version and those of the second. Each round begins with another program.
    fn round(&mut self, corpus: &str, round: usize) -> anyhow::Result<()> {
        let folder = self.work.join(corpus);
        let live = folder.join("live");
        let versions = self.corpora.join(corpus);
        lay(&versions.join("v1"), &live)?;
        if !self.arguments.no_limits {
            self.limits(corpus, round, &live)?;
        }
        let programs = self.programs.clone();
        let mut turns = Vec::new();
        for at in 0..programs.len() {
            let Some((program, version)) = programs.get((at + round - 1) % programs.len()) else {
                continue;
            };
            let most = self
                .arguments
                .fewer
                .iter()
                .find(|(name, _)| *name == program.name);
            if most.is_none_or(|(_, rounds)| round <= *rounds) {
                let own = folder.join(&program.name);
                self.trash.take(&own)?;
                turns.push(Turn::begin(program, version, own, &live, &self.path)?);
            }
        }
        for (version, jobs) in [
            (None, [Job::Init, Job::First, Job::Unchanged].as_slice()),
            (
                Some("v2"),
                &[Job::Changed, Job::Restore, Job::Check, Job::Prune],
            ),
        ] {
            if let Some(version) = version {
                lay(&versions.join(version), &live)?;
            }
            for turn in &mut turns {
                for job in jobs {
                    self.job(corpus, round, turn, *job)?;
                }
            }
        }
        if !self.arguments.no_limits {
            self.copy(corpus, round, &folder, &live)?;
        }
        for turn in turns {
            self.trash.take(&turn.into_folder())?;
        }
        Ok(())
    }

    fn job(
        &mut self,
        corpus: &str,
        round: usize,
        turn: &mut Turn<'_>,
        job: Job,
    ) -> anyhow::Result<()> {
        let Some(command) = turn.command(job) else {
            return Ok(());
        };
        if job == Job::Restore {
            self.trash.make_room()?;
            fs::create_dir_all(&turn.places.out)?;
        }
        self.prepare(&turn.reads(job))?;
        let load = machine::load();
        let took = turn.run(&command, job, Duration::from_secs(self.arguments.timeout))?;
        let began = Instant::now();
        rustix::fs::sync();
        let flushed = began.elapsed().as_secs_f64();
        let (repo, home) = (size(&turn.places.repo), size(&turn.places.home));
        let mut record = json!({
            "kind": "job", "corpus": corpus, "program": turn.program.name, "version": turn.version, "round": round,
            "cache": self.arguments.cache, "job": job.as_str(), "load": load, "sync_s": (flushed * 100.0).round() / 100.0,
            "repo_files": repo.files, "repo_bytes": repo.bytes, "repo_alloc": repo.allocated, "home_bytes": home.bytes,
        });
        record = joined(record, took.record());
        let mut words = String::new();
        if job == Job::Restore {
            let compared = turn.compared();
            words = format!(
                "  differs in {}",
                compared.get("differences").unwrap_or(&Value::Null)
            );
            record = joined(record, json!({ "verify": compared }));
            self.trash.take(&turn.places.out)?;
        }
        self.records.write(&record)?;
        say(&format!(
            "{corpus:6} {:10} #{round} {:9} {:8.2} s  {:8.2} CPU s  {:7.1} MiB  repository {:8.1} MB in {:6} files  others {:5.2} CPU s{words}",
            turn.program.name,
            job.as_str(),
            took.wall,
            took.cpu(),
            f64::max(took.largest_mb, took.together_mb),
            repo.bytes as f64 / 1e6,
            repo.files,
            took.others,
        ))?;
        if !took.is_ok() {
            let words = took.complaint.trim_end();
            say(&format!("    ended with {:?}: {words}", took.code))?;
        }
        Ok(())
    }

    /// Brings the page cache into the state that the results say.
    fn prepare(&self, paths: &[&Path]) -> anyhow::Result<()> {
        rustix::fs::sync();
        if self.arguments.cache == "cold" {
            return fs::write("/proc/sys/vm/drop_caches", "3\n")
                .context("to empty the page cache one must be root");
        }
        paths.iter().for_each(|path| warm(path));
        Ok(())
    }
}
