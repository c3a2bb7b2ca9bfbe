//! The proof at the end: every snapshot that nobody gave up is there, and each restores to what it was made from.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use strongroom::blocking::Repository;
use strongroom::{Credential, SnapshotInfo, store_at};

use super::tally::{Fate, Tally};
use super::worker::{LABEL, proves};
use crate::compare::stored_bytes;
use crate::output::Output;
use crate::size::size;

/// What was proven, and what did not hold.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Snapshots that were restored and had their fingerprint.
    snapshots: u64,
    /// Those of them that were committed by somebody who was killed before it could say so.
    unacknowledged: u64,
    restored_bytes: u64,
    /// Bytes of the repository, by kind of object.
    bytes: BTreeMap<String, u64>,
    /// What did not hold.
    pub(super) failures: Vec<String>,
}

impl Proof {
    /// Frees what is garbage, then restores everything.
    pub(super) fn of(
        repo: &Path,
        password: &str,
        work: &Path,
        tally: &Tally,
    ) -> anyhow::Result<Self> {
        let credential = Credential::passphrase(password);
        let repository = Repository::builder(store_at(repo)?).open(&credential)?;
        let mut proof = Self::default();
        let snapshots = repository.snapshots()?;
        proof.check_all_are_there(&snapshots, tally);
        proof.restore_all(&repository, &snapshots, tally, work);
        proof.bytes = bytes_by_kind(repo)?;
        Ok(proof)
    }

    fn check_all_are_there(&mut self, snapshots: &[SnapshotInfo], tally: &Tally) {
        let there: BTreeMap<String, Option<&String>> = snapshots
            .iter()
            .map(|info| (info.id.to_string(), info.snapshot.labels.get(LABEL)))
            .collect();
        for (id, fate) in tally
            .fates
            .iter()
            .filter(|(_, fate)| fate.is_acknowledged())
        {
            match there.get(id) {
                None if !fate.must_be_there() => {}
                None => self
                    .failures
                    .push(format!("snapshot {id} was acknowledged and is lost")),
                Some(found) if *found != Some(&fate.fingerprint) => {
                    self.failures
                        .push(format!("snapshot {id} is another than was acknowledged"));
                }
                Some(_) => {}
            }
        }
    }

    fn restore_all(
        &mut self,
        repository: &Repository,
        snapshots: &[SnapshotInfo],
        tally: &Tally,
        work: &Path,
    ) {
        let target = work.join("proven");
        for info in snapshots {
            match proves(repository, info, &target) {
                Ok(bytes) => {
                    self.snapshots += 1;
                    self.restored_bytes += bytes;
                    let fate = tally.fates.get(&info.id.to_string());
                    self.unacknowledged += u64::from(!fate.is_some_and(Fate::is_acknowledged));
                }
                Err(what) => self.failures.push(what),
            }
        }
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "snapshots": self.snapshots,
            "unacknowledged": self.unacknowledged,
            "restored_bytes": self.restored_bytes,
            "repository_bytes": self.bytes,
        })
    }

    pub(super) fn print(&self, output: &Output) {
        let _ = output.line(&format!(
            "{:>8} snapshots proven, {} of them of somebody who was killed before it could say so; {} restored",
            self.snapshots,
            self.unacknowledged,
            size(self.restored_bytes)
        ));
        for (kind, bytes) in &self.bytes {
            let _ = output.line(&format!("{:>12} {kind}", size(*bytes)));
        }
    }
}

/// Adds up the objects of a repository in a folder by the first part of their names.
fn bytes_by_kind(repo: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut kinds = BTreeMap::new();
    for entry in std::fs::read_dir(repo)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = name.split('.').next().unwrap_or(&name).to_owned();
        let bytes = match entry.metadata()? {
            metadata if metadata.is_dir() => stored_bytes(&entry.path()),
            metadata => metadata.len(),
        };
        *kinds.entry(kind).or_default() += bytes;
    }
    Ok(kinds)
}
