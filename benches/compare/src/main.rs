//! Runs this project's programs and others through the same jobs, and renders what that took.

mod difference;
mod installed;
mod job;
mod live;
mod machine;
mod measure;
mod processes;
mod program;
mod record;
mod render;
mod results;
mod session;
mod size;
mod trace;
mod trash;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::session::RunArgs;
use crate::trace::TraceArgs;

/// Run this project's programs and others through the same jobs, and render what that took.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run programs through the jobs, and append a line to the results for each.
    Run(RunArgs),
    /// Count the system calls of backups, without measuring time.
    Trace(TraceArgs),
    /// Put tables and charts of results into a document, between its marks.
    Render {
        /// What was measured.
        #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
        results: Vec<PathBuf>,
        /// Where the marks are. Charts go into a folder beside it, of its name without the ending.
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
        /// Change nothing; fail if anything would change.
        #[arg(long)]
        check: bool,
    },
    /// Compare two trees as restores are compared: contents, kinds, links and all metadata.
    Diff {
        /// What was backed up.
        expected: PathBuf,
        /// What was restored.
        found: PathBuf,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().what {
        What::Run(arguments) => session::run(&arguments)?,
        What::Trace(arguments) => trace::run(&arguments)?,
        What::Render {
            results,
            document,
            check,
        } => {
            let changed = render::render(&results, &document, check)?;
            for path in &changed {
                say(&format!("{}", path.display()))?;
            }
            if check && !changed.is_empty() {
                say("these are not what the results say: render them anew")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        What::Diff { expected, found } => {
            let compared = difference::compare(&expected, &found)?;
            say(&serde_json::to_string_pretty(&compared.record())?)?;
            if !compared.is_exact() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a line to standard output.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output")
}
