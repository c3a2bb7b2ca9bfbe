//! What happened to backups, kept in the journal where nobody can change it: [`Record`]s to be written, and [`Event`]s to be read.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! use std::sync::Arc;
//!
//! use strongroom::evidence::{Fact, Job, RunNotes, RunOutcome};
//! use strongroom::{BackupOptions, Components, StreamSource};
//! # use strongroom::{CreateOptions, Credential, MemoryStore, Repository};
//! # let options = CreateOptions::default().with_suite(strongroom::Suite::None);
//! # let builder = Repository::builder(Arc::new(MemoryStore::new()));
//! # let repository = builder.create(options, &Credential::None).await?.repository;
//!
//! // Notes begin before anything can go wrong. A run of which nothing good is noted has failed.
//! let mut notes = RunNotes::begin(&Components::default(), Job::Backup, "nas")?;
//! notes.head.resource = Some("greetings".into());
//! notes.phase("backup");
//! let source = Arc::new(StreamSource::new("greeting", "hello, world".as_bytes())?);
//! match repository.backup(source, BackupOptions::new("greetings"), Arc::new(())).await {
//!     Ok(report) => notes.backed_up(&report),
//!     Err(error) => notes.error(&error),
//! }
//! repository.record(&notes.finish(), None).await?;
//!
//! // Whoever judges reads the journal from its first entry, or from where they stopped.
//! let (events, next) = repository.events(0).await?;
//! let record = events.iter().find_map(|event| event.record.as_ref()).ok_or("no record")?;
//! let Fact::Run(run) = &record.fact else { return Err("not a run".into()) };
//! assert_eq!(run.outcome, RunOutcome::Ok);
//! assert_eq!(next, events.len() as u64);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! * [`Repository::record`](crate::Repository::record) and [`record_all`](crate::Repository::record_all) write records of the kinds in [`Fact`];
//!   [`record_evidence`](crate::Repository::record_evidence) and [`record_sensitive`](crate::Repository::record_sensitive) those of an application.
//! * [`Repository::history`](crate::Repository::history) and [`events`](crate::Repository::events) read.
//! * People are named by [`Repository::person`](crate::Repository::person) only: a digest that who has the keys can compute, and nobody else.
//! * [`Repository::set_policy`](crate::Repository::set_policy) says which policy is in force.
//! * [`Repository::changes`](crate::Repository::changes) counts what is another in a snapshot than in the one before it.
//! * [`Repository::canaries`](crate::Repository::canaries) looks whether files that nobody changes were changed; a [`Sniffer`] around the source of a backup
//!   counts files that are not what their names say.
//! * A deletion is recorded with [`DeleteOptions::with_record`](crate::DeleteOptions::with_record).
//!
//! Nothing here judges; and what nobody records did not happen, as far as anybody can tell later.

pub use strongroom_format::record::{
    Access, Acknowledged, ActionState, ActionStep, Alert, AlertOutcome, Attested, Capacity,
    CapacityKind, Decision, Deleted, Disposal, DisposalMethod, DisposedCopy, Drill, DrillVerdict,
    ErrorClass, ErrorCount, Fact, IncidentState, IncidentStep, Inventory, InventoryItem, Job,
    ObligationMet, Person, Record, RecordHead, RecordId, Run, RunOutcome, SignOffGiven, Suspect,
    SuspectState, Tool, Transport, ValidatorVerdict, Verified, counter,
};
pub use strongroom_format::{Body, Event, Evidence};
pub use strongroom_repo::{Canaries, Changes, PolicyInForce, RunNotes, Sniffer};
