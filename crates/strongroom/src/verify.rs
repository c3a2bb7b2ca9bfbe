//! Looking for damage, independently of the engine: an [`Auditor`], the keys it is handed, what it finds and what it looked at.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! use std::sync::Arc;
//!
//! use strongroom::verify::{AuditScope, Auditor, CheckOptions};
//! use strongroom::{CreateOptions, Credential, MemoryStore, Repository, Time};
//!
//! let store = Arc::new(MemoryStore::new());
//! let passphrase = Credential::passphrase("correct horse battery staple");
//! let options = CreateOptions::default();
//! # let options = options.with_argon2(strongroom::Argon2Params::FASTEST);
//! let repository = Repository::builder(store.clone()).create(options, &passphrase).await?.repository;
//!
//! // None of these keys can write; with the scope `Structure` they open no content either.
//! let keys = repository.audit_keys(AuditScope::Content)?;
//! let auditor = Auditor::new(store).with_keys(keys);
//! let now = Time::new(1_800_000_000, 0);
//! let report = auditor.check(CheckOptions::new(now), Arc::new(())).await?;
//! assert!(report.is_intact(), "{report}");
//! # Ok(())
//! # })
//! # }
//! ```

pub use strongroom_format::{AuditKeys, ContentKeys, DamagedObject};
pub use strongroom_repo::AuditScope;
pub use strongroom_verify::{
    Area, Auditor, BlastRadius, Check, CheckContext, CheckOptions, Coverage, Error, ErrorKind,
    Event, Finding, Head, Level, Observer, PackSelection, ParseLevelError, Problem, Report, Result,
    Severity, SnapshotLoss, SnapshotSelection, Stage, Statement, Subject, Tally,
};
