//! Repositories of these measurements.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use futures::executor::block_on;
use serde_json::{Value, json};
use strongroom_crypt::Argon2Params;
use strongroom_format::Time;
use strongroom_repo::{
    Clock, Components, CreateOptions, Credential, Execution, Repository, Settings,
};
use strongroom_store::wrap::{Counted, Counts};
use strongroom_store::{DirStore, Store};

/// A store in a folder, and what has been asked of it.
pub(crate) type Remote = Counted<DirStore>;

/// Opens the store in `folder/repo`, making it where it is missing.
pub(crate) fn store(folder: &Path) -> Result<Arc<Remote>> {
    let path = folder.join("repo");
    std::fs::create_dir_all(&path)?;
    Ok(Arc::new(Counted::new(DirStore::open(&path)?)))
}

/// Where a step keeps what it knows of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local {
    /// Nowhere.
    Nothing,
    /// In `folder/cache`.
    Cache,
}

/// Opens the repository, or creates it.
pub(crate) fn repository(
    store: Arc<dyn Store>,
    folder: &Path,
    local: Local,
    components: Components,
) -> Result<Repository> {
    let mut settings = Settings::default();
    settings.cache = (local == Local::Cache).then(|| folder.join("cache"));
    let builder = || {
        Repository::builder(Arc::clone(&store))
            .settings(settings.clone())
            .components(components.clone())
    };
    if folder.join("repo/config").exists() {
        return Ok(block_on(builder().open(&credential()))?);
    }
    // Deriving keys from a passphrase has a cost by design that has nothing to do with sizes.
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    Ok(block_on(builder().create(options, &credential()))?.repository)
}

pub(crate) fn credential() -> Credential {
    Credential::passphrase("scale")
}

/// Components that compute where they are asked, so that no time goes into threads.
pub(crate) fn inline(clock: Arc<dyn Clock>) -> Components {
    let mut components = Components::default();
    components.execution = Execution::Inline;
    components.clock = clock;
    components
}

/// A clock that goes on by an hour whenever it is set to.
#[derive(Debug, Default)]
pub(crate) struct Hours(AtomicI64);

impl Hours {
    pub(crate) fn set(&self, hour: u64) {
        let hour = i64::try_from(hour).unwrap_or(i64::MAX / 3_600);
        self.0.store(hour * 3_600, Ordering::Relaxed);
    }
}

impl Clock for Hours {
    fn now(&self) -> Time {
        Time::new(1_700_000_000 + self.0.load(Ordering::Relaxed), 0)
    }
}

/// Requests and bytes, as a step prints them.
pub(crate) fn spent(counts: &Counts) -> Value {
    let total = counts.total();
    json!({
        "requests": total.requests,
        "up_bytes": counts.bytes_up(),
        "down_bytes": counts.bytes_down(),
    })
}

/// Bytes of the files below a folder.
pub(crate) fn disk_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let len = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(len).sum()
}

/// Joins what several have to say.
pub(crate) fn joined(parts: impl IntoIterator<Item = Value>) -> Value {
    let mut all = serde_json::Map::new();
    for part in parts {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Value::Object(all)
}
