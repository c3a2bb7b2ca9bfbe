//! Looks for damage in a repository, independently of the engine, and says what it looked at.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! use std::sync::Arc;
//!
//! use strongroom_format::{AuditKeys, Time};
//! use strongroom_store::MemoryStore;
//! use strongroom_verify::{Auditor, CheckOptions, Level};
//!
//! # use strongroom_repo::{AuditScope, CreateOptions, Credential, Repository};
//! # let store = Arc::new(MemoryStore::new());
//! # let options = CreateOptions::default().with_suite(strongroom_crypt::Suite::None);
//! # let created = Repository::builder(store.clone()).create(options, &Credential::None).await?;
//! # let file = created.repository.audit_keys(AuditScope::Structure)?.encode([7; 16])?;
//! // Somebody who can open the repository has handed over this file. It cannot write, and this one reads no content.
//! let keys = AuditKeys::decode(&file)?;
//!
//! let auditor = Auditor::new(store).with_keys(keys);
//! let options = CheckOptions::new(Time::new(1_800_000_000, 0)).with_level(Level::Authenticated);
//! let report = auditor.check(options, Arc::new(())).await?;
//! assert!(report.is_intact());
//! // What it looked at, and what it found.
//! println!("{report}");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! It is **not** the engine's reader with another face: it shares only the format's definitions with it, folds the journal and
//! walks the trees with code of its own, and so finds what the engine would accept. It **never writes**: its store is
//! [read-only](strongroom_store::wrap::ReadOnly). It repairs nothing.
//!
//! # Concepts
//!
//! * An [`Auditor`] has a store and the keys that it was handed; none at all is enough for much.
//! * A [`Finding`] says what is wrong with a [`Subject`], how bad it is ([`Severity`]), and at which [`Level`] it was noticed. A [`Problem`] has a
//!   code that never changes.
//! * [`Coverage`] says what was looked at. Nothing is said to be verified without a level.
//! * A [`Check`] of your own runs along with the others.
//!
//! # Guarantees
//!
//! * An `Err` means that it could not look. What it saw is in the [`Report`].
//! * An intact repository gives no finding above [`Severity::Note`].
//! * What a newer version wrote is unsupported, never damaged.
//! * That something is missing is said only after a second look: whoever prunes may be at work, and no lock is held.
//! * No clock is read: [`CheckOptions`] takes the time.
//!
//! # What keys show
//!
//! | keys | reaches | sees |
//! |---|---|---|
//! | none | L1 | every object whole and in its place, the chain of the journal, its copies, slots of the newest keyring |
//! | structure | L2 | signatures and roles, the state that the journal leaves, index, page ids down from the signed snapshots |
//! | content | L4 | every blob, every file; names in findings |
//!
//! # What it cannot see
//!
//! * That the newest entries of the journal are gone with everything they announced: for that, remember a [`Head`]
//!   ([`CheckOptions::with_known_head`]).
//! * That the whole repository was replaced by another of somebody who has the keys: for that, note the pin of Genesis ([`Auditor::with_pin`]).
//! * Damage between its reading and yours. Every statement is of a time.
//!
//! # Why not the engine's own reader
//!
//! A reader that shares a mistake with the writer accepts what the writer did. The price is that what the format says is written twice.

mod audited;
mod auditor;
mod blast;
mod check;
mod content;
mod context;
mod coverage;
mod edge;
mod epochs;
mod error;
mod evidence;
mod finding;
mod index;
mod journal;
mod keyrings;
mod keys;
mod level;
mod listing;
mod objects;
mod observer;
mod options;
mod pack;
mod parity;
mod place;
mod pool;
mod problem;
mod rebuild;
mod report;
mod run;
pub mod sample;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tree;
mod wholeness;

pub use auditor::Auditor;
pub use blast::{BlastRadius, SnapshotLoss};
pub use check::{Check, CheckContext};
pub use coverage::{Area, Coverage, Tally};
pub use error::{Error, ErrorKind, Result};
pub use finding::{Finding, Severity, Subject};
pub use journal::Head;
pub use level::{Level, ParseLevelError};
pub use observer::{Event, Observer, Stage};
pub use options::{CheckOptions, SnapshotSelection};
pub use parity::ParityCheck;
pub use problem::Problem;
pub use report::Report;
pub use sample::{PackSelection, Statement};
