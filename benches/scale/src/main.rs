//! How time, memory, disk and requests of the engine grow with what it is given. `README.md` says how to run it.

mod clients;
mod files;
mod fit;
mod gauge;
mod index;
mod large;
mod nowhere;
mod snapshots;
mod store;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = take_folder(&mut arguments)?;
    let Some((job, sizes)) = arguments.split_first() else {
        bail!("what? index, segments, files, directory, snapshots, file, clients or fit");
    };
    if job == "fit" {
        return fit::fit(sizes);
    }
    if let Some(step) = job.strip_prefix(STEP) {
        let folder = folder.context("a step needs its folder")?;
        let size = number(sizes.first().context("a step needs its size")?)?;
        return run_step(step, size, &folder);
    }
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    for size in sizes {
        for step in steps(job)? {
            measure(step, number(size)?, &folder)?;
        }
    }
    Ok(())
}

/// The steps of a job, in the order in which they are run for each size.
fn steps(job: &str) -> Result<&'static [&'static str]> {
    Ok(match job {
        "index" => &[
            "index-make",
            "index-route",
            "index-load",
            "index-look",
            "index-job",
            "index-merge",
            "index-prune",
        ],
        "segments" => &["segments-make", "segments-route", "segments-look"],
        "files" => &["files-first", "files-same", "files-few", "files-restore"],
        "directory" => &["directory-first", "directory-same", "directory-restore"],
        "snapshots" => &[
            "snapshots-make",
            "snapshots-fresh",
            "snapshots-open",
            "snapshots-list",
            "snapshots-plan",
            "snapshots-prune",
            "snapshots-commit",
        ],
        "file" => &["file-first", "file-same", "file-read"],
        "clients" => &["clients-turns", "clients-rush"],
        other => bail!("no job is called {other}"),
    })
}

fn run_step(step: &str, size: u64, folder: &Path) -> Result<()> {
    match step.split_once('-').unwrap_or((step, "")) {
        ("index", step) => index::run(step, size, folder),
        ("segments", step) => index::segments(step, size, folder),
        ("files", step) => files::run("files", step, size, FILES_OF_A_DIRECTORY, folder),
        ("directory", step) => files::run("directory", step, size, size, folder),
        ("snapshots", step) => snapshots::run(step, size, folder),
        ("file", step) => large::run(step, size, folder),
        ("clients", step) => clients::run(step, size),
        _ => bail!("no step is called {step}"),
    }
}

/// Runs a step in a process of its own, so that no other's memory is counted.
fn measure(step: &str, size: u64, folder: &Path) -> Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .arg(format!("{STEP}{step}"))
        .arg(size.to_string())
        .arg("--folder")
        .arg(folder)
        .status()?;
    if !status.success() {
        bail!("{step} of {size} failed");
    }
    Ok(())
}

fn take_folder(arguments: &mut Vec<String>) -> Result<Option<PathBuf>> {
    let Some(at) = arguments.iter().position(|one| one == "--folder") else {
        return Ok(None);
    };
    if at + 1 >= arguments.len() {
        bail!("--folder needs a folder");
    }
    let folder = arguments.drain(at..=at + 1).next_back();
    Ok(folder.map(PathBuf::from))
}

fn number(text: &str) -> Result<u64> {
    let digits = text.replace('_', "");
    digits.parse().with_context(|| format!("{text} is no size"))
}

const STEP: &str = "step:";
const FILES_OF_A_DIRECTORY: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_on_something_small() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = [
            ("index", 10_000),
            ("segments", 20),
            ("files", 2_500),
            ("directory", 500),
            ("snapshots", 70),
            ("file", 40),
            ("clients", 5),
        ];
        for (job, size) in jobs {
            for step in steps(job).unwrap() {
                run_step(step, size, folder.path()).unwrap();
            }
        }
    }
}
