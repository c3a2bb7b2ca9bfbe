//! How programs go about stores in a network, and what they asked of them.

use std::ffi::OsStr;
use std::sync::{Arc, OnceLock};

use clap::Args;
use serde_json::{Map, Value, json};
use strongroom::store::wrap::{Counts, Prices, RequestKind};
use strongroom::{Counter, LocationError, ProcessEnvironment, Store, Stores};

use crate::output::Output;
use crate::size::size;

/// What is asked of stores, and how much.
#[derive(Debug, Clone, Default, Args)]
#[non_exhaustive]
pub struct NetworkArgs {
    /// At the end, say how many requests of each kind were made, the bytes, and what an object store may charge for them.
    #[arg(long)]
    pub requests: bool,
}

/// Counts for `--requests`, over all stores of the process.
static COUNTER: OnceLock<Counter> = OnceLock::new();

impl NetworkArgs {
    /// Returns what opens stores so.
    #[must_use]
    pub fn stores(&self) -> Stores {
        let stores = Stores::new().with_environment(ProcessEnvironment);
        match self.requests {
            false => stores,
            true => stores.with_counter(COUNTER.get_or_init(Counter::new)),
        }
    }
}

/// Opens a store as the process's environment says: [`strongroom::store_at`] with credentials.
///
/// # Errors
///
/// As there.
pub fn store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    NetworkArgs::default().stores().open(location)
}

/// Creates a store as the process's environment says: [`strongroom::create_store_at`] with credentials.
///
/// # Errors
///
/// As there.
pub fn create_store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    NetworkArgs::default().stores().create(location)
}

/// Says what was asked of stores, if that was wanted.
pub fn show_requests(output: &Output) {
    let Some(counter) = COUNTER.get() else {
        return;
    };
    let counts = counter.counts();
    let prices = Prices::example();
    let cost = prices.estimate(&counts);
    let by_kind: Map<String, Value> = kinds(&counts)
        .map(|(kind, requests)| (kind.name().to_owned(), requests.into()))
        .collect();
    let _ = output.json(|| {
        json!({
            "type": "requests",
            "requests": by_kind,
            "bytes_up": counts.bytes_up(),
            "bytes_down": counts.bytes_down(),
            "currency": cost.currency,
            "estimate": cost.once(),
        })
    });
    let listed: Vec<_> = kinds(&counts)
        .map(|(kind, requests)| format!("{requests} {}", kind.name()))
        .collect();
    output.complain(&format!(
        "requests: {}; {} up, {} down; about {:.4} {} at the prices of a large object store",
        listed.join(", "),
        size(counts.bytes_up()),
        size(counts.bytes_down()),
        cost.once(),
        cost.currency,
    ));
}

/// The kinds of request of which there were any.
fn kinds(counts: &Counts) -> impl Iterator<Item = (RequestKind, u64)> {
    RequestKind::all()
        .map(|kind| (kind, counts.of(kind).requests))
        .filter(|(_, requests)| *requests > 0)
}
