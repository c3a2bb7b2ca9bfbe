//! Looks for damage in a repository, independently of the engine, and says what it looked at.
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

mod audited;
mod auditor;
mod blast;
mod check;
mod content;
mod context;
mod coverage;
mod edge;
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
pub use problem::Problem;
pub use report::Report;
pub use sample::{PackSelection, Statement};
