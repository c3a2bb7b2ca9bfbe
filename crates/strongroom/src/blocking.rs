//! The same operations for programs that are not async.
//!
//! A [`Repository`] here owns one thread, on which the async code runs; calls are messages to it and wait for the answer. So
//! it works from anywhere: a plain thread, or, for short calls, inside somebody's runtime. Several threads may call at once, and do not wait for
//! one another. The store's futures run on that thread: a call from inside of one would wait for itself.
//!
//! ```
//! use std::sync::Arc;
//!
//! use strongroom::blocking::Repository;
//! use strongroom::{BackupOptions, CreateOptions, Credential, MemoryStore, StreamSource};
//! # use strongroom::Argon2Params;
//!
//! let passphrase = Credential::passphrase("correct horse battery staple");
//! let options = CreateOptions::default();
//! # let options = options.with_argon2(Argon2Params::FASTEST);
//! let repository = Repository::builder(Arc::new(MemoryStore::new())).create(options, &passphrase)?.repository;
//!
//! let source = StreamSource::new("greeting", "hello".as_bytes())?;
//! let report = repository.backup(Arc::new(source), BackupOptions::new("greetings"), Arc::new(()))?;
//! assert!(report.is_complete());
//! assert_eq!(repository.snapshots()?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cancellation
//!
//! A call cannot be cancelled from here; the async operations are cancelled by dropping their futures
//! ([`Repository::inner`] has them). Ending the program leaves the repository as valid as dropping a future does.

mod builder;
mod check;
mod evidence;
mod locks;
mod maintain;
mod repair;
mod repository;
mod thread;

pub use self::builder::{Created, RepositoryBuilder};
pub use self::check::check;
pub use self::repository::Repository;
