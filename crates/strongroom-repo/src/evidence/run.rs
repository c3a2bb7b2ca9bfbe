//! The record of a run, made while it goes on.

use std::sync::Arc;
use std::time::Instant;

use strongroom_format::record::{
    ErrorClass, ErrorCount, Fact, Job, Record, RecordHead, Run, RunOutcome, Verified, counter,
};
use strongroom_format::{Outcome, Time};

use super::{Canaries, Changes, Sniffer, new_head};
use crate::backup::BackupReport;
use crate::copy::CopyReport;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Clock, Components};

/// Notes of a run that goes on: whoever runs it says how it goes, and [`finish`](Self::finish) makes the record of it.
///
/// It needs no repository, so that a run that could not even open one is recorded, later or elsewhere. A run that nobody says anything good of has failed.
///
/// ```
/// use strongroom_format::record::{Fact, Job, RunOutcome};
/// use strongroom_repo::{Components, RunNotes};
///
/// let mut notes = RunNotes::begin(&Components::default(), Job::Backup, "nas")?;
/// notes.head.resource = Some("mail".into());
/// notes.phase("hooks");
/// notes.problem("hook-failed", strongroom_format::record::ErrorClass::Software);
/// let record = notes.finish();
/// let Fact::Run(run) = record.fact else { unreachable!() };
/// assert_eq!(run.outcome, RunOutcome::Failed);
/// assert_eq!((run.errors[0].code.as_str(), run.errors[0].phase.as_str()), ("hook-failed", "hooks"));
/// # Ok::<(), strongroom_repo::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RunNotes {
    /// The head of the record. Its time, and how far the clock was set meanwhile, are put in at the end.
    pub head: RecordHead,
    /// What is known of the run. Beginning, end and phases are put in by these notes.
    pub run: Run,
    clock: Arc<dyn Clock>,
    began: Instant,
    /// The phase that goes on, and since when.
    phase: Option<(String, Instant)>,
}

impl RunNotes {
    /// Begins to take notes of a run that begins now.
    ///
    /// # Errors
    ///
    /// `Internal` when there are no random bytes for the id.
    pub fn begin(components: &Components, job: Job, repository: impl Into<String>) -> Result<Self> {
        let head = new_head(components)?;
        let run = Run {
            job,
            repository: repository.into(),
            attempt: 1,
            started: head.at,
            ended: head.at,
            ..Run::default()
        };
        Ok(Self {
            head,
            run,
            clock: Arc::clone(&components.clock),
            began: Instant::now(),
            phase: None,
        })
    }

    /// Says that the phase before is over and this one begins.
    pub fn phase(&mut self, name: &str) {
        self.end_phase();
        self.phase = Some((name.to_owned(), Instant::now()));
    }

    /// Adds to a counter of [`counter`].
    pub fn count(&mut self, name: &str, number: u64) {
        let counted = self.run.counters.entry(name.to_owned()).or_default();
        *counted = counted.saturating_add(number);
    }

    /// Takes note of an error in the present phase. The outcome stays as it is.
    pub fn error(&mut self, error: &Error) {
        self.problem(error.code(), error.class());
        if error.kind() == ErrorKind::Cancelled {
            self.run.outcome = RunOutcome::Cancelled;
        }
    }

    /// Takes note of something that went wrong outside of the engine: a hook, a window.
    pub fn problem(&mut self, code: &str, class: ErrorClass) {
        let phase = self.phase.as_ref().map_or("", |(name, _)| name.as_str());
        let mut errors = self.run.errors.iter_mut();
        let same = errors.find(|one| one.class == class && one.code == code && one.phase == phase);
        match same {
            Some(same) => same.count = same.count.saturating_add(1),
            None => self.run.errors.push(ErrorCount {
                class,
                code: code.to_owned(),
                phase: phase.to_owned(),
                count: 1,
                ..ErrorCount::default()
            }),
        }
    }

    /// Takes note of a backup that has committed its snapshot.
    pub fn backed_up(&mut self, report: &BackupReport) {
        self.run.capture = Some(report.began);
        self.run.durable = Some(self.clock.now());
        self.run.snapshot = Some(report.snapshot);
        let summary = &report.summary;
        for (name, number) in [
            (counter::FILES, summary.files),
            (counter::FILES_UNCHANGED, summary.unchanged),
            (counter::FILES_SKIPPED, summary.skipped),
            (counter::BYTES_NEW, summary.new_bytes),
            (counter::BYTES_STORED, summary.added_bytes),
        ] {
            self.count(name, number);
        }
        self.run.outcome = self.outcome_of(report.outcome, report.passes > 1);
    }

    /// Takes note of what is another in the snapshot than in the one before it.
    pub fn changed(&mut self, changes: &Changes) {
        let counted = changes.counters();
        let counted = counted.map(|(name, number)| (name.to_owned(), number));
        self.run.counters.extend(counted);
    }

    /// Takes note of what became of the canaries since the snapshot before. That one is missing is a problem by itself.
    pub fn canaries(&mut self, canaries: &Canaries, is_compared: bool) {
        if is_compared {
            self.count(counter::CANARIES_CHANGED, canaries.changed);
        }
        if canaries.missing > 0 {
            self.problem("canary-missing", ErrorClass::Configuration);
            if self.run.outcome == RunOutcome::Ok {
                self.run.outcome = RunOutcome::OkWithNotices;
            }
        }
    }

    /// Takes note of how many of the files that were read are not what their names say.
    pub fn sniffed(&mut self, sniffer: &Sniffer) {
        self.count(counter::MAGIC_MISMATCH, sniffer.mismatches());
    }

    /// Takes note of what a verification right after the backup found; `is_complete` says whether it looked as deep as the policy asks, at all that it was
    /// to look at. With damage the run has failed, and with less than was asked for it is partial, however well the backup went.
    pub fn verified(&mut self, fact: &Verified, is_complete: bool) {
        if fact.damaged > 0 {
            self.damaged();
        } else if !is_complete {
            self.not_verified("verification-incomplete", ErrorClass::Configuration);
        }
    }

    /// Takes note of a verification that found damage, and not what that is of: then the run failed.
    pub fn damaged(&mut self) {
        self.problem("verification-damaged", ErrorClass::Hardware);
        self.run.outcome = RunOutcome::Failed;
    }

    /// Takes note of a verification that could not be made: then the run is partial at best.
    pub fn not_verified(&mut self, code: &str, class: ErrorClass) {
        self.problem(code, class);
        if matches!(self.run.outcome, RunOutcome::Ok | RunOutcome::OkWithNotices) {
            self.run.outcome = RunOutcome::Partial;
        }
    }

    /// Takes note of a copy that went through, with some snapshots or without.
    pub fn copied(&mut self, report: &CopyReport) {
        if let Some(newest) = report.copied.last() {
            self.run.snapshot = Some(newest.target);
            self.run.durable = Some(self.clock.now());
        }
        let new: u64 = report.copied.iter().map(|one| one.new_bytes).sum();
        let lost: u64 = report.copied.iter().map(|one| one.lost_count).sum();
        for (name, number) in [
            (counter::BYTES_NEW, new),
            (counter::BYTES_STORED, report.transferred_bytes),
            (counter::FILES_SKIPPED, lost),
            (counter::RECEIVED, report.fetched_bytes),
        ] {
            self.count(name, number);
        }
        let is_whole = lost == 0 && report.is_complete();
        let outcome = match is_whole {
            true => Outcome::Complete,
            false => Outcome::Partial,
        };
        self.run.outcome = self.outcome_of(outcome, false);
    }

    /// Returns the record of the run, which ends now.
    #[must_use]
    pub fn finish(mut self) -> Record {
        self.end_phase();
        let now = self.clock.now();
        let elapsed = i128::try_from(self.began.elapsed().as_millis()).unwrap_or(i128::MAX);
        let passed = millis(now) - millis(self.run.started);
        self.head.skew_ms = i64::try_from(passed - elapsed).ok();
        self.head.at = now;
        self.run.ended = now;
        Record::new(self.head, Fact::Run(self.run))
    }

    fn end_phase(&mut self) {
        let Some((name, since)) = self.phase.take() else {
            return;
        };
        let took = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut phases = self.run.phases.iter_mut();
        match phases.find(|(phase, _)| *phase == name) {
            Some((_, total)) => *total = total.saturating_add(took),
            None => self.run.phases.push((name, took)),
        }
    }

    /// Good, with notices if something had to be done again.
    fn outcome_of(&self, outcome: Outcome, is_notable: bool) -> RunOutcome {
        match outcome {
            Outcome::Complete if is_notable || !self.run.errors.is_empty() => {
                RunOutcome::OkWithNotices
            }
            Outcome::Complete => RunOutcome::Ok,
            _ => RunOutcome::Partial,
        }
    }
}

fn millis(time: Time) -> i128 {
    i128::from(time.seconds) * 1_000 + i128::from(time.nanos / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that goes on by an hour whenever it is asked.
    #[derive(Debug, Default)]
    struct Leaping(std::sync::atomic::AtomicI64);

    impl Clock for Leaping {
        fn now(&self) -> Time {
            let hours = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Time::new(1_800_000_000 + 3_600 * hours, 0)
        }
    }

    fn notes() -> RunNotes {
        let components = Components {
            clock: Arc::new(Leaping::default()),
            ..Components::default()
        };
        RunNotes::begin(&components, Job::Backup, "nas").unwrap()
    }

    fn run(record: Record) -> Run {
        match record.fact {
            Fact::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_good_is_a_failure_and_a_clock_that_was_set_shows() {
        let record = notes().finish();
        let skew = record.head.skew_ms.unwrap();
        assert!((3_599_000..=3_600_000).contains(&skew), "{skew}");
        let run = run(record);
        assert_eq!((run.outcome, run.attempt), (RunOutcome::Failed, 1));
        assert_eq!(run.ended.seconds - run.started.seconds, 3_600);
        assert!(run.counters.is_empty());
    }

    #[test]
    fn errors_are_counted_by_phase() {
        let mut notes = notes();
        let error = Error::new(ErrorKind::Unavailable, "no answer");
        notes.phase("backup");
        notes.error(&error);
        notes.error(&error);
        notes.phase("copy");
        notes.error(&error);
        notes.phase("backup");
        notes.problem("hook-failed", ErrorClass::Software);
        let run = run(notes.finish());
        let errors: Vec<_> = run
            .errors
            .iter()
            .map(|one| (&*one.phase, one.count))
            .collect();
        assert_eq!(errors, [("backup", 2), ("copy", 1), ("backup", 1)]);
        let phases: Vec<_> = run.phases.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(phases, ["backup", "copy"]);
    }

    #[test]
    fn a_verification_makes_no_run_better() {
        let outcome = |before: RunOutcome, damaged: u64, is_complete: bool| {
            let mut notes = notes();
            notes.run.outcome = before;
            let fact = Verified {
                damaged,
                ..Verified::default()
            };
            notes.verified(&fact, is_complete);
            let run = run(notes.finish());
            (run.outcome, run.errors.len())
        };
        assert_eq!(outcome(RunOutcome::Ok, 0, true), (RunOutcome::Ok, 0));
        assert_eq!(outcome(RunOutcome::Ok, 0, false), (RunOutcome::Partial, 1));
        assert_eq!(
            outcome(RunOutcome::OkWithNotices, 1, true),
            (RunOutcome::Failed, 1)
        );
        assert_eq!(
            outcome(RunOutcome::Partial, 0, true),
            (RunOutcome::Partial, 0)
        );
        assert_eq!(
            outcome(RunOutcome::Failed, 0, false),
            (RunOutcome::Failed, 1)
        );
    }

    #[test]
    fn canaries_are_counted_against_a_snapshot_before() {
        let mut first = notes();
        first.run.outcome = RunOutcome::Ok;
        let gone = Canaries {
            changed: 0,
            missing: 1,
        };
        first.canaries(&gone, false);
        let first = run(first.finish());
        assert_eq!(first.outcome, RunOutcome::OkWithNotices);
        assert!(first.counters.is_empty(), "nothing was measured");
        let mut second = notes();
        second.run.outcome = RunOutcome::Ok;
        second.canaries(&Canaries::default(), true);
        let second = run(second.finish());
        assert_eq!(second.counters[counter::CANARIES_CHANGED], 0);
        assert_eq!(second.outcome, RunOutcome::Ok);
    }

    #[test]
    fn who_stopped_it_is_not_a_failure_of_the_engine() {
        let mut notes = notes();
        notes.error(&Error::new(ErrorKind::Cancelled, "stopped"));
        assert_eq!(run(notes.finish()).outcome, RunOutcome::Cancelled);
    }
}
