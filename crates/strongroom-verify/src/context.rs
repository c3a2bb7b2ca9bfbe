//! The edge to the store, and what every part of a check shares.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::object_name::ObjectName;
use strongroom_store::manners::Manners;
use strongroom_store::wrap::{Polite, ReadOnly};
use strongroom_store::{
    Error as StoreError, ErrorKind as StoreErrorKind, Key, Store, StoreExt as _,
};

use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Stage};
use crate::pool::Pool;
use crate::{Auditor, CheckOptions, Finding, Report};

/// The store: it refuses to write, and asks before each call.
pub(crate) type Seen = ReadOnly<Polite<Arc<dyn Store>>>;

/// What every part of a check shares.
pub(crate) struct Context {
    store: Arc<Seen>,
    manners: Manners,
    pool: Pool,
    options: CheckOptions,
    observer: Arc<dyn Observer>,
}

/// What came of reading an object.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Its bytes.
    Bytes(Bytes),
    /// The store is sure that there is none.
    Absent,
    /// The store has it and cannot deliver it.
    Unreadable(StoreError),
}

impl Context {
    pub(crate) fn new(
        auditor: &Auditor,
        pool: Pool,
        options: CheckOptions,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let manners = auditor.manners().clone();
        let polite = Polite::new(auditor.store(), manners.clone());
        Self {
            store: Arc::new(ReadOnly::new(polite)),
            manners,
            pool,
            options,
            observer,
        }
    }

    /// Who is asked before work goes on.
    pub(crate) fn manners(&self) -> &Manners {
        &self.manners
    }

    /// The store, which refuses to write.
    pub(crate) fn store(&self) -> &Arc<Seen> {
        &self.store
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn options(&self) -> &CheckOptions {
        &self.options
    }

    /// How many requests for objects of up to `bytes` to have in flight: what serves the store best, within the memory that was granted.
    pub(crate) fn concurrency(&self, bytes: u64) -> usize {
        let memory = self.options.memory_bytes / 2 / bytes.max(1);
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        self.store.capabilities().concurrency.min(memory).max(1)
    }

    /// Reads an object whole.
    ///
    /// # Errors
    ///
    /// `Unavailable` and `PermissionDenied`: then the check could not look.
    pub(crate) async fn get(&self, name: &ObjectName) -> Result<Fetched> {
        let key = key_of(name)?;
        fetched(name, self.store.get_fresh(&key).await)
    }

    /// Returns the length of an object, `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and whatever else the store says.
    pub(crate) async fn size(&self, name: &ObjectName) -> Result<Option<u64>> {
        match self.store.head(&key_of(name)?).await {
            Ok(meta) => Ok(Some(meta.len)),
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::from(error).with_object(*name)),
        }
    }

    /// Who is told.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.observer)
    }

    /// Takes a finding and tells of it.
    pub(crate) fn found(&self, report: &mut Report, finding: Finding) {
        if report.is_known(&finding) {
            return;
        }
        self.observer.on_event(&Event::Found(&finding));
        report.add(finding);
    }

    pub(crate) fn started(&self, stage: Stage<'_>) {
        self.observer.on_event(&Event::Started(stage));
    }

    pub(crate) fn advanced(&self, stage: Stage<'_>, done: u64, of: u64, bytes: u64) {
        self.observer.on_event(&Event::Advanced {
            stage,
            done,
            of,
            bytes,
        });
    }

    pub(crate) fn finished(&self, report: &Report) {
        self.observer.on_event(&Event::Finished(report));
    }
}

fn key_of(name: &ObjectName) -> Result<Key> {
    Key::parse(&name.to_string()).map_err(|error| {
        Error::new(ErrorKind::Internal, "a name that no store takes")
            .with_object(*name)
            .with_source(error)
    })
}

/// Whether a check can go on when an object is in cold storage.
const fn may_be_cold(name: &ObjectName) -> bool {
    matches!(
        name,
        ObjectName::Pack(_)
            | ObjectName::Parity(_)
            | ObjectName::Index(_)
            | ObjectName::Bundle(_)
            | ObjectName::JournalCopy(_)
            | ObjectName::Session(_)
    )
}

/// Tells what is a fault of one object from what keeps the check from looking at all.
fn fetched(name: &ObjectName, result: Result<Bytes, StoreError>) -> Result<Fetched> {
    match result {
        Ok(bytes) => Ok(Fetched::Bytes(bytes)),
        Err(error) => match error.kind() {
            StoreErrorKind::NotFound => Ok(Fetched::Absent),
            StoreErrorKind::Unavailable | StoreErrorKind::PermissionDenied => {
                Err(Error::from(error).with_object(*name))
            }
            // Without these there is nothing to look at.
            StoreErrorKind::Archived if !may_be_cold(name) => {
                Err(Error::from(error).with_object(*name))
            }
            _ => Ok(Fetched::Unreadable(error)),
        },
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("store", &self.store)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
