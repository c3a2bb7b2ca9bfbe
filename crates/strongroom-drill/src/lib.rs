//! Restore drills: restore for real, in a sandbox, validate, measure, clean up, and prove all of it.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use strongroom::{BackupOptions, CreateOptions, Credential, FileTree, MemoryStore, Repository};
//! use strongroom_drill::choose::Choice;
//! use strongroom_drill::validator::FileSet;
//! use strongroom_drill::{Cancel, DirectorySandbox, Drill, Stop, Verdict};
//!
//! # let (data, root) = (tempfile::tempdir()?, tempfile::tempdir()?);
//! # std::fs::write(data.path().join("letter"), "Dear …")?;
//! # let (here, sandboxes) = (data.path(), root.path());
//! # let create = CreateOptions::default().with_suite(strongroom::Suite::None);
//! # let builder = Repository::builder(Arc::new(MemoryStore::new()));
//! // Any executor will do for what is async; this one is enough.
//! let run = Stop::never();
//! let repository = run.wait(builder.create(create, &Credential::None))??.repository;
//! let tree = Arc::new(FileTree::builder(here).build()?);
//! let backup = run.wait(repository.backup(tree, BackupOptions::new("letters"), Arc::new(())))??;
//!
//! let sandbox = DirectorySandbox::new(sandboxes).with_max_bytes(10 << 30);
//! let drill = Drill::new(&repository, Choice::named(backup.snapshot), Box::new(sandbox))
//!     .with_resource("letters")
//!     .with_rto_target(Duration::from_secs(3_600))
//!     .require(Box::new(FileSet::new()));
//! let report = drill.run(&Cancel::new());
//! assert_eq!(report.verdict, Verdict::Proven, "{report}");
//! assert!(report.is_cleaned);
//! // For the journal, where nobody can change it.
//! let record = report.to_record(repository.record_head()?);
//! run.wait(repository.record(&record, None))??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it is not
//!
//! Not a scheduler: [`DrillSettings`] says what a policy wants, `strongroom_policy::Policy::checks` what is due, and the host runs it. Not an
//! isolation of hostile programs: a server that is started here runs as an ordinary user without a network, and no further; put your own
//! [`Sandbox`] of a container or a virtual machine around what you do not trust.
//!
//! # Concepts
//!
//! * [`choose`] says which snapshots are tried. What is left to chance follows from the journal, so that an auditor derives it again.
//! * A [`Sandbox`] is where they go: a [`DirectorySandbox`], a [`DatabaseSandbox`], or one of your own. A dump goes from the repository
//!   into the database's client without touching the disk.
//! * A [`Validator`](validator::Validator) decides whether it works; [`captured`] values of the time of the backup are what it compares
//!   with.
//! * A [`Drill`] is one of each. Its [`Report`] has a [`Verdict`], the reasons, and the time of every [`Phase`].
//! * A [`scenario`] is a disaster and the [`recovery`] plan for it: steps of the machine and of people, preconditions that are looked at every
//!   day.
//! * [`Past`] is what the journal says of earlier drills, of what is suspect and what was captured.
//! * [`consistent_point`] finds points of several resources that fit together; a [`Checklist`] is gone through before people are let in.
//!
//! # Guarantees
//!
//! * What could not be tried or looked at is [`Verdict::NotProven`], and never passed: a program that is missing, a sandbox without room, a
//!   validator that was skipped, a store out of reach, an hour that is over. Without a validator that has passed, nothing is proven.
//! * It is cleaned up in any case, also after a panic, and looked at whether that worked: paths, processes, ports. What a killed process
//!   left behind is found by a marker, and removed by the next drill in the same place ([`sweep`]).
//! * Time is taken by a clock that nobody sets; people's time is apart from the machine's.
//! * Nothing that people must do is done because nobody said otherwise.
//! * A drill only reads the repository; what it found is recorded by whoever calls it.
//!
//! # Minimum Rust version
//!
//! 1.95.

pub mod captured;
mod checklist;
pub mod choose;
mod clock;
#[cfg(unix)]
mod database;
#[cfg(unix)]
mod directory;
mod drill;
mod group;
#[cfg(unix)]
mod home;
#[cfg(unix)]
mod limited;
mod past;
mod phase;
#[cfg(unix)]
mod process;
pub mod recovery;
mod report;
pub mod sandbox;
pub mod scenario;
mod settings;
mod sql;
mod stop;
mod suspect;
#[cfg(test)]
mod testing;
pub mod validator;

pub use checklist::{Checklist, Circumstances, Item, ItemState};
pub use clock::{Monotonic, SystemMonotonic};
#[cfg(unix)]
pub use database::DatabaseSandbox;
#[cfg(unix)]
pub use directory::DirectorySandbox;
pub use drill::{Drill, run_all};
pub use group::{ConsistentPoint, consistent_point};
#[cfg(unix)]
pub use home::sweep;
#[cfg(unix)]
pub use limited::LimitedTarget;
pub use past::Past;
pub use phase::Phase;
pub use report::{Effect, Finding, Report, Validated, Verdict};
pub use sandbox::{Sandbox, SandboxError, SandboxErrorKind};
pub use settings::DrillSettings;
pub use sql::{Sql, SqlError};
pub use stop::{Cancel, Stop, Stopped};
pub use suspect::{last_clean, suspects};
