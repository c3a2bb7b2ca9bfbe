//! The proof at the end: every snapshot that nobody gave up is there, each restores to what it was made from, and nothing else
//! is left.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use strongroom::blocking::Repository;
use strongroom::{Argon2Params, CopyOptions, Counter, CreateOptions, Credential, SnapshotInfo};

use super::cleanup::Cleanup;
use super::place::{PlaceArgs, bytes_by_kind, folder, requests};
use super::tally::{Fate, Tally};
use super::worker::{LABEL, described, proves, settings};
use crate::output::Output;
use crate::size::size;

/// A repository may be so much larger than a fresh copy of what is live in it.
const LARGEST_RATIO: f64 = 1.05;

/// What was proven, and what did not hold.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Snapshots that were restored and had their fingerprint.
    snapshots: u64,
    /// Those of them that were committed by somebody who was killed before it could say so.
    unacknowledged: u64,
    restored_bytes: u64,
    /// What freeing the garbage freed.
    cleanup: Cleanup,
    /// Bytes of the repository, by kind of object.
    bytes: BTreeMap<String, u64>,
    /// Bytes of a fresh copy of its snapshots.
    fresh_bytes: BTreeMap<String, u64>,
    /// What the proof asked of the store, by kind.
    requests: BTreeMap<&'static str, u64>,
    /// What did not hold.
    pub(super) failures: Vec<String>,
}

impl Proof {
    /// Frees what is garbage, then restores everything.
    pub(super) fn of(
        place: &PlaceArgs,
        password: &str,
        work: &Path,
        tally: &Tally,
    ) -> anyhow::Result<Self> {
        let credential = Credential::passphrase(password);
        let counter = Counter::new();
        let store = place.open(&counter)?;
        let builder = Repository::builder(store.clone()).settings(settings());
        let repository = builder.open(&credential)?;
        let mut proof = Self::default();
        proof.clean_up(&repository);
        let snapshots = repository.snapshots()?;
        proof.check_all_are_there(&snapshots, tally);
        proof.restore_all(&repository, &snapshots, tally, work);
        proof.bytes = bytes_by_kind(&*store)?;
        proof.fresh_bytes = proof.copy(&repository, snapshots.len(), &work.join("fresh"))?;
        proof.check_sizes();
        proof.requests = requests(&counter);
        Ok(proof)
    }

    fn clean_up(&mut self, repository: &Repository) {
        match Cleanup::of(repository) {
            Ok((cleanup, failures)) => {
                self.cleanup = cleanup;
                self.failures.extend(failures);
            }
            Err(error) => self
                .failures
                .push(format!("cleaning up: {}", described(&error))),
        }
    }

    fn check_all_are_there(&mut self, snapshots: &[SnapshotInfo], tally: &Tally) {
        let there: BTreeMap<String, Option<&str>> = snapshots
            .iter()
            .map(|info| (info.id.to_string(), info.snapshot.labels.get(LABEL)))
            .collect();
        let acknowledged = tally
            .fates
            .iter()
            .filter(|(_, fate)| fate.is_acknowledged());
        for (id, fate) in acknowledged {
            match there.get(id) {
                None if !fate.must_be_there() => {}
                None => self
                    .failures
                    .push(format!("snapshot {id} was acknowledged and is lost")),
                Some(found) if *found != Some(&*fate.fingerprint) => {
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
                Err(unproven) => self.failures.push(unproven.what),
            }
        }
    }

    /// Copies everything into a new repository and returns its sizes.
    fn copy(
        &mut self,
        repository: &Repository,
        snapshots: usize,
        to: &Path,
    ) -> anyhow::Result<BTreeMap<String, u64>> {
        let options = CreateOptions::default()
            .with_argon2(Argon2Params::FASTEST)
            .with_recovery_code(false);
        let store = folder(to.as_os_str())?;
        let fresh = Repository::builder(store.clone())
            .settings(settings())
            .create(options, &Credential::passphrase("fresh"))?
            .repository;
        let report = repository.copy_to(&fresh, CopyOptions::default(), Arc::new(()))?;
        if !report.is_complete() || report.copied.len() != snapshots {
            self.failures
                .push(format!("the fresh copy is not complete: {report}"));
        }
        bytes_by_kind(&*store)
    }

    fn check_sizes(&mut self) {
        let ratio = self.ratio();
        if ratio > LARGEST_RATIO {
            self.failures
                .push(format!("the repository is {ratio:.3} times its fresh copy"));
        }
        if let Some(kind) = self.bytes.keys().find(|kind| kind.contains("lock")) {
            self.failures
                .push(format!("there is an object called {kind}"));
        }
    }

    /// How many times the fresh copy the repository is, in packs and index. The journal is history, and stays.
    fn ratio(&self) -> f64 {
        let content = |bytes: &BTreeMap<String, u64>| -> u64 {
            let of = |kind: &&str| bytes.get(*kind).copied().unwrap_or_default();
            ["pack", "index", "parity"].iter().map(of).sum()
        };
        content(&self.bytes) as f64 / content(&self.fresh_bytes).max(1) as f64
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "snapshots": self.snapshots,
            "unacknowledged": self.unacknowledged,
            "restored_bytes": self.restored_bytes,
            "cleanup": self.cleanup.object(),
            "repository_bytes": self.bytes,
            "fresh_copy_bytes": self.fresh_bytes,
            "ratio": self.ratio(),
            "requests": self.requests,
        })
    }

    pub(super) fn print(&self, output: &Output) {
        let _ = output.line(&format!(
            "{:>8} snapshots proven, {} of them of somebody who was killed before it could say so; {} restored",
            self.snapshots,
            self.unacknowledged,
            size(self.restored_bytes)
        ));
        self.cleanup.print(output);
        let _ = output.line(&format!("{:>12} {:>12}", "repository", "fresh copy"));
        for (kind, bytes) in &self.bytes {
            let fresh = self.fresh_bytes.get(kind).copied().unwrap_or_default();
            let _ = output.line(&format!("{:>12} {:>12} {kind}", size(*bytes), size(fresh)));
        }
        let _ = output.line(&format!(
            "packs and index are {:.3} times the fresh copy",
            self.ratio()
        ));
    }
}
