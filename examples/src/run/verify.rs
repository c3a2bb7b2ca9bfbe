//! What is verified right after a run.

use std::time::Instant;

use anyhow::Context as _;
use strongroom::blocking::Repository;
use strongroom::evidence::{ErrorClass, Record, RecordHead, RunNotes, Verified};
use strongroom::verify::{self, AuditScope, Auditor, CheckOptions, Level, Report};
use strongroom::{BackupReport, Components, LocationError};
use strongroom_policy::ExpectedRun;

use super::PolicyRun;
use super::effort::in_time;
use super::told::Told;
use crate::exit::Status;
use crate::show::check::CheckWatch;

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    /// What is to be recorded of it; none if nothing could be looked at.
    fact: Option<Verified>,
}

impl Outcome {
    /// Nothing was to be verified.
    pub(super) const NOTHING: Self = Self {
        status: Status::Complete,
        fact: None,
    };

    /// Records it beside the record of the run, which has this head.
    pub(super) fn record(self, run: &PolicyRun<'_>, repository: &Repository, of: RecordHead) {
        let Some(fact) = self.fact else { return };
        let head = match repository.record_head() {
            Ok(head) => RecordHead {
                answers: vec![of.id],
                skew_ms: None,
                id: head.id,
                at: head.at,
                ..of
            },
            Err(error) => {
                let what = format!("the verification is not recorded: {error}");
                run.output.complain(&what);
                return;
            }
        };
        let record = Record::new(head, fact.into());
        run.record(Some(repository), record, &Told::default());
    }
}

/// Verifies what a backup has made, as deep as the policy asks for after each run. That it could not is noted like everything else that went wrong.
pub(super) fn verify(
    run: &PolicyRun<'_>,
    repository: &Repository,
    due: Option<&ExpectedRun>,
    done: &BackupReport,
    notes: &mut RunNotes,
    told: &mut Told,
) -> Outcome {
    let wanted = run.resolved.after_run();
    let Some(level) = wanted.and_then(|level| level.as_str().parse().ok()) else {
        return Outcome::NOTHING;
    };
    notes.phase("verify");
    let looked = look(run, repository, due, level, done);
    let (report, fact) = match looked {
        Ok(looked) => looked,
        Err(error) => {
            run.output.complain(&format!("not verified: {error:#}"));
            notes.not_verified("not-verified", class_of(&error));
            told.keep(&format!("{error:#}"));
            return Outcome {
                status: Status::Partial,
                fact: None,
            };
        }
    };
    match &fact {
        Some(fact) => notes.verified(fact, report.is_complete()),
        None => notes.damaged(),
    }
    let status = match report.is_intact() {
        false => Status::Damaged,
        true => Status::complete(report.is_complete()),
    };
    if status != Status::Complete {
        let text = report.to_string();
        text.lines()
            .take(LINES)
            .for_each(|line| run.output.complain(line));
        told.keep(&text.lines().take(LINES).collect::<Vec<_>>().join("\n"));
    }
    Outcome { status, fact }
}

fn look(
    run: &PolicyRun<'_>,
    repository: &Repository,
    due: Option<&ExpectedRun>,
    level: Level,
    done: &BackupReport,
) -> anyhow::Result<(Report, Option<Verified>)> {
    let begun = Instant::now();
    let arguments = &run.arguments.repository;
    let mut auditor = Auditor::new(arguments.store()?)
        .with_keys(repository.audit_keys(AuditScope::Content)?)
        .with_manners(repository.manners().clone());
    if let Some(threads) = arguments.threads {
        auditor = auditor.with_threads(threads.into());
    }
    let now = Components::default().clock.now();
    let mut options = CheckOptions::after_backup(now, level, done.snapshot);
    if let Some(bytes) = arguments.manners.memory {
        options = options.with_memory_bytes(bytes);
    }
    let watch = CheckWatch::new(run.output);
    let checked = in_time(
        run,
        repository,
        due,
        auditor.check(options, watch.clone() as _),
    );
    watch.end();
    let report = checked.context("it took longer than the run may, and was cancelled")??;
    if !report.is_intact() && report.verified("").is_err() {
        // It did not get so far as to know what there is, and what it saw is damaged.
        return Ok((report, None));
    }
    let name = run.copies.first.as_str();
    let mut fact = match level {
        Level::Rebuilt => report.verified_snapshot(name, done.snapshot, done.summary.bytes)?,
        _ => report.verified(name)?,
    };
    let program = concat!("sr-run ", env!("CARGO_PKG_VERSION"));
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    // Without it the same packs are read again the next time.
    let evidence = repository.record_evidence(report.evidence(program, took)?);
    fact.entry = evidence
        .inspect_err(|error| {
            let what = format!("no evidence of the check was kept: {error}");
            run.output.complain(&what);
        })
        .ok();
    Ok((report, Some(fact)))
}

fn class_of(error: &anyhow::Error) -> ErrorClass {
    if let Some(error) = error.downcast_ref::<strongroom::Error>() {
        return error.class();
    }
    match error
        .downcast_ref::<verify::Error>()
        .map(verify::Error::kind)
    {
        Some(verify::ErrorKind::Unavailable) => ErrorClass::Network,
        Some(verify::ErrorKind::PermissionDenied | verify::ErrorKind::WrongKey) => {
            ErrorClass::Access
        }
        Some(_) => ErrorClass::Software,
        None if error.is::<LocationError>() => ErrorClass::Configuration,
        // There was not enough time.
        None => ErrorClass::Shortage,
    }
}

/// Lines of a report that are said and kept: the findings come first, the worst before the others.
const LINES: usize = 40;
