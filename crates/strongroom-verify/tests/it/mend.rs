//! Every damage is mended: from a mirror byte for byte; without one by the next backup, as far as the source still has what was lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_repo::testing::{MemoryTarget, TreeSource};
use strongroom_repo::{BackupOptions, RepairOptions, Repository, RestoreOptions};
use strongroom_store::{MemoryStore, Store};
use strongroom_verify::testing::{Damage, Harm};
use strongroom_verify::{Level, Report, Severity};

use crate::found::Bench;
use crate::insider::wait;
use crate::lab::{Lab, differing, folder};
use crate::matrix::chosen;

/// What is mended, and how.
impl Bench {
    /// Repairs with what a check has found, and from a mirror if there is one.
    fn repair(
        &self,
        repository: &Repository,
        found: &Report,
        mirror: Option<&Arc<MemoryStore>>,
    ) -> Result<(), String> {
        let mut options = RepairOptions::default().with_suspects(found.damaged_objects());
        if let Some(mirror) = mirror {
            options = options.with_source(mirror.clone() as Arc<dyn Store>);
        }
        let plan = wait(repository.plan_repair(options, Arc::new(())));
        let plan = plan.map_err(|error| format!("no plan: {error}"))?;
        let report = wait(repository.repair(plan, Arc::new(())));
        let report = report.map_err(|error| format!("no repair: {error}"))?;
        match report.is_complete() {
            true => Ok(()),
            false => Err(format!("repaired in part: {report}")),
        }
    }

    /// Everything is as it was, and nothing is found any more.
    fn with_mirror(&self, damage: &Damage) -> Result<&'static str, String> {
        let store = self.lab.damaged(damage);
        let Ok(repository) = self.lab.open(&store) else {
            return Ok("does not open");
        };
        let found = self.check(&store, true, Level::Rebuilt);
        let mirror = self.lab.museum.copy();
        self.repair(&repository, &found, Some(&mirror))?;
        let after = self.check(&store, true, Level::Rebuilt);
        if after.worst() > Some(Severity::Note) && !is_left_alone(damage) {
            return Err(format!("after the repair: {:?}", self.summary(&after)));
        }
        let fresh = self.lab.open(&store).map_err(|error| error.to_string())?;
        for (id, flat) in &self.lab.museum.snapshots {
            let (differing, complaint) = differing(&fresh, id, flat);
            if !differing.is_empty() || complaint.is_some() {
                return Err(format!(
                    "{} entries differ after the repair: {complaint:?}",
                    differing.len()
                ));
            }
        }
        Ok("from a mirror")
    }

    /// The next backup works, and what it wrote is whole.
    fn without_mirror(&self, damage: &Damage) -> Result<&'static str, String> {
        let store = self.lab.damaged(damage);
        let Ok(repository) = self.lab.open(&store) else {
            return Ok("does not open");
        };
        let found = self.check(&store, true, Level::Rebuilt);
        self.repair(&repository, &found, None)?;
        let fresh = self.lab.open(&store).map_err(|error| error.to_string())?;
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

/// Signs of life are nobody's to repair, and neither is what says to be of a later version where no hash tells that it is not.
fn is_left_alone(damage: &Damage) -> bool {
    let is_version = matches!(damage.harm, Harm::Flipped(bit) if (8..10).contains(&(bit / 8)));
    match folder(&damage.object) {
        "session" => true,
        "slot" => is_version,
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
