//! Backs up a directory, twice, restores it and compares: the whole path in one run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Parser;
use serde_json::json;
use strongroom::{Clock as _, SystemClock};
use strongroom_examples::{
    Announced, Output, Status, Tour, emptied, finish, size, stored_bytes, utc,
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
    let temporary = std::env::temp_dir();
    let written = arguments.repo.as_deref().unwrap_or(&temporary);
    let tour = Tour::new(output, &arguments.directory, &[&temporary, written])?;
    let folder = || tempfile::Builder::new().prefix("strongroom-").tempdir();
    let place = match &arguments.repo {
        Some(place) => place.clone(),
        None => folder()?.keep().join("repository"),
    };
    // The repository stays; what is restored goes.
    let folder = folder()?;

    let began = SystemClock::default().now();
    let repository = tour.create(&place, arguments.password_file.as_deref())?;
    let first = tour.back_up(&repository, "backup")?;
    let second = tour.back_up(&repository, "again")?;
    for snapshot in repository.snapshots()? {
        let (when, series) = (utc(snapshot.snapshot.began), &snapshot.snapshot.series);
        let _ = output.line(&format!("snapshot  {}  {when}  {series}", snapshot.id));
    }
    let restored = tour.restore(&repository, &second, folder.path())?;
    let announced = Announced::new(&second, &restored);
    let compared = tour.compare(folder.path(), began, &announced)?;
    if !emptied(folder.path()) {
        output.complain(&format!("{} could not be emptied", folder.path().display()));
    }

    let (logical, stored) = (first.summary.bytes, stored_bytes(&place));
    let ratio = if stored == 0 {
        0.0
    } else {
        logical as f64 / stored as f64
    };
    let (from, to) = (size(logical), size(stored));
    let _ = output.line(&format!(
        "size      {from} of files are {to} in the repository, {ratio:.2} to 1"
    ));
    let _ = output.line(&format!("kept      {}", place.display()));
    let is_identical = compared.total == 0 && compared.known.is_empty();
    let _ = output.json(|| {
        json!({
            "type": "result",
            "identical": is_identical,
            "differences": compared.total,
            "announced_differences": compared.known.values().sum::<u64>(),
            "skipped": second.summary.skipped,
            "logical_bytes": logical,
            "stored_bytes": stored,
            "repository": place.to_string_lossy(),
        })
    });
    for difference in compared.differences.iter().take(100) {
        output.complain(&format!("differs: {difference}"));
    }
    if compared.total > 0 || !restored.is_complete() {
        let (differ, lost) = (compared.total, restored.lost_total);
        bail!(
            "the copy differs: {differ} differences that were not announced, {lost} entries lost"
        );
    }
    for (aspect, count) in &compared.known {
        let _ = output.line(&format!("announced, or changed since: {aspect:?}, {count}"));
    }
    let verdict = if is_identical {
        "identical"
    } else {
        "identical but for what was announced"
    };
    let _ = output.line(verdict);
    Ok(Status::complete(is_identical && second.is_complete()))
}
