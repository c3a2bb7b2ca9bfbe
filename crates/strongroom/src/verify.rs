//! Looking for damage, with code that shares only the format with the engine: an [`Auditor`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! use std::sync::Arc;
//!
//! use strongroom::verify::{AuditScope, Auditor, CheckOptions, Level};
//! use strongroom::{Clock as _, CreateOptions, Credential, MemoryStore, Repository, SystemClock};
//!
//! let store = Arc::new(MemoryStore::new());
//! # let options = CreateOptions::default().with_suite(strongroom::Suite::None);
//! # let repository = Repository::builder(store.clone()).create(options, &Credential::None).await?.repository;
//! let keys = repository.audit_keys(AuditScope::Content)?;
//! let options = CheckOptions::new(SystemClock::default().now()).with_level(Level::Rebuilt);
//! let report = Auditor::new(store).with_keys(keys).check(options, Arc::new(())).await?;
//! assert!(report.is_intact(), "{report}");
//!
//! // What was read, how deep and when is remembered where nobody can change it.
//! repository.record_evidence(report.evidence("example 1.0", 0)?).await?;
//! # Ok(())
//! # })
//! # }
//! ```

pub use strongroom_format::{AuditKeys, CheckRecord, ContentKeys, DamagedObject, Evidence};
pub use strongroom_repo::AuditScope;
pub use strongroom_verify::{
    Area, Auditor, BlastRadius, Check, CheckContext, CheckOptions, Coverage, Error, ErrorKind,
    Event, Finding, Head, Level, Observer, PackSelection, ParityCheck, ParseLevelError, Problem,
    Report, Result, Severity, SnapshotLoss, SnapshotSelection, Stage, Statement, Subject, Tally,
    sample,
};
