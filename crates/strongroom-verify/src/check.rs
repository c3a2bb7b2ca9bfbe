//! Checks of the embedder's own.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use strongroom_crypt::Id;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{PackRef, Snapshot, Time};

use crate::audited::Audited;
use crate::context::{Context, Fetched};
use crate::{Finding, Head, Level, Report, Result};

/// A check of the embedder's own, which runs after the others.
///
/// # Contract
///
/// 1. It writes nothing, to this store or another that has this repository.
/// 2. `Err` means that it could not look; what it found is in the report, with what it looked at
///    ([`Coverage::add`](crate::Coverage::add)).
/// 3. On an intact repository it finds nothing above [`Severity::Note`](crate::Severity::Note).
/// 4. It says that something is missing only after a second look.
#[async_trait]
pub trait Check: Debug + Send + Sync {
    /// Returns a name for people, short and in lower case.
    fn name(&self) -> &str;

    /// Looks, and adds what it finds to the report.
    ///
    /// # Errors
    ///
    /// Whatever kept it from looking: it ends the whole check.
    async fn run(&self, cx: &CheckContext<'_>, report: &mut Report) -> Result<()>;
}

/// What a [`Check`] may look at.
#[derive(Debug, Clone, Copy)]
pub struct CheckContext<'a> {
    context: &'a Context,
    audited: &'a Audited,
}

impl<'a> CheckContext<'a> {
    pub(crate) fn new(context: &'a Context, audited: &'a Audited) -> Self {
        Self { context, audited }
    }

    /// Returns the level that was asked for.
    #[must_use]
    pub fn level(&self) -> Level {
        self.context.options().level
    }

    /// Returns the time that the caller gave.
    #[must_use]
    pub fn now(&self) -> Time {
        self.context.options().now
    }

    /// Returns the newest entry of the journal that was followed, with the structure key.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.audited.head
    }

    /// Returns every object and its length in bytes, as it was listed.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectName, u64)> + 'a {
        self.audited.listing.iter().map(|(name, len)| (*name, *len))
    }

    /// Returns the snapshots in force; none without the structure key.
    pub fn snapshots(&self) -> impl Iterator<Item = (Id, &'a Snapshot)> {
        let state = self.audited.state.iter();
        state.flat_map(|state| {
            let of = |(id, in_force): (&Id, &'a crate::journal::SnapshotInForce)| {
                (*id, &in_force.snapshot)
            };
            state.snapshots.iter().map(of)
        })
    }

    /// Returns the packs in force; none without the structure key.
    pub fn packs(&self) -> impl Iterator<Item = PackRef> + 'a {
        let state = self.audited.state.iter();
        state.flat_map(|state| {
            state.packs.iter().map(|(name, pack)| PackRef {
                name: *name,
                len: pack.len,
                class: pack.class,
            })
        })
    }

    /// Reads an object; `None` if it is missing or cannot be read.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `PermissionDenied`.
    pub async fn get(&self, name: &ObjectName) -> Result<Option<Bytes>> {
        match self.context.get(name).await? {
            Fetched::Bytes(bytes) => Ok(Some(bytes)),
            Fetched::Absent | Fetched::Unreadable(_) => Ok(None),
        }
    }

    /// Computes on the auditor's threads.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.context.pool().run(work).await
    }

    /// Adds a finding to the report and tells the observer.
    pub fn found(&self, report: &mut Report, finding: Finding) {
        self.context.found(report, finding);
    }
}
