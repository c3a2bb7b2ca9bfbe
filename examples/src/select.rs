//! Which snapshots are meant, as options of a command line.

use clap::Args;
use strongroom::blocking::Repository;
use strongroom::{Id, SnapshotFilter, SnapshotInfo};

/// Only some snapshots.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct SelectArgs {
    /// Only of this machine.
    #[arg(long)]
    pub host: Option<String>,
    /// Only of this series.
    #[arg(long)]
    pub series: Option<String>,
    /// Only with this tag.
    #[arg(long)]
    pub tag: Option<String>,
}

impl SelectArgs {
    /// Says whether a snapshot is one of them.
    #[must_use]
    pub fn wants(&self, info: &SnapshotInfo) -> bool {
        let snapshot = &info.snapshot;
        let host = self
            .host
            .as_ref()
            .is_none_or(|host| snapshot.labels.get("host") == Some(host));
        let series = self
            .series
            .as_ref()
            .is_none_or(|series| snapshot.series == *series);
        let tag = self
            .tag
            .as_ref()
            .is_none_or(|tag| snapshot.tags.contains(tag));
        host && series && tag
    }

    /// Returns the same for the library.
    #[must_use]
    pub fn filter(&self) -> SnapshotFilter {
        let mut filter = SnapshotFilter::default();
        filter.host.clone_from(&self.host);
        filter.series.clone_from(&self.series);
        filter
    }
}

/// Finds snapshots by the beginnings of their ids.
///
/// # Errors
///
/// What the repository said; one that is not found is named.
pub fn found(repository: &Repository, wanted: &[String]) -> anyhow::Result<Vec<Id>> {
    let find = |wanted: &String| Ok(repository.find_snapshot(wanted, Default::default())?);
    wanted.iter().map(find).collect()
}
