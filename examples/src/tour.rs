//! The steps of the quickstart, each of which says what it did and how long it took.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::{
    BackupOptions, BackupReport, CreateOptions, Credential, DirectoryTarget,
    DirectoryTargetOptions, FileTree, RestoreOptions, RestoreReport, Time, create_store_at,
};

use crate::compare::{Comparison, compare};
use crate::exit::Usage;
use crate::known::{Announced, generated_passphrase};
use crate::output::Output;
use crate::progress::Watch;
use crate::repository::host_name;
use crate::secret::given_secret;
use crate::size::{per_second, rate, size};
use crate::when::seconds;

/// Runs steps, and tells.
#[derive(Debug)]
pub struct Tour {
    output: Arc<Output>,
    source: PathBuf,
}

impl Tour {
    /// Begins a tour around a directory.
    ///
    /// # Errors
    ///
    /// [`Usage`] when it is none, or one of `written`, which the tour writes to, is in it.
    pub fn new(output: &Arc<Output>, directory: &Path, written: &[&Path]) -> anyhow::Result<Self> {
        let source = directory.canonicalize();
        let source = source.with_context(|| directory.display().to_string())?;
        if !source.is_dir() {
            return Err(Usage(format!("{} is not a directory", directory.display())).into());
        }
        for place in written {
            let whole = std::path::absolute(place)?;
            let existing = whole
                .ancestors()
                .find_map(|above| above.canonicalize().ok());
            if existing.unwrap_or_default().starts_with(&source) {
                let what = "is inside of what is backed up; choose another with --repo or TMPDIR";
                return Err(Usage(format!("{} {what}", place.display())).into());
            }
        }
        Ok(Self {
            output: output.clone(),
            source,
        })
    }

    /// Creates the repository, with the passphrase that is given or one that is made and shown.
    ///
    /// # Errors
    ///
    /// What the system or the repository said.
    pub fn create(&self, place: &Path, password_file: Option<&Path>) -> anyhow::Result<Repository> {
        let passphrase = match given_secret(password_file)? {
            Some(given) => given,
            None => {
                let made = generated_passphrase()?;
                let words = "made for this repository; write it down to keep using it";
                let _ = self.output.line(&format!("passphrase  {made}  ({words})"));
                let _ = self
                    .output
                    .json(|| json!({ "type": "passphrase", "passphrase": made }));
                made
            }
        };
        let started = Instant::now();
        let builder = Repository::builder(create_store_at(place)?);
        let credential = Credential::passphrase(passphrase);
        let created = builder.create(CreateOptions::default(), &credential)?;
        self.tell("create", 0, started, &place.display().to_string());
        Ok(created.repository)
    }

    /// Backs the directory up.
    ///
    /// # Errors
    ///
    /// What the source or the repository said.
    pub fn back_up(&self, repository: &Repository, step: &str) -> anyhow::Result<BackupReport> {
        let (watch, started) = (Watch::new(&self.output), Instant::now());
        let tree = Arc::new(FileTree::builder(&self.source).build()?);
        let options = BackupOptions::new(self.source.to_string_lossy()).with_host(host_name());
        let report = repository.backup(tree, options, watch.clone());
        watch.end();
        let report = report?;
        let (summary, phases) = (&report.summary, &report.phases);
        let entries = summary.files + summary.directories + summary.others;
        let words = format!(
            "{} entries/s; {} files, {} directories, {} others, {} unchanged, {} skipped; {} new, {} written; \
             prepare {}, store {}, commit {}",
            per_second(entries, started.elapsed()),
            summary.files,
            summary.directories,
            summary.others,
            summary.unchanged,
            summary.skipped,
            size(summary.new_bytes),
            size(report.transferred_bytes),
            seconds(phases.prepare),
            seconds(phases.store),
            seconds(phases.commit),
        );
        // What was not read has no throughput in bytes.
        let read = if summary.unchanged == 0 {
            summary.bytes
        } else {
            0
        };
        self.tell(step, read, started, &words);
        Ok(report)
    }

    /// Restores a snapshot into an empty directory.
    ///
    /// # Errors
    ///
    /// What the system or the repository said.
    pub fn restore(
        &self,
        repository: &Repository,
        backup: &BackupReport,
        into: &Path,
    ) -> anyhow::Result<RestoreReport> {
        let (watch, started) = (Watch::new(&self.output), Instant::now());
        let target = Arc::new(DirectoryTarget::create(
            into,
            DirectoryTargetOptions::new(),
        )?);
        let options = RestoreOptions::default();
        let report = repository.restore(&backup.snapshot, target, options, watch.clone());
        watch.end();
        let report = report?;
        let words = format!(
            "{} entries/s; {} fetched",
            per_second(report.entries(), started.elapsed()),
            size(report.bytes_fetched)
        );
        self.tell("restore", report.bytes_restored, started, &words);
        Ok(report)
    }

    /// Compares the directory with what was restored.
    ///
    /// # Errors
    ///
    /// When one of the two cannot be read at all.
    pub fn compare(
        &self,
        restored: &Path,
        began: Time,
        announced: &Announced,
    ) -> anyhow::Result<Comparison> {
        let started = Instant::now();
        let is_known = |path: &[u8], aspect| announced.covers(path, aspect);
        let compared = compare(&self.source, restored, began, &is_known)?;
        self.tell(
            "compare",
            compared.bytes,
            started,
            &format!("{} entries", compared.entries),
        );
        Ok(compared)
    }

    fn tell(&self, step: &str, bytes: u64, started: Instant, words: &str) {
        let time = started.elapsed();
        let speed = if bytes == 0 {
            String::new()
        } else {
            rate(bytes, time)
        };
        let line = format!("{step:<9} {:>9}  {speed:>12}  {words}", seconds(time));
        let _ = self.output.line(&line);
        let _ = self.output.json(|| {
            let seconds = time.as_secs_f64();
            json!({ "type": "step", "step": step, "bytes": bytes, "seconds": seconds, "words": words })
        });
    }
}
