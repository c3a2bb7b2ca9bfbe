//! Looks for damage and says what that proves.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use strongroom::blocking::{self, Repository};
use strongroom::evidence::{Job, Record, RunNotes, RunOutcome};
use strongroom::verify::{Auditor, ParityCheck, Report};
use strongroom::{Components, Error};
use strongroom_examples::{CheckArgs, CheckWatch, Output, RepositoryArgs, Status, finish, show};

/// Look for damage, and say what was looked at, how deep, and what that proves. Writes nothing but a record of the check in the journal, so that the
/// next one can go on where this one ended.
///
/// Ends with 0 if nothing is damaged at that level, 4 if something is, 3 if only a lesser level was reached or packs were read longer ago than --rolling or
/// --max-age asks for, 1 if it could not look.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    check: CheckArgs,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    arguments.repository = arguments.repository.without_metadata_cache();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let begun = Instant::now();
    // When it began says what it can have seen.
    let name = arguments.check.name.as_deref();
    let notes = name.map(|name| RunNotes::begin(&Components::default(), Job::Check, name));
    let notes = notes.transpose()?;
    let access = arguments.check.access(&arguments.repository)?;
    let mut auditor = Auditor::new(arguments.repository.store()?)
        .with_manners(arguments.repository.manners.manners()?);
    if let Some(keys) = access.keys {
        auditor = auditor.with_keys(keys);
    }
    if let Some(threads) = arguments.repository.threads {
        auditor = auditor.with_threads(threads.into());
    }
    if arguments.check.check_parity {
        auditor = auditor.with_check(Arc::new(ParityCheck::default()));
    }
    let watch = CheckWatch::new(output);
    let mut options = arguments.check.options();
    if let Some(bytes) = arguments.repository.manners.memory {
        options = options.with_memory_bytes(bytes);
    }
    let report = blocking::check(auditor, options, watch.clone());
    watch.end();
    let report = report?;
    let entry = access.repository.and_then(|repository| {
        record(
            repository,
            &report,
            begun.elapsed().as_millis(),
            name,
            notes,
        )
        .inspect_err(|error| output.complain(&format!("no evidence was kept: {error:#}")))
        .ok()
    });
    Ok(show::check::result(output, &report, entry))
}

/// Keeps the evidence. A repository that is damaged may not open; what was found counts all the same.
fn record(
    repository: Result<Repository, Error>,
    report: &Report,
    took_ms: u128,
    name: Option<&str>,
    notes: Option<RunNotes>,
) -> anyhow::Result<u64> {
    let program = concat!("sr-check ", env!("CARGO_PKG_VERSION"));
    let evidence = report.evidence(program, u64::try_from(took_ms).unwrap_or(u64::MAX))?;
    let repository = repository?;
    let entry = repository.record_evidence(evidence)?;
    if let Some((name, mut notes)) = name.zip(notes) {
        let mut fact = report.verified(name)?;
        fact.entry = Some(entry);
        notes.run.outcome = RunOutcome::Ok;
        notes.verified(&fact, report.is_complete());
        let run = notes.finish();
        let mut head = repository.record_head()?;
        head.answers = vec![run.head.id];
        repository.record_all(&[run, Record::new(head, fact.into())])?;
    }
    Ok(entry)
}
