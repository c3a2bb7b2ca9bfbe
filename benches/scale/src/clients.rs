//! Many clients that commit to one repository: one after another, and all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use futures::executor::block_on;
use serde_json::json;
use strongroom_crypt::Argon2Params;
use strongroom_repo::testing::{Tree, TreeSource};
use strongroom_repo::{
    BackupOptions, Components, CreateOptions, Execution, ParentChoice, Repository,
};
use strongroom_store::wrap::{Counted, RequestKind};
use strongroom_store::{MemoryStore, Store};

use crate::gauge::{Gauge, rounded};
use crate::store::{credential, joined, spent};

/// So many clients commit a snapshot each to one store in memory, to which each has committed one before.
pub(crate) fn run(step: &str, clients: u64) -> Result<()> {
    let store = Arc::new(Counted::new(MemoryStore::new()));
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    drop(block_on(builder(&store).create(options, &credential()))?);
    let opened: Result<Vec<Repository>> = (0..clients)
        .map(|_| Ok(block_on(builder(&store).open(&credential()))?))
        .collect();
    let opened = opened?;
    for (client, repository) in opened.iter().enumerate() {
        commit(repository, client as u64, 0)?;
    }
    let before = store.counts();
    let gauge = Gauge::start();
    match step {
        "turns" => {
            for (client, repository) in opened.iter().enumerate() {
                commit(repository, client as u64, 1)?;
            }
        }
        "rush" => rush(&opened)?,
        _ => bail!("clients has no step {step}"),
    }
    let spent_now = store.counts().since(&before);
    let listed = block_on(block_on(builder(&store).open(&credential()))?.snapshots())?.len() as u64;
    if listed != 2 * clients {
        bail!("{listed} snapshots of {clients} clients");
    }
    let each = |sum: u64| rounded(sum as f64 / clients as f64);
    let puts = spent_now.of(RequestKind::Put);
    let more = json!({
        "requests_a_commit": each(spent_now.total().requests),
        "puts_a_commit": each(puts.requests),
        "lost_races_a_commit": each(puts.refused),
        "down_bytes_a_commit": each(spent_now.bytes_down()),
    });
    let more = joined([spent(&spent_now), more]);
    gauge.print(&format!("clients-{step}"), clients, more)
}

/// Every client on a thread of its own.
fn rush(opened: &[Repository]) -> Result<()> {
    let failed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for (client, repository) in opened.iter().enumerate() {
            let failed = &failed;
            let started = std::thread::Builder::new()
                .stack_size(1 << 20)
                .spawn_scoped(scope, move || {
                    if commit(repository, client as u64, 1).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                });
            if started.is_err() {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    match failed.into_inner() {
        0 => Ok(()),
        failed => bail!("{failed} clients failed"),
    }
}

fn builder(store: &Arc<Counted<MemoryStore>>) -> strongroom_repo::RepositoryBuilder {
    let mut components = Components::default();
    components.execution = Execution::Inline;
    Repository::builder(Arc::clone(store) as Arc<dyn Store>).components(components)
}

fn commit(repository: &Repository, client: u64, round: u64) -> Result<()> {
    let tree = Tree::dir([("file", Tree::file(format!("{client} {round}").as_bytes()))]);
    let options = BackupOptions::new("scale")
        .with_host(format!("client-{client}"))
        .with_parent(ParentChoice::None);
    block_on(repository.backup(Arc::new(TreeSource::new(tree)), options, Arc::new(())))?;
    Ok(())
}
