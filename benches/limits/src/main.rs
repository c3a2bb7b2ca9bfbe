//! What a machine can do in each stage of a backup, whoever asks it to.

mod aligned;
mod backup;
mod batch;
mod check;
mod data;
mod disk;
mod laps;
mod pack;
mod rates;
mod report;
mod sampling;
mod seal;
mod walk;
mod window;

use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::{Parser, Subcommand};

use crate::report::Report;
use crate::sampling::Sampling;

/// Measure what this machine can do in each stage of a backup, without an engine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Each stage alone, on one thread and on all.
    Rates {
        /// How long one sample is taken.
        #[arg(long, value_name = "MS", default_value_t = 200)]
        sample_ms: u64,
        /// Samples, of which the median counts.
        #[arg(long, value_name = "N", default_value_t = 5)]
        samples: usize,
        /// Stages whose names hold one of these words [default: all].
        #[arg(long, value_name = "WORD", value_delimiter = ',')]
        only: Vec<String>,
        /// Folder for what is read and written [default: the system's temporary one].
        #[arg(long, value_name = "DIR")]
        work: Option<PathBuf>,
        /// Threads besides one [default: all cores].
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
    },
    /// A folder through all stages, there and back.
    Corpus {
        /// What would be backed up.
        folder: PathBuf,
        /// Where packs are written; they are removed in the end.
        #[arg(long, value_name = "DIR")]
        work: PathBuf,
        /// Name of the folder in the records [default: its own].
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Compression level.
        #[arg(long, default_value_t = 3)]
        level: i32,
        /// Threads [default: all cores].
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
    },
}

fn main() -> anyhow::Result<()> {
    let cores = available_parallelism()?.get();
    match Arguments::parse().what {
        What::Rates {
            sample_ms,
            samples,
            only,
            work,
            threads,
        } => {
            let threads = threads.unwrap_or(cores);
            let sampling = Sampling::new(sample_ms, samples, threads, only);
            let work = work.unwrap_or_else(std::env::temp_dir);
            rates::measure(&sampling)?;
            disk::measure(&sampling, &work)
        }
        What::Corpus {
            folder,
            work,
            name,
            level,
            threads,
        } => {
            let threads = threads.unwrap_or(cores);
            let own = || folder.file_name().map(|name| name.to_string_lossy().into());
            let name: String = name.or_else(own).unwrap_or_default();
            let report = Report::new(&name, threads);
            walk::measure(&folder, threads, &report)?;
            let packs = backup::measure(&folder, &work, level, threads, &report)?;
            check::measure(&packs, threads, &report)?;
            packs.remove()
        }
    }
}
