//! Repositories of many snapshots.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use futures::executor::block_on;
use serde_json::json;
use strongroom_repo::testing::{Tree, TreeSource};
use strongroom_repo::{
    BackupOptions, Clock as _, Components, ForgetOptions, ParentChoice, PruneOptions, Repository,
};

use crate::gauge::Gauge;
use crate::store::{self, Hours, Local, disk_bytes, joined, spent};

/// Makes a repository of so many snapshots, from what is there already, or does one thing with it.
pub(crate) fn run(step: &str, snapshots: u64, folder: &Path) -> Result<()> {
    if step == "make" {
        return make(snapshots, folder);
    }
    let local = match step {
        "fresh" => Local::Nothing,
        _ => Local::Cache,
    };
    // What a first opening leaves in the cache is not what the others are to find out.
    if step == "open" {
        drop(store::repository(
            store::store(folder)?,
            folder,
            local,
            Components::default(),
        )?);
    }
    let store = store::store(folder)?;
    let gauge = Gauge::start();
    let repository = store::repository(store.clone(), folder, local, Components::default())?;
    let mut more = json!({});
    match step {
        "fresh" | "open" => {}
        "list" => {
            let listed = block_on(repository.snapshots())?.len();
            more = json!({ "listed": listed });
        }
        "plan" => {
            let rules = "daily=7 weekly=4 monthly=12".parse()?;
            // An hour after the last snapshot, whenever that is.
            let now = Hours::default();
            now.set(snapshots + 1);
            let options = ForgetOptions::by_rules(rules).with_now(now.now());
            let plan = block_on(repository.plan_forget(options))?;
            let (forgotten, kept) = (plan.forgotten().count(), plan.kept().count());
            more = json!({ "forgotten": forgotten, "kept": kept });
        }
        "prune" => {
            let plan = repository.plan_prune(PruneOptions::default(), Arc::new(()));
            more = json!({ "packs": block_on(plan)?.decisions().len() });
        }
        "commit" => commit(&repository, snapshots)?,
        _ => bail!("snapshots has no step {step}"),
    }
    let cache = json!({ "local_bytes": disk_bytes(&folder.join("cache")) });
    let all = joined([spent(&store.counts()), cache, more]);
    gauge.print(&format!("snapshots-{step}"), snapshots, all)
}

fn make(snapshots: u64, folder: &Path) -> Result<()> {
    let store = store::store(folder)?;
    let hours = Arc::new(Hours::default());
    let components = store::inline(hours.clone());
    let repository = store::repository(store, folder, Local::Nothing, components)?;
    let have = block_on(repository.snapshots())?.len() as u64;
    for number in have..snapshots {
        hours.set(number);
        commit(&repository, number)?;
        if number % REMOVED_EVERY == 0 {
            remove_old_checkpoints(&folder.join("repo/checkpoint"))?;
        }
    }
    Ok(())
}

/// Removes all checkpoints but the last two, which alone are read: all together they take room in square.
fn remove_old_checkpoints(folder: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let mut all: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    // Their names are numbers of one length.
    all.sort();
    all.truncate(all.len().saturating_sub(2));
    all.iter().try_for_each(std::fs::remove_file)?;
    Ok(())
}

/// One of a hundred series gets a snapshot of a file that is new, which makes a pack of each kind and a segment.
fn commit(repository: &Repository, number: u64) -> Result<()> {
    let content = format!("{:>16}", number / SAME_CONTENT);
    let tree = Tree::dir([("file", Tree::file(content.as_bytes()))]);
    let options = BackupOptions::new(format!("series-{:02}", number % SERIES))
        .with_host("scale")
        .with_parent(ParentChoice::None);
    let source = Arc::new(TreeSource::new(tree));
    block_on(repository.backup(source, options, Arc::new(())))?;
    Ok(())
}

const SERIES: u64 = 100;
const REMOVED_EVERY: u64 = 1_024;
/// So many snapshots in a row are of the same tree: a repository that is pruned now and then has far fewer segments than snapshots.
const SAME_CONTENT: u64 = 1_000;
