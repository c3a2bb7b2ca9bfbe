//! What nobody needs any more is freed in the end.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use strongroom_crypt::Id;
use strongroom_format::ObjectHash;
use strongroom_repo::{DeleteOptions, Error, PruneOptions, Repository, Unused};

use super::{Broken, Inventory, Journal, Objects, Signatures, read, trees};
use crate::engine::ledger::Ledger;
use crate::engine::setup::Setup;
use crate::world::World;

const FREED: &str = "garbage is freed";

/// Frees what nobody needs, and makes sure that it is gone.
pub(super) fn free(world: &World, setup: &Setup, ledger: &Ledger) -> Result<(), Broken> {
    if setup.profile.loses_packs() {
        // Who cannot read what is needed frees nothing.
        return Ok(());
    }
    let failed = |error: Error| (FREED, format!("{error:?}"));
    let repository = setup.open_as_bystander(world, 2).map_err(failed)?;
    for _ in 0..ROUNDS {
        prune(world, &repository).map_err(failed)?;
    }
    let objects = world.objects();
    let (opened, journal) = read(&objects, setup, Signatures::Believed)?;
    journal.check_acknowledged(ledger)?;
    journal.check_deletions(&world.deletions())?;
    let inventory = Inventory::take(&objects, &opened, &journal)?;
    let live = trees::check(&opened, &journal, &inventory)?;
    check_objects(&objects, &journal)?;
    check_blobs(&journal, &inventory, &|id| live.contains(id))
}

/// The first round may find segments that only the next can merge, and condemned packs that only it can drop.
const ROUNDS: usize = 2;

fn prune(world: &World, repository: &Repository) -> Result<(), Error> {
    let options = PruneOptions::default()
        .with_max_unused(Unused::Bytes(0))
        .with_orphan_age(Duration::ZERO)
        .with_session_age(Duration::ZERO);
    let plan = block_on(repository.plan_prune(options, Arc::new(())))?;
    block_on(repository.prune(plan, Arc::new(())))?;
    world.outlive_locks();
    let options = DeleteOptions::default().with_min_age(Duration::ZERO);
    let plan = block_on(repository.plan_delete(options))?;
    block_on(repository.delete_dropped(plan, Arc::new(())))?;
    Ok(())
}

/// Makes sure that every pack and segment is in force.
fn check_objects(objects: &Objects, journal: &Journal) -> Result<(), Broken> {
    for name in objects.keys() {
        let Some(("pack" | "index", hash)) = name.split_once('/') else {
            continue;
        };
        let hash = hash.rsplit('/').next().and_then(ObjectHash::parse);
        let is_in_force = |hash: ObjectHash| {
            journal.packs.contains_key(&hash) || journal.segments.contains_key(&hash)
        };
        if !hash.is_some_and(is_in_force) {
            return Err((FREED, format!("{name} is still there")));
        }
    }
    Ok(())
}

/// Makes sure that every blob of every pack is needed, but for packs of which something is said to be damaged: what is needed of them
/// is not moved as long as there is no other copy.
fn check_blobs(
    journal: &Journal,
    inventory: &Inventory,
    is_live: &dyn Fn(&Id) -> bool,
) -> Result<(), Broken> {
    let sound = |name: &&ObjectHash| !journal.is_doubted(name);
    for name in inventory.packs.keys().filter(sound) {
        let Some(pack) = inventory.packs.get(name) else {
            continue;
        };
        for frame in 0..pack.header.frames.len() {
            let blobs = pack.header.frame_blobs(frame);
            let dead = blobs.iter().filter(|blob| !is_live(&blob.id)).count();
            if dead > 0 {
                let all = blobs.len();
                let what = format!("frame {frame} of pack {name}: {dead} of {all} blobs are dead");
                return Err((FREED, what));
            }
        }
    }
    Ok(())
}
