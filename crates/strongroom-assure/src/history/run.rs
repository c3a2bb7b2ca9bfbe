//! A run, as the history shows it.

use strongroom_format::record::{ErrorCount, Job, Run, RunOutcome, Transport};
use strongroom_format::{Commit, Outcome};

use super::clock::{Skew, TOLERANCE_SECONDS};
use super::{Counters, EntryRef};

/// A run of a job. Times are Unix seconds, and set right if the author's clock was wrong.
///
/// A snapshot that was committed without a record of its run is a run too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunSeen {
    /// The entry that shows it: its record, or the commit if there is none.
    pub entry: EntryRef,
    /// The commit of its snapshot, if it is in a journal that was read.
    pub commit: Option<EntryRef>,
    /// Whether there is a record of it.
    pub is_recorded: bool,
    /// What was to be done.
    pub job: Job,
    /// Name of the repository in the policy; empty if nobody said.
    pub repository: String,
    /// Name of the repository that was copied from.
    pub from: Option<String>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When the schedule wanted it, if it did.
    pub due: Option<i64>,
    /// When it began.
    pub started: i64,
    /// When it ended.
    pub ended: i64,
    /// The moment of which its snapshot shows the data.
    pub capture: Option<i64>,
    /// When its snapshot was in the repository.
    pub durable: Option<i64>,
    /// Index of its snapshot in [`History::snapshots`](crate::History::snapshots).
    pub snapshot: Option<usize>,
    /// Milliseconds that each phase took.
    pub phases: Vec<(String, u64)>,
    /// What was counted.
    pub counters: Counters,
    /// What went wrong.
    pub errors: Vec<ErrorCount>,
    /// How the store was reached.
    pub transport: Option<Transport>,
    /// When it was recorded.
    pub recorded_at: i64,
    /// Its times as they were recorded.
    said: Said,
}

/// Times of a run, as they were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    due: Option<i64>,
    started: i64,
    ended: i64,
    capture: Option<i64>,
    durable: Option<i64>,
}

impl RunSeen {
    /// Returns that of a record.
    pub(super) fn of_record(entry: EntryRef, at: i64, run: &Run) -> Self {
        let said = Said {
            due: run.due.map(|time| time.seconds),
            started: run.started.seconds,
            ended: run.ended.seconds,
            capture: run.capture.map(|time| time.seconds),
            durable: run.durable.map(|time| time.seconds),
        };
        Self {
            entry,
            commit: None,
            is_recorded: true,
            job: run.job.clone(),
            repository: run.repository.clone(),
            from: run.from.clone(),
            outcome: run.outcome,
            attempt: run.attempt,
            due: said.due,
            started: said.started,
            ended: said.ended,
            capture: said.capture,
            durable: said.durable,
            snapshot: None,
            phases: run.phases.clone(),
            counters: Counters::of(&run.counters),
            errors: run.errors.clone(),
            transport: run.transport.clone(),
            recorded_at: at,
            said,
        }
    }

    /// Returns that of a commit.
    pub(super) fn of_commit(entry: EntryRef, at: i64, commit: &Commit, repository: &str) -> Self {
        let (snapshot, sum) = (&commit.snapshot, &commit.snapshot.summary);
        let outcome = match snapshot.outcome {
            Outcome::Complete => RunOutcome::Ok,
            _ => RunOutcome::Partial,
        };
        // A copy keeps the times of the original, so that only the entry tells when it was there.
        let durable = at.max(snapshot.durable.seconds);
        let said = Said {
            due: None,
            started: snapshot.began.seconds,
            ended: durable,
            capture: Some(snapshot.began.seconds),
            durable: Some(durable),
        };
        Self {
            entry,
            commit: Some(entry),
            is_recorded: false,
            job: Job::Backup,
            repository: repository.to_owned(),
            from: None,
            outcome,
            attempt: 1,
            due: None,
            started: said.started,
            ended: said.ended,
            capture: said.capture,
            durable: said.durable,
            snapshot: None,
            phases: Vec::new(),
            counters: Counters {
                files: Some(sum.files),
                files_skipped: Some(sum.skipped),
                bytes_new: Some(sum.new_bytes),
                bytes_stored: Some(sum.added_bytes),
                ..Counters::default()
            },
            errors: Vec::new(),
            transport: None,
            recorded_at: at,
            said,
        }
    }

    /// Says whether all of it was done.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self.outcome, RunOutcome::Ok | RunOutcome::OkWithNotices)
    }

    /// Says whether a part of it was done.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        matches!(self.outcome, RunOutcome::Partial)
    }

    /// Says whether it began at all.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        !matches!(self.outcome, RunOutcome::Missed)
    }

    /// Returns how many seconds it took; 0 when it ended before it began, as a clock that was set can make it seem.
    #[must_use]
    pub fn duration_seconds(&self) -> u64 {
        u64::try_from(self.ended.saturating_sub(self.started)).unwrap_or_default()
    }

    /// Sets all times back if its clock was wrong, and lets it be durable only when it can have been at the latest.
    pub(super) fn set_right(&mut self, skew: Option<&Skew>, recorded_at: i64) {
        let set_back = skew.map_or(0, Skew::ahead_seconds);
        let right = |time: i64| time.saturating_sub(set_back);
        self.recorded_at = recorded_at;
        (self.started, self.ended) = (right(self.said.started), right(self.said.ended));
        (self.due, self.capture) = (self.said.due.map(right), self.said.capture.map(right));
        let is_wrong = set_back != 0;
        let latest = |time: i64| {
            if is_wrong {
                right(time).max(recorded_at)
            } else {
                time
            }
        };
        self.durable = self.said.durable.map(latest);
        self.make_plausible();
    }

    /// Lets nothing be later than what it cannot be later than.
    fn make_plausible(&mut self) {
        self.ended = self
            .ended
            .min(self.recorded_at.saturating_add(TOLERANCE_SECONDS));
        self.started = self.started.min(self.ended);
        self.durable = self.durable.map(|time| time.max(self.started));
        let latest = self.durable.unwrap_or(self.ended);
        self.capture = self.capture.map(|time| time.min(latest));
    }
}
