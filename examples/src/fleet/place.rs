//! Where the repository of a fleet is, how its clients reach it, and what they ask of it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::executor::block_on;
use strongroom::store::wrap::{DeadlinePolicy, RequestKind};
use strongroom::store::{Prefix, StoreExt as _};
use strongroom::{Counter, LocationError, ProcessEnvironment, Store, Stores};

use crate::exit::Usage;

/// How the clients reach the store. All of them are told the same.
#[derive(Debug, Clone, Args)]
#[non_exhaustive]
pub struct PlaceArgs {
    /// Where the repository is.
    #[arg(long, value_name = "URL")]
    pub repo: OsString,
    /// How long one attempt at a request may take.
    #[arg(long, value_name = "SECONDS")]
    pub attempt: Option<f64>,
    /// The store may be out of reach for a while.
    #[arg(long)]
    pub unreliable: bool,
}

impl PlaceArgs {
    /// Opens the store; what is asked of it is added to the counter.
    pub(super) fn open(&self, counter: &Counter) -> anyhow::Result<Arc<dyn Store>> {
        Ok(self.stores(counter)?.open(&self.repo)?)
    }

    /// Opens the store of a new repository.
    pub(super) fn create(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(self.stores(&Counter::new())?.create(&self.repo)?)
    }

    /// Returns the options that say the same to another process.
    pub(super) fn options(&self) -> Vec<OsString> {
        let mut options = vec!["--repo".into(), self.repo.clone()];
        if let Some(seconds) = self.attempt {
            options.extend(["--attempt".into(), seconds.to_string().into()]);
        }
        if self.unreliable {
            options.push("--unreliable".into());
        }
        options
    }

    fn stores(&self, counter: &Counter) -> anyhow::Result<Stores> {
        let stores = Stores::new()
            .with_environment(ProcessEnvironment)
            .with_counter(counter);
        let Some(seconds) = self.attempt else {
            return Ok(stores);
        };
        let attempt = Duration::try_from_secs_f64(seconds)
            .map_err(|error| Usage(format!("--attempt: {error}")))?;
        Ok(stores.with_deadline(Some(DeadlinePolicy::default().with_base(attempt))))
    }
}

/// Returns the requests that were counted, by kind.
pub(super) fn requests(counter: &Counter) -> BTreeMap<&'static str, u64> {
    let counts = counter.counts();
    RequestKind::all()
        .map(|kind| (kind.name(), counts.of(kind).requests))
        .filter(|(_, requests)| *requests > 0)
        .collect()
}

/// Adds up the objects of a repository by the first part of their names.
pub(super) fn bytes_by_kind(store: &dyn Store) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut kinds = BTreeMap::new();
    for object in block_on(store.list_all(&Prefix::root()))? {
        let name = object.key.as_str();
        let first = name.split('/').next().unwrap_or(name);
        let kind = first.strip_suffix(".copy").unwrap_or(first).to_owned();
        *kinds.entry(kind).or_default() += object.len;
    }
    Ok(kinds)
}

/// Opens a folder of this machine as a store.
pub(super) fn folder(path: &OsStr) -> Result<Arc<dyn Store>, LocationError> {
    Stores::new().create(path)
}
