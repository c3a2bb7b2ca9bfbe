//! An application that backs up its own state, with no file system at all: a memory store, a source and a target of its own.

mod source;
mod target;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom::blocking::Repository;
use strongroom::{BackupOptions, CreateOptions, Credential, MemoryStore, RestoreOptions};

/// The application's state: named values, here of less than a megabyte each.
#[derive(Debug, Default)]
struct State(Mutex<BTreeMap<String, Vec<u8>>>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let state = Arc::new(State::default());
    state.set("ann", "ann@example.org");
    state.set("bob", "bob@example.org");

    let passphrase = Credential::passphrase("a secret of the application");
    let builder = Repository::builder(Arc::new(MemoryStore::new()));
    let repository = builder
        .create(CreateOptions::default(), &passphrase)?
        .repository;
    let before = repository.backup(state.clone(), BackupOptions::new("state"), Arc::new(()))?;
    state.set("bob", "overwritten by mistake");
    repository.backup(state.clone(), BackupOptions::new("state"), Arc::new(()))?;

    let report = repository.restore(
        &before.snapshot,
        state.clone(),
        RestoreOptions::default(),
        Arc::new(()),
    )?;
    assert!(report.is_complete());
    assert_eq!(state.get("bob").as_deref(), Some(&b"bob@example.org"[..]));
    writeln!(
        std::io::stdout(),
        "restored {} values of {} snapshots",
        report.files,
        repository.snapshots()?.len()
    )?;
    Ok(())
}

impl State {
    fn values(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, name: &str, value: &str) {
        self.values()
            .insert(name.to_owned(), value.as_bytes().to_vec());
    }

    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.values().get(name).cloned()
    }
}
