//! How programs go about stores in a network, and what they asked of them.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use clap::Args;
use serde_json::{Map, Value, json};
use strongroom::store::wrap::{AdaptivePolicy, BandwidthLimits, Counts, Prices, Rate, RequestKind};
use strongroom::{Concurrency, Counter, LocationError, ProcessEnvironment, Store, Stores};

use crate::output::Output;
use crate::size::{parse_size, size};

/// What is asked of stores, and how much.
#[derive(Debug, Clone, Default, Args)]
#[non_exhaustive]
pub struct NetworkArgs {
    /// At the end, say how many requests of each kind were made, the bytes, and what an object store may charge for them.
    #[arg(long)]
    pub requests: bool,
    /// Send at most so many bytes a second, such as 10M.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub limit_upload: Option<u64>,
    /// Receive at most so many bytes a second, such as 10M.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub limit_download: Option<u64>,
    /// Calls that a remote store is asked at once; 0 finds out how many do not slow each other down [default: what suits the store].
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
    /// Keep index segments and packs of trees of remote stores on this machine, at most so many bytes, in the folder for local caches.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub metadata_cache_size: Option<u64>,
}

/// Counts over all stores of the process, of a program that wants them.
static COUNTER: OnceLock<Counter> = OnceLock::new();

/// Whether they are shown in the end.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Returns the counts of the stores that are opened from now on.
pub(crate) fn counting() -> &'static Counter {
    COUNTER.get_or_init(Counter::new)
}

impl NetworkArgs {
    /// Returns what opens stores so; `cache` is the folder for local caches.
    pub fn stores(&self, cache: Option<&Path>) -> Stores {
        let concurrency = self.concurrency.map(|count| match count {
            0 => Concurrency::Adaptive(AdaptivePolicy::default()),
            count => Concurrency::Fixed(count),
        });
        let mut stores = Stores::new()
            .with_environment(ProcessEnvironment)
            .with_concurrency(concurrency);
        if self.limit_upload.is_some() || self.limit_download.is_some() {
            let limits = BandwidthLimits::new(
                self.limit_upload.map(Rate::new),
                self.limit_download.map(Rate::new),
            );
            stores = stores.with_bandwidth(&limits);
        }
        if let (Some(folder), Some(bytes)) = (cache, self.metadata_cache_size) {
            stores = stores.with_cache(folder.join("objects"), bytes);
        }
        if self.requests {
            SHOWN.store(true, Ordering::Relaxed);
            return stores.with_counter(counting());
        }
        match COUNTER.get() {
            Some(counter) => stores.with_counter(counter),
            None => stores,
        }
    }
}

/// Opens a store as the process's environment says: [`strongroom::store_at`] with credentials.
///
/// # Errors
///
/// As there.
pub fn store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    NetworkArgs::default().stores(None).open(location)
}

/// Creates a store as the process's environment says: [`strongroom::create_store_at`] with credentials.
///
/// # Errors
///
/// As there.
pub fn create_store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    NetworkArgs::default().stores(None).create(location)
}

/// Says what was asked of stores, if that was wanted.
pub fn show_requests(output: &Output) {
    let Some(counter) = COUNTER.get().filter(|_| SHOWN.load(Ordering::Relaxed)) else {
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

/// Returns how many requests of all kinds there were.
pub(crate) fn requests(counts: &Counts) -> u64 {
    kinds(counts).map(|(_, requests)| requests).sum()
}

/// The kinds of request of which there were any.
fn kinds(counts: &Counts) -> impl Iterator<Item = (RequestKind, u64)> {
    RequestKind::all()
        .map(|kind| (kind, counts.of(kind).requests))
        .filter(|(_, requests)| *requests > 0)
}
