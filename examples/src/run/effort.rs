//! The backup itself, as often as it takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{Either, select};
use strongroom::blocking::Repository;
use strongroom::evidence::{ErrorClass, RunNotes, RunOutcome, Sniffer, counter};
use strongroom::source::Source;
use strongroom::{BackupOptions, BackupReport, CommandSource, Event, Excludes, FileTree, Observer};
use strongroom_policy::{ByteCount, ExpectedRun, Key};

use super::occasion::{pause, wait_until};
use super::told::Told;
use super::{PolicyRun, is_worth_a_retry, unix_now};
use crate::network::{counting, requests};
use crate::progress::Watch;
use crate::repository::host_name;

/// Backs up, and tries again what may go better the next time.
///
/// # Errors
///
/// That of the last attempt.
pub(super) fn back_up(
    run: &PolicyRun<'_>,
    repository: &Repository,
    due: Option<&ExpectedRun>,
    notes: &mut RunNotes,
    told: &mut Told,
) -> anyhow::Result<BackupReport> {
    let retries = run.resolved.count(Key::Retries).unwrap_or_default();
    let delay = run.resolved.period(Key::RetryDelay).unwrap_or_default();
    let mut wait = Duration::from_secs(delay.mean_seconds());
    let end = due.map(|due| due.complete_by.unix_seconds);
    loop {
        let error = match once(run, repository, due, notes) {
            Ok(report) => return Ok(report),
            Err(error) => error,
        };
        told.error(notes, &error);
        if notes.run.outcome == RunOutcome::Expired {
            return Err(error);
        }
        let is_worth_it = error
            .downcast_ref::<strongroom::Error>()
            .is_some_and(is_worth_a_retry);
        let again = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        let is_in_time = end.is_none_or(|end| unix_now().saturating_add(again) < end);
        if !is_worth_it || !is_in_time || u64::from(notes.run.attempt) > retries {
            return Err(error);
        }
        run.output
            .complain(&format!("{error:#}; tries again in {} s", wait.as_secs()));
        pause(wait);
        wait = wait.saturating_mul(2);
        notes.run.attempt += 1;
    }
}

fn once(
    run: &PolicyRun<'_>,
    repository: &Repository,
    due: Option<&ExpectedRun>,
    notes: &mut RunNotes,
) -> anyhow::Result<BackupReport> {
    let (source, options) = source(run, notes)?;
    let sniffer = Arc::new(Sniffer::new(source));
    let watch = Watch::new(run.output);
    let counted = Arc::new(Counted {
        watch: Arc::clone(&watch),
        read: AtomicU64::new(0),
    });
    let before = counting().counts();
    let operation = repository
        .inner()
        .backup(sniffer.clone(), options, Arc::clone(&counted) as _);
    let done = in_time(run, repository, due, operation);
    watch.end();
    let Some(done) = done else {
        notes.run.outcome = RunOutcome::Expired;
        notes.problem("overran", ErrorClass::Shortage);
        anyhow::bail!("it was not complete in time, and the policy has it cancelled then");
    };
    let report = done?;
    notes.backed_up(&report);
    if report.parent.is_some() {
        // Of the first snapshot everything is new, which says nothing about what is usual.
        notes.sniffed(&sniffer);
    }
    let after = counting().counts();
    for (name, number) in [
        (counter::BYTES_READ, counted.read.load(Ordering::Relaxed)),
        (
            counter::REQUESTS,
            requests(&after).saturating_sub(requests(&before)),
        ),
        (
            counter::SENT,
            after.bytes_up().saturating_sub(before.bytes_up()),
        ),
        (
            counter::RECEIVED,
            after.bytes_down().saturating_sub(before.bytes_down()),
        ),
    ] {
        notes.count(name, number);
    }
    of_process(notes);
    Ok(report)
}

/// Runs an operation; `None` if the policy has it cancelled when it takes too long, and it did.
pub(super) fn in_time<T>(
    run: &PolicyRun<'_>,
    repository: &Repository,
    due: Option<&ExpectedRun>,
    operation: impl Future<Output = T>,
) -> Option<T> {
    let (overrun, Some(due)) = (run.resolved.text(Key::Overrun), due) else {
        return Some(block_on(operation));
    };
    let end = due.complete_by.unix_seconds;
    match overrun {
        Some("cancel") => {
            let (ring, alarm) = oneshot::channel::<()>();
            std::thread::spawn(move || {
                wait_until(end);
                // The operation may have ended long ago.
                let _ = ring.send(());
            });
            match block_on(select(Box::pin(operation), alarm)) {
                Either::Left((done, _)) => Some(done),
                // Dropping the future cancels it.
                Either::Right(_) => None,
            }
        }
        Some("pause") => {
            let next = run
                .resolved
                .schedule()
                .and_then(|one| one.next_run(due.due));
            let manners = repository.manners().clone();
            std::thread::spawn(move || {
                wait_until(end);
                manners.pause().pause();
                if let Some(next) = next {
                    wait_until(next.due.unix_seconds);
                }
                manners.pause().resume();
            });
            Some(block_on(operation))
        }
        _ => Some(block_on(operation)),
    }
}

/// Makes the source of the resource, and what people want to see of it later.
fn source(
    run: &PolicyRun<'_>,
    notes: &mut RunNotes,
) -> anyhow::Result<(Arc<dyn Source>, BackupOptions)> {
    let (resource, resolved) = (run.resource, run.resolved);
    let options =
        BackupOptions::new(&resource.id).with_host(resource.host.clone().unwrap_or_else(host_name));
    if let [program, ..] = resource.command.as_slice() {
        let name = Path::new(program).file_name().unwrap_or_default();
        let source = CommandSource::new(
            name.to_string_lossy().into_owned(),
            resource.command.clone(),
        );
        let source = source.inspect_err(|_| notes.problem("source", ErrorClass::Source))?;
        let options = options.with_command(resource.command.clone());
        return Ok((Arc::new(source.pass_errors_on()), options));
    }
    let Some((first, rest)) = resource.paths.split_first() else {
        notes.problem("no-source", ErrorClass::Configuration);
        anyhow::bail!("{:?} has neither paths nor a command", resource.id);
    };
    let builder = FileTree::builder(first);
    let mut tree = rest.iter().fold(builder, strongroom::FileTreeBuilder::path);
    let lines = resolved.excludes();
    let mut excludes = lines.iter().fold(Excludes::new(), Excludes::pattern);
    if resolved.flag(Key::SkipCaches) {
        excludes = excludes.caches();
    }
    if let Some(bytes) = resolved.bytes(Key::MaxFileSize).map(ByteCount::get) {
        excludes = excludes.larger_than(bytes);
    }
    if resolved.flag(Key::OneFileSystem) {
        tree = tree.one_file_system();
    }
    let tree = tree.excludes(excludes).build();
    let tree = tree.inspect_err(|_| notes.problem("source", ErrorClass::Source))?;
    let paths = resource.paths.iter().map(|path| path.clone().into_bytes());
    let options = options.with_paths(paths).with_excludes(lines.to_vec());
    Ok((Arc::new(tree), options))
}

/// What this process has used so far.
fn of_process(notes: &mut RunNotes) {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let ms = used
        .tv_sec
        .saturating_mul(1_000)
        .saturating_add(used.tv_nsec / 1_000_000);
    notes
        .run
        .counters
        .insert(counter::CPU_MS.to_owned(), ms.unsigned_abs());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(kibibytes) = peak {
        let bytes = kibibytes.saturating_mul(1_024);
        notes
            .run
            .counters
            .insert(counter::PEAK_RSS.to_owned(), bytes);
    }
}

/// Counts what is read, and passes everything on.
#[derive(Debug)]
struct Counted {
    watch: Arc<Watch>,
    read: AtomicU64,
}

impl Observer for Counted {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::Entry {
            unchanged: false,
            bytes,
            ..
        } = event
        {
            self.read.fetch_add(*bytes, Ordering::Relaxed);
        }
        self.watch.on_event(event);
    }
}
