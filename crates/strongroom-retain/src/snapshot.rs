//! What a policy may know of a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::moment::Moment;

/// What a policy may know of a snapshot.
///
/// `Id` is whatever names it; ids of the snapshots of one history differ, and of two with the same
/// time the greater id counts as the newer.
///
/// ```
/// use strongroom_retain::{Moment, SnapshotInfo};
///
/// let snapshot = SnapshotInfo::new(7, Moment::utc(1_795_300_200))
///     .with_series("home")
///     .with_label("host", "web1")
///     .with_tag("prod");
/// assert!(snapshot.complete && !snapshot.pinned);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo<Id> {
    /// What names it.
    pub id: Id,
    /// When its capture began, on the clock where it was made.
    pub moment: Moment,
    /// Of those that began in the same second the one with the greater number is the newer; where it is equal too, the one
    /// with the greater id.
    pub sequence: u64,
    /// What successive backups of the same thing share. Like labels and tags it may be shared by
    /// many: a repository has a hundred thousand snapshots of a few series.
    pub series: Arc<str>,
    /// Labels; `host` is the machine's name.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Tags.
    pub tags: Arc<BTreeSet<String>>,
    /// Whether everything that was asked for is in it.
    pub complete: bool,
    /// Whether its owner wants it kept for good.
    pub pinned: bool,
    /// Whether a hold forbids that it be forgotten.
    pub held: bool,
}

impl<Id> SnapshotInfo<Id> {
    /// Makes one that is complete, neither pinned nor held, and has no names.
    #[must_use]
    pub fn new(id: Id, moment: Moment) -> Self {
        Self {
            id,
            moment,
            sequence: 0,
            series: Arc::default(),
            labels: Arc::default(),
            tags: Arc::default(),
            complete: true,
            pinned: false,
            held: false,
        }
    }

    /// Says which of those that began in the same second is the newer.
    #[must_use]
    pub fn with_sequence(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Returns its place among the others: the greater is the newer.
    pub(crate) fn place(&self) -> (i64, u64, &Id) {
        (self.moment.unix_seconds, self.sequence, &self.id)
    }

    /// Sets the series.
    #[must_use]
    pub fn with_series(mut self, series: impl Into<Arc<str>>) -> Self {
        self.series = series.into();
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.labels).insert(name.into(), value.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.tags).insert(tag.into());
        self
    }

    /// Says that something that was asked for is not in it.
    #[must_use]
    pub fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }

    /// Pins it.
    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    /// Places it under a hold.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}
