//! Every damage is mended: from a mirror byte for byte; without one by the next backup, as far as the source still has what was lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_format::object_name::ObjectName;
use strongroom_repo::testing::{MemoryTarget, TreeSource};
use strongroom_repo::{
    BackupOptions, LostEntries, ParityOptions, RepairOptions, Repository, RestoreOptions,
};
use strongroom_store::{MemoryStore, Store};
use strongroom_verify::testing::{Damage, Harm};
use strongroom_verify::{Finding, Level, Severity, Subject};

use crate::found::Bench;
use crate::insider::wait;
use crate::lab::{Lab, differing, folder};
use crate::matrix::chosen;
use crate::museum::{builder, credential};

/// What is mended, and how.
impl Bench {
    /// Repairs the journal if need be, and then what a check has found, from a mirror if there is one. Returns the repository as it is then.
    fn repair(
        &self,
        store: &Arc<MemoryStore>,
        mirror: Option<&Arc<MemoryStore>>,
    ) -> Result<Repository, String> {
        let mirror = mirror.map(|mirror| mirror.clone() as Arc<dyn Store>);
        self.repair_journal(store, mirror.clone())?;
        let found = self.check(store, true, Level::Rebuilt);
        let repository = self
            .lab
            .open(store)
            .map_err(|error| format!("does not open: {error}"))?;
        let mut options = RepairOptions::default().with_suspects(found.damaged_objects());
        if let Some(mirror) = mirror {
            options = options.with_source(mirror);
        }
        let plan = wait(repository.plan_repair(options, Arc::new(())));
        let plan = plan.map_err(|error| format!("no plan: {error}"))?;
        let report = wait(repository.repair(plan, Arc::new(())));
        let report = report.map_err(|error| format!("no repair: {error}"))?;
        if !report.is_complete() {
            return Err(format!("repaired in part: {report}"));
        }
        let of_parity = |one: &Finding| match one.subject {
            Subject::Object(ObjectName::Parity(pack)) => Some(pack),
            _ => None,
        };
        let renew: Vec<_> = found.findings().iter().filter_map(of_parity).collect();
        if !renew.is_empty() {
            let options = ParityOptions::default().with_renew(renew);
            let plan = wait(repository.plan_parity(options));
            let plan = plan.map_err(|error| format!("no plan for parity: {error}"))?;
            let report = wait(repository.add_parity(plan, Arc::new(())));
            report.map_err(|error| format!("no parity: {error}"))?;
        }
        self.lab
            .open(store)
            .map_err(|error| format!("does not open after the repair: {error}"))
    }

    fn repair_journal(
        &self,
        store: &Arc<MemoryStore>,
        mirror: Option<Arc<dyn Store>>,
    ) -> Result<(), String> {
        let suite = self.lab.museum.suite;
        if self.lab.open(store).is_ok() {
            return Ok(());
        }
        let builder = builder(store, 0xb1d, 1_760_000_000).on_lost_entries(LostEntries::Skip);
        let around = wait(builder.open(&credential(suite)));
        let around = around.map_err(|error| format!("is not opened around the damage: {error}"))?;
        let plan = wait(around.plan_journal_repair(mirror.clone()));
        let plan = plan.map_err(|error| format!("no plan for the journal: {error}"))?;
        let report = wait(around.repair_journal(&plan, mirror));
        report
            .map(drop)
            .map_err(|error| format!("no repair of the journal: {error}"))
    }

    /// Everything is as it was, and nothing is found any more.
    fn with_mirror(&self, damage: &Damage) -> Result<&'static str, String> {
        let store = self.lab.damaged(damage);
        if is_locked(damage) {
            return Ok("does not open");
        }
        let mirror = self.lab.museum.copy();
        let fresh = self.repair(&store, Some(&mirror))?;
        let after = self.check(&store, true, Level::Rebuilt);
        let most = allowed(damage);
        if after.worst() > Some(most) {
            return Err(format!("after the repair: {:?}", self.summary(&after)));
        }
        for (id, flat) in &self.lab.museum.snapshots {
            let (differing, complaint) = differing(&fresh, id, flat);
            if !differing.is_empty() || complaint.is_some() {
                return Err(format!(
                    "{} entries differ after the repair: {complaint:?}",
                    differing.len()
                ));
            }
        }
        Ok(match after.worst() > Some(Severity::Note) {
            true => "from a mirror, beside it",
            false => "from a mirror",
        })
    }

    /// The next backup works, and what it wrote is whole.
    fn without_mirror(&self, damage: &Damage) -> Result<&'static str, String> {
        let store = self.lab.damaged(damage);
        if is_locked(damage) {
            return Ok("does not open");
        }
        let fresh = self.repair(&store, None)?;
        let tree = &self.lab.museum.tree;
        let source = Arc::new(TreeSource::new(tree.clone()));
        let done = wait(fresh.backup(source, BackupOptions::new("home"), Arc::new(())));
        let done = done.map_err(|error| format!("the next backup fails: {error}"))?;
        let target = Arc::new(MemoryTarget::default());
        let options = RestoreOptions::default();
        let restored = wait(fresh.restore(&done.snapshot, target.clone(), options, Arc::new(())));
        let restored = restored.map_err(|error| format!("the next restore fails: {error}"))?;
        match restored.is_complete() && target.flat() == tree.flat() {
            true => Ok("by the next backup"),
            false => Err(format!(
                "the next snapshot is not whole: {:?}",
                restored.lost.first()
            )),
        }
    }
}

/// Returns how bad what is found after a repair may be.
fn allowed(damage: &Damage) -> Severity {
    let is_gone = matches!(damage.harm, Harm::Deleted | Harm::FolderDeleted(..));
    let is_version = matches!(damage.harm, Harm::Flipped(bit) if (8..10).contains(&(bit / 8)));
    match folder(&damage.object) {
        // Signs of life are nobody's to repair.
        "session" => Severity::Waste,
        // Nothing in the journal is replaced: what belongs there is put beside it.
        "journal" if !is_gone => Severity::Damage,
        // It says to be of a later version, and no hash tells that it is not.
        "slot" if is_version => Severity::Damage,
        _ => Severity::Note,
    }
}

/// Says whether the way in is gone that these tests have: then there is nothing to be done with their passphrase.
fn is_locked(damage: &Damage) -> bool {
    match folder(&damage.object) {
        "slot" => true,
        "keyring" | "journal" => matches!(damage.harm, Harm::FolderDeleted(..)),
        _ => false,
    }
}

#[test]
fn every_damage_is_mended() {
    let mut wrong = Vec::new();
    let mut verdicts: BTreeMap<(String, &str), BTreeMap<&str, u32>> = BTreeMap::new();
    let mut cases = 0;
    for suite in [Suite::None, Suite::Aes256Gcm] {
        let bench = Bench::new(Lab::new(suite, 16));
        for damage in chosen(&bench.lab, 397) {
            cases += 1;
            for verdict in [bench.with_mirror(damage), bench.without_mirror(damage)] {
                match verdict {
                    Ok(verdict) => {
                        let of = (folder(&damage.object).to_owned(), damage.harm.sort());
                        *verdicts.entry(of).or_default().entry(verdict).or_default() += 1;
                    }
                    Err(what) => wrong.push(format!("{suite:?} {damage}: {what}")),
                }
            }
        }
    }
    println!("{cases} damages, mended:");
    for ((folder, sort), how) in &verdicts {
        println!("{folder:<12}{sort:<12}{how:?}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
