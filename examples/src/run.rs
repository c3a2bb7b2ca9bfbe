//! One run of a resource under a policy: its window, its limits, what is run around it, what is verified, its copies, and the record of all that.

mod compare;
mod copies;
mod effort;
mod hook;
mod limits;
mod occasion;
mod state;
mod told;
mod transport;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use strongroom::ErrorKind;
use strongroom::blocking::Repository;
use strongroom::evidence::{ErrorClass, Job, Record, RunNotes, RunOutcome, Tool};
use strongroom::retain::Moment;
use strongroom::{Components, ObjectHash, Time};
use strongroom_policy::{Date, Document, ExpectedRun, Key, MEDIA_TYPE, Period, Resolved, Resource};

use self::copies::Copies;
use self::hook::Hook;
use self::occasion::{Occasion, wait_until};
use self::state::StateFolder;
use self::told::Told;
use crate::exit::{Status, Usage};
use crate::manners::components;
use crate::network::counting;
use crate::output::Output;
use crate::policy;
use crate::repository::RepositoryArgs;

/// What to run, and where.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct RunArgs {
    /// The policy.
    pub file: PathBuf,
    /// The resource that is backed up.
    pub resource: String,
    /// The repository that is written to first.
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// What the policy calls that repository [default: the one of the resource's copies that --at does not name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where another repository of the policy is, to which the snapshot is copied; can be given several times.
    #[arg(long, value_name = "NAME=URL", value_parser = location)]
    pub at: Vec<(String, OsString)>,
    /// File with the passphrase of the repositories of --at. Else the variable STRONGROOM_TO_PASSWORD; else it is that of the first repository.
    #[arg(long, value_name = "FILE")]
    pub to_password_file: Option<PathBuf>,
    /// The repositories of --at are not encrypted.
    #[arg(long, conflicts_with = "to_password_file")]
    pub to_no_password: bool,
    /// Run at once, whatever the schedule says.
    #[arg(long)]
    pub now: bool,
    /// Folder for what this machine remembers of its runs [default: $XDG_STATE_HOME/strongroom or ~/.local/state/strongroom].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How long what is run before and after may take.
    #[arg(long, value_name = "TIME", default_value = "15min")]
    pub hook_timeout: Period,
    /// Who starts it. The records have a digest of the name.
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
}

/// Runs it.
///
/// # Errors
///
/// [`Usage`] when there is no such resource, or it is not to be backed up; an error when the run failed, or was too late. All but the first are in the
/// journal, or wait for the next run to put them there.
pub fn run(mut arguments: RunArgs, output: &Arc<Output>) -> anyhow::Result<Status> {
    let document = policy::read(&arguments.file, output)?;
    let resource = resource_of(&document, &arguments.resource)?;
    let resolved = document.policy().resolve(resource);
    limits::decide(&mut arguments.repository, &resolved);
    let arguments = &arguments;
    let copies = Copies::of(arguments, &resolved)?;
    let state = StateFolder::open(arguments.state.as_deref(), document.policy(), resource)?;
    let _alone = state.lock()?;
    let occasion = match Occasion::now(&resolved, resource, arguments.now, state.done()) {
        Ok(occasion) => occasion,
        Err(refusal) => return Err(Usage(refusal).into()),
    };
    let job = PolicyRun {
        arguments,
        output,
        document: &document,
        resource,
        resolved: &resolved,
        copies: &copies,
        state: &state,
    };
    match occasion {
        Occasion::Now(due) => job.go(due),
        Occasion::Soon(due) => {
            let _ = output.line(&format!("waits until {}", due.due));
            wait_until(due.start_at.unix_seconds);
            job.go(Some(due))
        }
        Occasion::TooLate(due) => job.expired(due),
        Occasion::NotDue(next) => {
            let next = next.map_or_else(String::new, |next| {
                format!(", the next one is at {}", next.due)
            });
            let _ = output.line(&format!("nothing is due{next}; --now runs it all the same"));
            let _ = output.json(|| json!({ "type": "result", "outcome": "not-due" }));
            Ok(Status::Complete)
        }
    }
}

fn resource_of<'a>(document: &'a Document, id: &str) -> anyhow::Result<&'a Resource> {
    let policy = document.policy();
    let found = policy.resources.get(id);
    let resource = found.ok_or_else(|| Usage(format!("there is no resource {id:?}")))?;
    let today = Date::of(policy.timezone.moment(unix_now()));
    if resource.is_retired(today) {
        return Err(Usage(format!("{id:?} is retired")).into());
    }
    Ok(resource)
}

/// A run of one resource, decided upon.
struct PolicyRun<'a> {
    arguments: &'a RunArgs,
    output: &'a Arc<Output>,
    document: &'a Document,
    resource: &'a Resource,
    resolved: &'a Resolved,
    copies: &'a Copies,
    state: &'a StateFolder,
}

impl PolicyRun<'_> {
    /// Backs up and copies.
    fn go(&self, due: Option<ExpectedRun>) -> anyhow::Result<Status> {
        let mut notes = self.notes(Job::Backup, due.as_ref())?;
        let mut told = Told::default();
        notes.phase("open");
        let repository = match self.open() {
            Ok(repository) => repository,
            Err(error) => {
                told.error(&mut notes, &error);
                self.record(None, notes.finish(), &told);
                return Err(error);
            }
        };
        self.take_up(&repository, &mut notes, &mut told);
        let ended = self.back_up(&repository, due.as_ref(), &mut notes, &mut told);
        let record = notes.finish();
        let head = record.head.clone();
        self.record(Some(&repository), record, &told);
        if ended.is_ok() {
            // There is a snapshot, whatever its verification found: another one would not mend it.
            self.state.set_done(due.as_ref());
        }
        let (backed_up, verified) = ended?;
        let mut all = vec![backed_up, verified.status];
        verified.record(self, &repository, head);
        // What is damaged here may be whole there afterwards.
        all.push(self.copies.copy(self, &repository, due.as_ref())?);
        Ok(worst(&all))
    }

    /// Says that it could not begin in time.
    fn expired(&self, due: ExpectedRun) -> anyhow::Result<Status> {
        let mut notes = self.notes(Job::Backup, Some(&due))?;
        notes.run.outcome = RunOutcome::Expired;
        notes.problem("too-late", ErrorClass::Shortage);
        let late = format!(
            "the run that was due at {} had to begin by {}; --now runs it all the same",
            due.due, due.start_by
        );
        let repository = self.open();
        if let Err(error) = &repository {
            self.output.complain(&format!("{error:#}"));
        }
        self.record(repository.ok().as_ref(), notes.finish(), &Told::default());
        self.state.set_done(Some(&due));
        Err(anyhow::anyhow!(late))
    }

    fn notes(&self, job: Job, due: Option<&ExpectedRun>) -> anyhow::Result<RunNotes> {
        let mut notes = RunNotes::begin(&components(), job, &self.copies.first)?;
        let hash = *self.document.hash().as_bytes();
        notes.head.resource = Some(self.resource.id.clone());
        notes.head.policy = Some(ObjectHash::from_bytes(hash));
        notes.head.tool = Some(Tool {
            name: "sr-run".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Tool::default()
        });
        notes.run.due = due.map(|due| Time::new(due.due.unix_seconds, 0));
        notes.run.transport = transport::of(&self.arguments.repository.repo);
        Ok(notes)
    }

    fn open(&self) -> anyhow::Result<Repository> {
        // Stores that are opened from now on are counted.
        counting();
        self.arguments.repository.open()
    }

    /// Puts the policy into the journal, if another is in force, and what earlier runs could not put there.
    fn take_up(&self, repository: &Repository, notes: &mut RunNotes, told: &mut Told) {
        if let Some(actor) = &self.arguments.actor {
            notes.head.actor = Some(repository.person(actor));
        }
        let document = self.document.text().as_bytes().to_vec();
        if let Err(error) = repository.set_policy(document, MEDIA_TYPE) {
            self.output
                .complain(&format!("the policy was not recorded: {error}"));
            told.notice(notes, "policy-not-recorded", error.class(), &error);
        }
        match self.state.send(repository) {
            Ok(0) => {}
            Ok(sent) => {
                let _ = self
                    .output
                    .line(&format!("{sent} records of earlier runs were recorded"));
            }
            Err(error) => self
                .output
                .complain(&format!("records of earlier runs: {error:#}")),
        }
    }

    /// Backs up, with what the policy has run before and after, and verifies what the policy wants verified.
    fn back_up(
        &self,
        repository: &Repository,
        due: Option<&ExpectedRun>,
        notes: &mut RunNotes,
        told: &mut Told,
    ) -> anyhow::Result<(Status, verify::Outcome)> {
        let limit = Duration::from_secs(self.arguments.hook_timeout.mean_seconds());
        let hook = |key| {
            self.resolved
                .text(key)
                .map(|text| Hook::new(text, &self.resource.id, limit))
        };
        if let Some(before) = hook(Key::Before) {
            notes.phase("before");
            if let Err(failed) = before.run("") {
                told.problem(notes, failed.code(), failed.class(), &failed);
                self.after(hook(Key::After), notes, told);
                return Err(failed.into());
            }
        }
        notes.phase("backup");
        let done = effort::back_up(self, repository, due, notes, told);
        self.after(hook(Key::After), notes, told);
        let done = done?;
        compare::compare(self, repository, &done, notes, told);
        let verified = verify::verify(self, repository, due, &done, notes, told);
        Ok((crate::backup::report(self.output, &done), verified))
    }

    fn after(&self, hook: Option<Hook>, notes: &mut RunNotes, told: &mut Told) {
        let Some(after) = hook else { return };
        notes.phase("after");
        if let Err(failed) = after.run(&notes.run.outcome.to_string()) {
            self.output.complain(&format!("{failed}"));
            told.notice(notes, failed.code(), failed.class(), &failed);
        }
    }

    /// Records it in the journal; or on this machine, for the next run to do so, if the journal cannot be reached.
    fn record(&self, repository: Option<&Repository>, record: Record, told: &Told) {
        let sensitive = told.text();
        let sensitive = sensitive.as_ref().map(String::as_bytes);
        let recorded = repository.map(|repository| repository.record(&record, sensitive));
        let entry = match recorded {
            Some(Ok(n)) => Some(n),
            Some(Err(error)) => {
                self.output
                    .complain(&format!("the run was not recorded: {error}"));
                None
            }
            None => None,
        };
        if entry.is_none() {
            match self.state.keep(&record) {
                Ok(()) => self
                    .output
                    .complain("the record of the run waits for the next one"),
                Err(error) => self
                    .output
                    .complain(&format!("the run is not recorded: {error:#}")),
            }
        }
        told::say(self.output, &record, entry);
    }
}

/// Returns what is to be said of several: that something is damaged before that something was left out.
fn worst(all: &[Status]) -> Status {
    for worse in [Status::Damaged, Status::Partial] {
        if all.contains(&worse) {
            return worse;
        }
    }
    Status::Complete
}

/// Says whether the same would fail again.
fn is_worth_a_retry(error: &strongroom::Error) -> bool {
    let class = matches!(
        error.class(),
        ErrorClass::Network | ErrorClass::Shortage | ErrorClass::Source
    );
    class && !matches!(error.kind(), ErrorKind::NoSpace | ErrorKind::Cancelled)
        || error.is_retryable()
}

fn unix_now() -> i64 {
    Components::default().clock.now().seconds
}

fn moment_now() -> Moment {
    Moment::utc(unix_now())
}

fn location(text: &str) -> Result<(String, OsString), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() => {
            Ok((name.to_owned(), url.into()))
        }
        _ => Err("not NAME=URL".to_owned()),
    }
}
