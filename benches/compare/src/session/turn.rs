//! A program in a round.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::difference;
use crate::job::Job;
use crate::measure::{Line, Took};
use crate::program::{Places, Program};

/// A program with a folder of its own, from a fresh repository on.
#[derive(Debug)]
pub(super) struct Turn<'p> {
    pub(super) program: &'p Program,
    pub(super) version: &'p str,
    pub(super) places: Places,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    /// Whether a job failed without which the later ones mean nothing.
    is_out: bool,
}

impl<'p> Turn<'p> {
    /// Makes its folders.
    pub(super) fn begin(
        program: &'p Program,
        version: &'p str,
        folder: PathBuf,
        live: &Path,
        path: &str,
    ) -> anyhow::Result<Self> {
        let places = Places::below(&folder, live);
        for path in [places.home.clone(), folder.join("logs")] {
            fs::create_dir_all(path)?;
        }
        let mut environment = program.environment(&places);
        environment.push(("PATH".to_owned(), path.to_owned()));
        environment.push(("HOME".to_owned(), places.home.display().to_string()));
        Ok(Self {
            program,
            version,
            places,
            folder,
            environment,
            is_out: false,
        })
    }

    /// Returns the command of a job, if it can do it.
    pub(super) fn command(&self, job: Job) -> Option<String> {
        let command = self.program.command(job, &self.places);
        command.filter(|_| !self.is_out)
    }

    /// Returns what a job will read.
    pub(super) fn reads(&self, job: Job) -> Vec<&Path> {
        let places = &self.places;
        let source = (job.command() == "backup").then_some(places.src.as_path());
        source.into_iter().chain([places.repo.as_path()]).collect()
    }

    /// Does a job.
    pub(super) fn run(
        &mut self,
        command: &str,
        job: Job,
        timeout: Duration,
    ) -> anyhow::Result<Took> {
        let log = format!("logs/{}.log", job.as_str());
        let line = Line {
            command,
            environment: &self.environment,
            folder: &self.folder,
            log: &self.folder.join(log),
            timeout,
        };
        let took = line.run()?;
        let is_needed = !matches!(job, Job::Restore | Job::Check | Job::Prune);
        self.is_out = is_needed && !took.is_ok();
        Ok(took)
    }

    /// Compares what was restored with its source.
    pub(super) fn compared(&self) -> Value {
        match difference::compare(&self.places.src, &self.places.out) {
            Ok(compared) => compared.record(),
            Err(error) => {
                json!({ "data_ok": false, "meta_ok": false, "error": format!("{error:#}") })
            }
        }
    }

    /// Returns the folder and ends the turn.
    pub(super) fn into_folder(self) -> PathBuf {
        self.folder
    }
}
