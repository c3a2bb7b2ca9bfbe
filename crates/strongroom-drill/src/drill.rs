//! A drill: one snapshot, restored for real into a sandbox, validated, timed, and cleaned up.

mod attempt;
mod load;
#[cfg(test)]
mod tests;
mod trouble;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom::Repository;

use self::attempt::{attempt, rehearse};
use crate::captured::Captured;
use crate::choose::Choice;
use crate::clock::{Monotonic, SystemMonotonic, millis};
use crate::phase::{Phase, Timeline};
use crate::report::{Effect, Finding, Report, Verdict};
use crate::sandbox::Sandbox;
use crate::stop::{Cancel, Stop};
use crate::validator::Validator;

/// A drill that is to be run.
///
/// ```
/// use strongroom_drill::choose::Choice;
/// use strongroom_drill::{Cancel, DirectorySandbox, Drill, Verdict};
/// use strongroom_drill::validator::FileSet;
/// # use std::sync::Arc;
/// # use strongroom::{BackupOptions, CreateOptions, Credential, FileTree, MemoryStore, Repository, Suite};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (data, root) = (tempfile::tempdir()?, tempfile::tempdir()?);
/// # std::fs::write(data.path().join("letter"), "Dear …")?;
/// # let options = CreateOptions::default().with_suite(Suite::None);
/// # let builder = Repository::builder(Arc::new(MemoryStore::new()));
/// # let repository = strongroom_drill::Stop::never().wait(builder.create(options, &Credential::None))??.repository;
/// # let tree = Arc::new(FileTree::builder(data.path()).build()?);
/// # let backup = repository.backup(tree, BackupOptions::new("letters"), Arc::new(()));
/// # let snapshot = strongroom_drill::Stop::never().wait(backup)??.snapshot;
/// let sandbox = DirectorySandbox::new(root.path()).with_max_bytes(1 << 30);
/// let drill = Drill::new(&repository, Choice::named(snapshot), Box::new(sandbox))
///     .with_resource("letters")
///     .require(Box::new(FileSet::new()));
/// let report = drill.run(&Cancel::new());
/// assert_eq!(report.verdict, Verdict::Proven, "{report}");
/// assert!(report.is_cleaned);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it is not run yet"]
pub struct Drill {
    pub(crate) repository: Repository,
    pub(crate) choice: Choice,
    pub(crate) sandbox: Box<dyn Sandbox>,
    pub(crate) validators: Vec<(Box<dyn Validator>, bool)>,
    pub(crate) captured: Captured,
    pub(crate) entry: Option<Vec<u8>>,
    pub(crate) validator_limit: Duration,
    resource: Option<String>,
    repository_name: String,
    scenario: String,
    rto_target: Option<Duration>,
    limit: Option<Duration>,
    clock: Arc<dyn Monotonic>,
}

impl Drill {
    /// Prepares a drill of a snapshot. Without a validator it proves nothing.
    pub fn new(repository: &Repository, choice: Choice, sandbox: Box<dyn Sandbox>) -> Self {
        Self {
            repository: repository.clone(),
            choice,
            sandbox,
            validators: Vec::new(),
            captured: Captured::new(),
            entry: None,
            validator_limit: VALIDATOR_LIMIT,
            resource: None,
            repository_name: String::new(),
            scenario: "restore".to_owned(),
            rto_target: None,
            limit: None,
            clock: Arc::new(SystemMonotonic::start()),
        }
    }

    /// Says of which resource of the policy it is.
    pub fn with_resource(mut self, id: impl Into<String>) -> Self {
        self.resource = Some(id.into());
        self
    }

    /// Says what the policy calls the repository.
    pub fn with_repository_name(mut self, name: impl Into<String>) -> Self {
        self.repository_name = name.into();
        self
    }

    /// Says which disaster is played. Default: `restore`.
    pub fn with_scenario(mut self, name: impl Into<String>) -> Self {
        self.scenario = name.into();
        self
    }

    /// Adds a validator without which nothing is proven.
    pub fn require(mut self, validator: Box<dyn Validator>) -> Self {
        self.validators.push((validator, true));
        self
    }

    /// Adds a validator that may be skipped. If it fails, so does the drill.
    pub fn welcome(mut self, validator: Box<dyn Validator>) -> Self {
        self.validators.push((validator, false));
        self
    }

    /// Gives validators what was captured at backup.
    pub fn with_captured(mut self, captured: Captured) -> Self {
        self.captured = captured;
        self
    }

    /// Says which file of the snapshot is the dump. Default: its only one.
    pub fn with_entry(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.entry = Some(path.into());
        self
    }

    /// Says how long a restore may take by the policy. One that takes longer is proven, and late.
    pub fn with_rto_target(mut self, target: Duration) -> Self {
        self.rto_target = Some(target);
        self
    }

    /// Ends the drill after this time: nothing is proven then. Default: never.
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Gives each validator this long; one that takes longer has failed. Default: an hour.
    pub fn with_validator_limit(mut self, limit: Duration) -> Self {
        self.validator_limit = limit;
        self
    }

    /// Takes the time by another clock.
    pub fn with_clock(mut self, clock: Arc<dyn Monotonic>) -> Self {
        self.clock = clock;
        self
    }

    /// Runs it on this thread.
    ///
    /// # Cancellation
    ///
    /// `cancel` ends it within a fraction of a second of what the sandbox and validators promise. It is cleaned up in any case: after an
    /// error, a panic of a sandbox or validator, or the end of its time. If the process is killed, the next drill in the same place
    /// cleans up.
    #[must_use]
    pub fn run(mut self, cancel: &Cancel) -> Report {
        let clock = Arc::clone(&self.clock);
        let stop = Stop::new(cancel.clone(), Arc::clone(&clock));
        let stop = self.limit.map_or(stop.clone(), |limit| stop.within(limit));
        let mut timeline = Timeline::start(clock);
        let mut report = self.empty_report();
        let tried = catch_unwind(AssertUnwindSafe(|| {
            attempt(&mut self, &mut timeline, &mut report, &stop)
        }));
        let phase = timeline
            .phases_ms()
            .last()
            .map_or(Phase::Locate, |(phase, _)| *phase);
        match tried {
            Ok(Ok(())) => report.rto_ms = timeline.restored_ms(),
            Ok(Err(finding)) => report.findings.push(finding),
            Err(_) => {
                let what = "a sandbox or a validator panicked";
                let finding = Finding::new(Effect::NotProven, phase, "panicked", what);
                report.findings.push(finding);
            }
        }
        timeline.time(Phase::Clean, || self.clean(&mut report));
        report.phases_ms = timeline.phases_ms();
        if report.is_late() {
            let finding = Finding::new(
                Effect::Note,
                Phase::Validate,
                "rto-missed",
                "it took longer than the policy allows",
            );
            report.findings.push(finding);
        }
        report.verdict = verdict_of(&report.findings);
        report
    }

    /// Makes the sandbox for the chosen snapshot, and removes it again: would the drill begin? Returns what it would restore, in words.
    pub(crate) fn rehearse(&mut self, stop: &Stop) -> Result<String, Finding> {
        let prepared = rehearse(self, stop);
        let torn = self.sandbox.tear_down();
        let need = prepared?;
        let remains = |error: crate::sandbox::SandboxError| {
            Finding::new(
                Effect::Note,
                Phase::Clean,
                "sandbox-remains",
                error.to_string(),
            )
        };
        torn.map_err(remains)?;
        Ok(format!("{} bytes in {} entries", need.bytes, need.entries))
    }

    fn empty_report(&self) -> Report {
        Report {
            resource: self.resource.clone(),
            repository: self.repository_name.clone(),
            scenario: self.scenario.clone(),
            snapshot: self.choice.snapshot,
            choice: self.choice.to_string(),
            sandbox: self.sandbox.name().to_owned(),
            verdict: Verdict::NotProven,
            findings: Vec::new(),
            validators: Vec::new(),
            phases_ms: Vec::new(),
            rto_ms: None,
            rto_target_ms: self.rto_target.map(millis),
            people_ms: None,
            bytes: 0,
            files: 0,
            is_cleaned: false,
            remains: Vec::new(),
        }
    }

    /// Removes the sandbox, and looks whether it is gone.
    fn clean(&mut self, report: &mut Report) {
        let sandbox = &mut self.sandbox;
        let torn = catch_unwind(AssertUnwindSafe(|| sandbox.tear_down()));
        let sandbox = &self.sandbox;
        let looked = catch_unwind(AssertUnwindSafe(|| sandbox.remains()));
        let unknown = || vec!["what the sandbox does not tell".to_owned()];
        report.remains = looked.unwrap_or_else(|_| unknown());
        report.is_cleaned = report.remains.is_empty();
        let why = match torn {
            Ok(Ok(())) if report.is_cleaned => return,
            Ok(Ok(())) => report.remains.join(", "),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "removing the sandbox panicked".to_owned(),
        };
        let finding = Finding::new(Effect::Note, Phase::Clean, "sandbox-remains", why);
        report.findings.push(finding);
    }
}

/// Runs several drills, at most `parallel` of them at once, and returns their reports in the same order.
///
/// # Cancellation
///
/// As [`Drill::run`]; those that had not begun are not proven.
#[must_use]
pub fn run_all(drills: Vec<Drill>, parallel: usize, cancel: &Cancel) -> Vec<Report> {
    let count = drills.len();
    let queue = Mutex::new(drills.into_iter().enumerate());
    let reports = Mutex::new(Vec::with_capacity(count));
    let work = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, drill)) = next else { return };
            let report = drill.run(cancel);
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.push((at, report));
        }
    };
    std::thread::scope(|scope| {
        // This thread is one of them.
        for _ in 1..parallel.min(count).max(1) {
            let thread = std::thread::Builder::new().name("strongroom-drill".to_owned());
            // With fewer threads it takes longer.
            drop(thread.spawn_scoped(scope, work));
        }
        work();
    });
    let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.sort_by_key(|(at, _)| *at);
    reports.into_iter().map(|(_, report)| report).collect()
}

fn verdict_of(findings: &[Finding]) -> Verdict {
    match findings.iter().map(|finding| finding.effect).max() {
        None | Some(Effect::Note) => Verdict::Proven,
        Some(Effect::NotProven) => Verdict::NotProven,
        Some(Effect::Failed) => Verdict::Failed,
    }
}

const VALIDATOR_LIMIT: Duration = Duration::from_secs(3_600);
