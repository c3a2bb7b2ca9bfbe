//! Which snapshots are meant, as options of a command line.

use clap::Args;
use strongroom::blocking::Repository;
use strongroom::{Forgotten, Id, Snapshot, SnapshotFilter, SnapshotInfo};

use crate::exit::Usage;

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
        self.takes(&info.snapshot)
    }

    /// Says whether a snapshot, in force or not, is one of them.
    #[must_use]
    pub fn takes(&self, snapshot: &Snapshot) -> bool {
        let host = self.host.as_deref();
        host.is_none_or(|host| snapshot.labels.get("host") == Some(host))
            && self
                .series
                .as_ref()
                .is_none_or(|series| snapshot.series == *series)
            && self
                .tag
                .as_ref()
                .is_none_or(|tag| snapshot.tags.contains(tag))
    }

    /// Returns the same for the library.
    #[must_use]
    pub fn filter(&self) -> SnapshotFilter {
        let mut filter = SnapshotFilter::default();
        filter.host.clone_from(&self.host);
        filter.series.clone_from(&self.series);
        filter.tag.clone_from(&self.tag);
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

/// Finds forgotten snapshots by the beginnings of their ids.
///
/// # Errors
///
/// An error that names what no forgotten snapshot, or more than one, begins with.
pub fn found_forgotten(forgotten: &[Forgotten], wanted: &[String]) -> anyhow::Result<Vec<Id>> {
    let find = |wanted: &String| {
        if wanted.is_empty() {
            return Err(Usage("the beginning of an id is empty".to_owned()).into());
        }
        let begins = |one: &&Forgotten| one.id.to_string().starts_with(wanted);
        let mut ids = forgotten.iter().filter(begins).map(|one| one.id);
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => anyhow::bail!("no forgotten snapshot begins with {wanted}"),
            (Some(_), Some(_)) => {
                anyhow::bail!("more than one forgotten snapshot begins with {wanted}")
            }
        }
    };
    wanted.iter().map(find).collect()
}
