//! What backups ask of the system, counted and not timed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use crate::installed::{chosen, search_path};
use crate::job::Job;
use crate::live::lay;
use crate::measure::Line;
use crate::program::Places;
use crate::record::Records;
use crate::say;
use crate::size::size;
use crate::trash::Trash;

/// What is counted.
#[derive(Args, Debug)]
pub(crate) struct TraceArgs {
    /// Folder of corpora.
    #[arg(long, value_name = "DIR")]
    corpora: PathBuf,
    /// The corpora that are used.
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    corpus: Vec<String>,
    /// Folder for repositories.
    #[arg(long, value_name = "DIR")]
    work: PathBuf,
    /// Where programs are looked for before the system's folders.
    #[arg(long, value_name = "DIR")]
    bin: Vec<PathBuf>,
    /// The programs that are run [default: all that are installed].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    programs: Vec<String>,
    /// Files with further programs.
    #[arg(long, value_name = "FILE")]
    extra: Vec<PathBuf>,
    /// File to which results are appended.
    #[arg(long, value_name = "FILE")]
    results: PathBuf,
}

/// Counts a first and an unchanged backup of each program.
pub(crate) fn run(arguments: &TraceArgs) -> anyhow::Result<()> {
    fs::create_dir_all(&arguments.work)?;
    let (corpora, work) = (
        arguments.corpora.canonicalize()?,
        arguments.work.canonicalize()?,
    );
    let (path, folders) = search_path(&arguments.bin)?;
    let mut records = Records::append_to(&arguments.results)?;
    let mut trash = Trash::new(&work, 0, Duration::ZERO);
    for corpus in &arguments.corpus {
        let live = work.join("trace-live");
        lay(&corpora.join(corpus).join("v1"), &live)?;
        let source = size(&live);
        for (program, version) in chosen(&arguments.programs, &arguments.extra, &folders, &path)? {
            let folder = work.join(format!("trace-{}", program.name));
            let places = Places::below(&folder, &live);
            fs::create_dir_all(&places.home)?;
            let mut environment = program.environment(&places);
            environment.push(("PATH".to_owned(), path.clone()));
            environment.push(("HOME".to_owned(), places.home.display().to_string()));
            for job in [Job::Init, Job::First, Job::Unchanged] {
                let Some(command) = program.command(job, &places) else {
                    continue;
                };
                // A file apart: `-f` with `-c` adds up all processes of the command.
                fs::write(folder.join("job"), &command)?;
                let counts = folder.join("counts");
                let line = Line {
                    command: &format!(
                        "strace -f -c -U calls,name -o {} bash -o pipefail job",
                        counts.display()
                    ),
                    environment: &environment,
                    folder: &folder,
                    log: &folder.join("log"),
                    timeout: Duration::from_secs(1_800),
                };
                let took = line.run()?;
                if !took.is_ok() {
                    bail!("{} {}: {}", program.name, job.as_str(), took.complaint);
                }
                if job == Job::Init {
                    continue;
                }
                let calls = parse(&fs::read_to_string(&counts)?);
                let total: u64 = calls.values().sum();
                let flushes: u64 = FLUSHES.iter().filter_map(|name| calls.get(*name)).sum();
                records.write(&json!({
                    "kind": "trace", "corpus": corpus, "program": program.name, "version": version, "job": job.as_str(),
                    "files": source.files, "entries": source.entries, "total": total, "flushes": flushes,
                    "calls": calls.iter().map(|(name, count)| (name.clone(), Value::from(*count))).collect::<serde_json::Map<_, _>>(),
                }))?;
                let each = total as f64 / source.entries.max(1) as f64;
                say(&format!(
                    "{corpus:6} {:10} {:9} {total:9} calls, {each:6.2} an entry, {flushes} flushes",
                    program.name,
                    job.as_str()
                ))?;
            }
            trash.take(&folder)?;
        }
        trash.take(&live)?;
    }
    trash.empty(false)
}

/// Calls that wait for a disk.
const FLUSHES: [&str; 5] = ["fsync", "fdatasync", "syncfs", "sync", "sync_file_range"];

/// Reads the table that strace prints.
fn parse(table: &str) -> BTreeMap<String, u64> {
    let lines = table.lines().filter_map(|line| {
        let (count, name) = line.trim().split_once(' ')?;
        let name = name.trim();
        let is_call = name != "total" && !name.contains(' ');
        Some((name.to_owned(), count.parse().ok().filter(|_| is_call)?))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_without_its_frame() {
        let table = "    calls syscall\n--------- ----------------\n       12 read\n        3 fsync\n--------- ----------------\n       15 total\n";
        let calls = parse(table);
        assert_eq!(
            calls,
            BTreeMap::from([("read".to_owned(), 12), ("fsync".to_owned(), 3)])
        );
    }
}
