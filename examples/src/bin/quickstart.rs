//! Backs up a directory, twice, restores it and compares: the whole path in one run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Parser;
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::{
    BackupOptions, BackupReport, Clock as _, CreateOptions, Credential, DirectoryTarget, DirectoryTargetOptions,
    FileTree, RestoreOptions, SystemClock, create_store_at,
};
use strongroom_examples::{
    Announced, Output, Status, Usage, Watch, compare, emptied, finish, generated_passphrase, given_secret, host_name,
    rate, seconds, size, stored_bytes, utc,
};

/// Back up a directory into a new encrypted repository, twice, restore it into a temporary folder and compare every byte.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// What to back up. Nothing in it is changed.
    directory: PathBuf,
    /// Where to create the repository [default: in a temporary folder]. It is kept.
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// File with the passphrase; else the variable STRONGROOM_PASSWORD, else one is made for you.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Write one JSON object per line, for machines.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(Output::new(arguments.json));
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let source = outside(&arguments.directory, arguments.repo.as_deref())?;
    let folder = tempfile::Builder::new().prefix("strongroom-").tempdir()?;
    let (place, folder) = match &arguments.repo {
        Some(place) => (place.clone(), folder),
        // The repository stays; what is restored goes into a folder that does not.
        None => (folder.keep().join("repository"), tempfile::Builder::new().prefix("strongroom-").tempdir()?),
    };
    let began = SystemClock::default().now();
    let repository = create(arguments, &place, output)?;
    let first = back_up(&repository, &source, output, "backup")?;
    let second = back_up(&repository, &source, output, "again")?;
    for snapshot in repository.snapshots()? {
        let line = format!("snapshot  {}  {}  {}", snapshot.id, utc(snapshot.snapshot.began), snapshot.snapshot.series);
        let _ = output.line(&line);
    }
    let (watch, started) = (Watch::new(output), Instant::now());
    let target = Arc::new(DirectoryTarget::create(folder.path(), DirectoryTargetOptions::new())?);
    let restored = repository.restore(&second.snapshot, target, RestoreOptions::default(), watch.clone());
    watch.end();
    let restored = restored?;
    tell(output, "restore", restored.bytes_restored, started, &format!("{} fetched", size(restored.bytes_fetched)));
    let (announced, started) = (Announced::new(&second, &restored), Instant::now());
    let compared = compare(&source, folder.path(), began, &|path, aspect| announced.covers(path, aspect))?;
    tell(output, "compare", compared.bytes, started, &format!("{} entries", compared.entries));
    if !emptied(folder.path()) {
        output.complain(&format!("{} could not be emptied", folder.path().display()));
    }
    let (logical, stored) = (first.summary.bytes, stored_bytes(&place));
    let ratio = if stored == 0 { 0.0 } else { logical as f64 / stored as f64 };
    let words = format!("size      {} of files are {} in the repository: {ratio:.2} to 1", size(logical), size(stored));
    let _ = output.line(&words);
    let _ = output.line(&format!("kept      {}", place.display()));
    let is_identical = compared.total == 0 && compared.known.is_empty();
    let _ = output.json(|| {
        let known: u64 = compared.known.values().sum();
        json!({
            "type": "result", "identical": is_identical, "differences": compared.total, "announced_differences": known,
            "skipped": second.summary.skipped, "logical_bytes": logical, "stored_bytes": stored, "repository": place.to_string_lossy(),
        })
    });
    compared.differences.iter().take(100).for_each(|difference| output.complain(&format!("differs: {difference}")));
    if compared.total > 0 || !restored.is_complete() {
        bail!("the copy differs: {} differences that were not announced, {} entries lost", compared.total, restored.lost_total);
    }
    for (aspect, count) in &compared.known {
        let _ = output.line(&format!("announced differences or later changes: {aspect:?}, {count}"));
    }
    let _ = output.line(if is_identical { "identical" } else { "identical but for what was announced" });
    Ok(Status::complete(is_identical && second.is_complete()))
}

fn create(arguments: &Arguments, place: &Path, output: &Output) -> anyhow::Result<Repository> {
    let passphrase = match given_secret(arguments.password_file.as_deref())? {
        Some(given) => given,
        None => {
            let made = generated_passphrase()?;
            let _ = output.line(&format!("passphrase  {made}  (made for this repository; write it down to keep using it)"));
            let _ = output.json(|| json!({ "type": "passphrase", "passphrase": made }));
            made
        }
    };
    let started = Instant::now();
    let builder = Repository::builder(create_store_at(place)?);
    let created = builder.create(CreateOptions::default(), &Credential::passphrase(passphrase))?;
    tell(output, "create", 0, started, &place.display().to_string());
    Ok(created.repository)
}

fn back_up(repository: &Repository, source: &Path, output: &Arc<Output>, step: &str) -> anyhow::Result<BackupReport> {
    let (watch, started) = (Watch::new(output), Instant::now());
    let tree = Arc::new(FileTree::builder(source).build()?);
    let options = BackupOptions::new(source.to_string_lossy()).with_host(host_name());
    let report = repository.backup(tree, options, watch.clone());
    watch.end();
    let report = report?;
    let (summary, phases) = (&report.summary, &report.phases);
    let words = format!(
        "{} files, {} directories, {} others, {} unchanged, {} skipped; {} new, {} written; prepare {}, store {}, commit {}",
        summary.files, summary.directories, summary.others, summary.unchanged, summary.skipped, size(summary.new_bytes),
        size(report.transferred_bytes), seconds(phases.prepare), seconds(phases.store), seconds(phases.commit),
    );
    tell(output, step, summary.bytes, started, &words);
    Ok(report)
}

/// Returns the real path of what is backed up, if nothing that this program writes is in it.
fn outside(directory: &Path, repo: Option<&Path>) -> anyhow::Result<PathBuf> {
    let source = directory.canonicalize().with_context(|| directory.display().to_string())?;
    if !source.is_dir() {
        return Err(Usage(format!("{} is not a directory", directory.display())).into());
    }
    let temporary = std::env::temp_dir();
    for place in [Some(temporary.as_path()), repo].into_iter().flatten() {
        let place = std::path::absolute(place)?;
        let existing = place.ancestors().find_map(|above| above.canonicalize().ok()).unwrap_or_default();
        if existing.starts_with(&source) {
            let what = format!("{} is inside of what is backed up; choose another with --repo or TMPDIR", place.display());
            return Err(Usage(what).into());
        }
    }
    Ok(source)
}

fn tell(output: &Output, step: &str, bytes: u64, started: Instant, words: &str) {
    let time = started.elapsed();
    let speed = if bytes == 0 { String::new() } else { rate(bytes, time) };
    let _ = output.line(&format!("{step:<9} {:>9}  {speed:>12}  {words}", seconds(time)));
    let _ = output.json(|| json!({ "type": "step", "step": step, "bytes": bytes, "seconds": time.as_secs_f64(), "words": words }));
}
