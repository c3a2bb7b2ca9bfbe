//! Drills at a command line: what is restored into what, and the people who are asked.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use strongroom::evidence::{RecordHead, Tool};
use strongroom::{Credential, ObjectHash, RecoveryKit, Repository, Settings, Store};
use strongroom_drill::captured::Captured;
use strongroom_drill::choose::{Choice, Point, Rule, choose, choose_all};
use strongroom_drill::recovery::{Answer, Operator, Pick, Role, Step, StepOutcome, Way};
use strongroom_drill::scenario::{Estate, open_by_kit};
use strongroom_drill::validator::validator_of;
use strongroom_drill::{
    Cancel, DatabaseSandbox, DirectorySandbox, Drill, DrillSettings, Past, Sandbox, Stop,
    last_clean,
};
use strongroom_policy::{Document, Resource};

use crate::exit::Usage;
use crate::repository::{RepositoryArgs, host_name};

/// Where to restore to, and with what.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct DrillArgs {
    /// Folder for sandboxes, in which nobody else may write; each is removed after its drill. What killed drills left there is removed first.
    #[arg(long, value_name = "DIR", required_unless_present = "record_captured")]
    pub sandboxes: Option<PathBuf>,
    /// What to restore into [default: what the resource's kind says].
    #[arg(long, value_enum)]
    pub sandbox: Option<Kind>,
    /// Look for the programs of databases here and nowhere else; can be given several times.
    #[arg(long, value_name = "DIR")]
    pub programs: Vec<PathBuf>,
    /// Run this before a dump is loaded, such as "create role shop".
    #[arg(long, value_name = "SQL", default_value = "")]
    pub prelude: String,
    /// A sandbox holds no more content than this, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = u64::MAX, hide_default_value = true)]
    pub max_bytes: u64,
    /// What successive backups of the resource share [default: the resource's id].
    #[arg(long)]
    pub series: Option<String>,
    /// Values that were captured at backup, in addition to those in the journal.
    #[arg(long, value_name = "FILE")]
    pub captured: Option<PathBuf>,
    /// For the scenario lost-site: where the copy elsewhere is.
    #[arg(long, value_name = "URL")]
    pub copy: Option<OsString>,
    /// For the scenarios lost-keys and from-nothing: file with the lines of the recovery kit.
    #[arg(long, value_name = "FILE")]
    pub kit: Option<PathBuf>,
    /// End each drill after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub limit: Option<u64>,
    /// How many drills run at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub parallel: usize,
}

/// A kind of sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Kind {
    /// A directory.
    Directory,
    /// A PostgreSQL server.
    Postgresql,
    /// A MariaDB server.
    Mariadb,
    /// A file of SQLite.
    Sqlite,
}

/// A resource, and what is left after a disaster.
#[derive(Debug)]
pub struct Site<'a> {
    repository: &'a RepositoryArgs,
    arguments: &'a DrillArgs,
    resource: &'a Resource,
    settings: DrillSettings,
    repository_name: String,
    given: Captured,
}

impl<'a> Site<'a> {
    /// Reads what holds for a resource.
    ///
    /// # Errors
    ///
    /// What the file of captured values said.
    pub fn new(
        repository: &'a RepositoryArgs,
        arguments: &'a DrillArgs,
        document: &Document,
        resource: &'a Resource,
    ) -> anyhow::Result<Self> {
        let resolved = document.policy().resolve(resource);
        let given = match &arguments.captured {
            None => Captured::new(),
            Some(file) => read_captured(file)?,
        };
        let copies = resolved.words(strongroom_policy::Key::CopiesTo);
        let repository_name = copies.first().map(|name| (*name).to_owned());
        Ok(Self {
            repository,
            arguments,
            resource,
            settings: DrillSettings::of(&resolved),
            repository_name: repository_name.unwrap_or_default(),
            given,
        })
    }

    /// Returns what the policy says of drills.
    #[must_use]
    pub fn settings(&self) -> &DrillSettings {
        &self.settings
    }

    /// Returns the resource.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        self.resource
    }

    fn sandbox(&self) -> Box<dyn Sandbox> {
        let arguments = self.arguments;
        // A folder without a name cannot be made: a drill without a folder fails.
        let root = arguments.sandboxes.as_deref().unwrap_or(Path::new(""));
        let kind = arguments
            .sandbox
            .unwrap_or(match self.resource.kind.as_str() {
                "postgresql" => Kind::Postgresql,
                "mariadb" | "mysql" => Kind::Mariadb,
                "sqlite" => Kind::Sqlite,
                _ => Kind::Directory,
            });
        let database = match kind {
            Kind::Directory => {
                let sandbox = DirectorySandbox::new(root);
                return Box::new(sandbox.with_max_bytes(arguments.max_bytes));
            }
            Kind::Postgresql => DatabaseSandbox::postgresql(root),
            Kind::Mariadb => DatabaseSandbox::mariadb(root),
            Kind::Sqlite => DatabaseSandbox::sqlite(root),
        };
        let database = database
            .with_prelude(&arguments.prelude)
            .with_max_bytes(arguments.max_bytes);
        Box::new(match arguments.programs.is_empty() {
            true => database,
            false => database.with_programs_in(arguments.programs.iter().cloned()),
        })
    }

    /// Opens a store with a credential, without any local state.
    fn open_bare(
        &self,
        store: anyhow::Result<std::sync::Arc<dyn Store>>,
        credential: anyhow::Result<Credential>,
        stop: &Stop,
    ) -> Result<Repository, StepOutcome> {
        let not_done =
            |error: anyhow::Error| StepOutcome::not_done("not-tried", format!("{error:#}"));
        let (store, credential) = (store.map_err(not_done)?, credential.map_err(not_done)?);
        let mut settings: Settings = self.repository.settings();
        settings.cache = None;
        let opening = Repository::builder(store)
            .settings(settings)
            .open(&credential);
        let opened = stop.wait(opening);
        let opened =
            opened.map_err(|error| StepOutcome::not_done(error.code(), error.to_string()))?;
        opened.map_err(|error| StepOutcome::failed("does-not-open", error.to_string()))
    }

    fn kit(&self) -> anyhow::Result<String> {
        let file = self.arguments.kit.as_ref();
        let file = file.ok_or_else(|| Usage("this needs --kit FILE".to_owned()))?;
        fs::read_to_string(file).with_context(|| file.display().to_string())
    }

    fn code(&self) -> anyhow::Result<Credential> {
        let kit = RecoveryKit::parse(&self.kit()?).map_err(|error| Usage(error.to_string()))?;
        let code = kit.credential();
        code.ok_or_else(|| Usage("the kit has no recovery code".to_owned()).into())
    }
}

impl Estate for Site<'_> {
    fn open(&self, way: Way, stop: &Stop) -> Result<Repository, StepOutcome> {
        let repository = self.repository;
        match way {
            Way::Usual => match repository.open() {
                Ok(opened) => Ok(opened.inner().clone()),
                Err(error) => Err(StepOutcome::failed("does-not-open", format!("{error:#}"))),
            },
            Way::OffSite => {
                let copy = self.arguments.copy.as_ref();
                let copy = copy.ok_or_else(|| Usage("this needs --copy URL".to_owned()).into());
                let stores = repository.network.stores(None);
                let store = copy.and_then(|copy| Ok(stores.open(copy)?));
                self.open_bare(store, repository.credential(), stop)
            }
            Way::RecoveryCode => self.open_bare(repository.store(), self.code(), stop),
            Way::KitOnly => {
                let kit = self.kit();
                let kit =
                    kit.map_err(|error| StepOutcome::not_done("no-kit", format!("{error:#}")))?;
                open_by_kit(&kit, &repository.network.stores(None), None, stop)
            }
            _ => self.open_bare(repository.store(), repository.credential(), stop),
        }
    }

    fn points(&self, repository: &Repository, stop: &Stop) -> Result<Vec<Point>, StepOutcome> {
        let snapshots = wait(stop, repository.snapshots())?;
        let series = self.arguments.series.as_ref().unwrap_or(&self.resource.id);
        let own = snapshots
            .into_iter()
            .filter(|info| info.snapshot.series == *series);
        Ok(Point::of(&own.collect::<Vec<_>>()))
    }

    fn choose(
        &self,
        repository: &Repository,
        pick: Pick,
        stop: &Stop,
    ) -> Result<Vec<Choice>, StepOutcome> {
        let points = self.points(repository, stop)?;
        let (events, _) = wait(stop, repository.events(0))?;
        let Some(past) = Past::of(&events) else {
            return Err(StepOutcome::not_done(
                "no-journal",
                "the journal has no entry",
            ));
        };
        Ok(match pick {
            Pick::LastClean => last_clean(&points, &past.suspects).into_iter().collect(),
            Pick::ByPolicy => {
                let (rules, n) = (&self.settings.rules, self.settings.points);
                choose_all(&points, &past.tested, rules, &past.head, n)
            }
            _ => choose(&points, &past.tested, Rule::Latest, &past.head, 1),
        })
    }

    fn drill(&self, repository: &Repository, choice: Choice) -> Drill {
        let events = Stop::never()
            .wait(repository.events(0))
            .ok()
            .and_then(Result::ok);
        let past = events.and_then(|(events, _)| Past::of(&events));
        let captured = past
            .map(|past| past.captured(&choice.snapshot))
            .unwrap_or_default();
        let mut drill = Drill::new(repository, choice, self.sandbox())
            .with_resource(&self.resource.id)
            .with_repository_name(&self.repository_name)
            .with_captured(captured.and(self.given.clone()));
        for word in &self.settings.validators {
            drill = drill.require(validator_of(word));
        }
        if let Some(target) = self.settings.rto {
            drill = drill.with_rto_target(target);
        }
        match self.arguments.limit {
            Some(seconds) => drill.with_limit(Duration::from_secs(seconds)),
            None => drill,
        }
    }
}

fn wait<T>(
    stop: &Stop,
    call: impl Future<Output = strongroom::Result<T>>,
) -> Result<T, StepOutcome> {
    let waited = stop.wait(call);
    let waited = waited.map_err(|error| StepOutcome::not_done(error.code(), error.to_string()))?;
    waited.map_err(|error| StepOutcome::failed("repository", error.to_string()))
}

/// Reads captured values: lines of kind, subject and value.
///
/// # Errors
///
/// The file cannot be read, or has something else.
pub fn read_captured(file: &Path) -> anyhow::Result<Captured> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Captured::parse(&text).with_context(|| file.display().to_string())
}

/// Returns the beginning of a record of this program under a policy.
///
/// # Errors
///
/// There are no random bytes.
pub fn record_head(repository: &Repository, document: &Document) -> anyhow::Result<RecordHead> {
    Ok(RecordHead {
        policy: Some(ObjectHash::from_bytes(*document.hash().as_bytes())),
        tool: Some(Tool {
            name: "sr-drill".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Tool::default()
        }),
        ..repository.record_head()?
    })
}

/// Cancels what runs when the program is told to end, so that it cleans up.
///
/// # Errors
///
/// What the system said.
pub fn cancel_by_signal() -> anyhow::Result<Cancel> {
    let cancel = Cancel::new();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let to = cancel.clone();
    let thread = std::thread::Builder::new().name("signals".to_owned());
    drop(thread.spawn(move || {
        for _ in signals.forever() {
            to.cancel();
        }
    })?);
    Ok(cancel)
}

/// Asks whoever is at the terminal.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Terminal;

impl Operator for Terminal {
    fn confirm(&self, step: &Step, role: Role, stop: &Stop) -> Answer {
        // Nobody to ask is nobody who answers.
        drop(writeln!(
            io::stderr(),
            "[{role}] {}\n  Done? Your name, or \"no: why\":",
            step.text
        ));
        let (line, lines) = mpsc::channel();
        let thread = std::thread::Builder::new().name("terminal".to_owned());
        // It waits for a line that nobody may want any more; then the program ends, and it with it.
        drop(thread.spawn(move || {
            let mut text = String::new();
            drop(io::stdin().lock().read_line(&mut text));
            drop(line.send(text));
        }));
        let answer = loop {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(text) => break text.trim().to_owned(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Answer::Nobody,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if let Err(stopped) = stop.check() {
                        return Answer::Stopped(stopped);
                    }
                }
            }
        };
        match (answer.as_str(), answer.strip_prefix("no:")) {
            ("", _) => Answer::Nobody,
            (_, Some(why)) => Answer::Refused {
                by: host_name(),
                note: why.trim().to_owned(),
            },
            (name, None) => Answer::Confirmed {
                by: name.to_owned(),
                note: None,
            },
        }
    }
}
