//! The engine's word: what is listed, and what is restored.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::{Repository, RestoreOptions, SnapshotInfo};

use super::Broken;
use crate::engine::ledger::{Duty, Ledger};
use crate::engine::program::number_of;
use crate::engine::setup::Setup;
use crate::engine::target::MapTarget;
use crate::world::World;

const RESTORES: &str = "I6: every snapshot restores";

/// Opens the repository afresh and restores everything.
pub(super) fn keep(world: &World, setup: &Setup, ledger: &Ledger) -> Result<(), Broken> {
    let broken = |what: String| ("the repository opens", what);
    let opened = setup.open_as_bystander(world, 1);
    let repository = opened.map_err(|error| broken(format!("{error:?}")))?;
    let listed = block_on(repository.snapshots()).map_err(|error| broken(format!("{error:?}")))?;
    check_list(&listed, ledger)?;
    restore_listed(&repository, &listed, setup, ledger)
}

/// Restores everything that there is.
pub(in crate::engine) fn restore_all(
    repository: &Repository,
    setup: &Setup,
    ledger: &Ledger,
) -> Result<(), Broken> {
    let listed = block_on(repository.snapshots());
    let listed = listed.map_err(|error| (RESTORES, format!("{error:?}")))?;
    restore_listed(repository, &listed, setup, ledger)
}

fn restore_listed(
    repository: &Repository,
    listed: &[SnapshotInfo],
    setup: &Setup,
    ledger: &Ledger,
) -> Result<(), Broken> {
    for snapshot in listed {
        restore(repository, snapshot, setup, ledger)?;
    }
    Ok(())
}

fn check_list(listed: &[SnapshotInfo], ledger: &Ledger) -> Result<(), Broken> {
    let numbers = listed
        .iter()
        .filter_map(|one| Some((number_of(one)?, one.id)));
    let numbers: BTreeMap<_, _> = numbers.collect();
    for (number, attempt, duty) in ledger.duties() {
        let found = numbers.get(&number);
        match (duty, found) {
            (Duty::Present, None) => {
                return Err((
                    "what was acknowledged is there",
                    format!("attempt {number}"),
                ));
            }
            (Duty::Absent, Some(_)) => {
                return Err(("what was forgotten is gone", format!("attempt {number}")));
            }
            _ => {}
        }
        if let (Some(found), Some((id, ..))) = (found, attempt.acknowledged)
            && *found != id
        {
            let what = format!("attempt {number} is listed as {found}");
            return Err(("a snapshot keeps its id", what));
        }
    }
    Ok(())
}

fn restore(
    repository: &Repository,
    snapshot: &SnapshotInfo,
    setup: &Setup,
    ledger: &Ledger,
) -> Result<(), Broken> {
    let broken = |what: String| (RESTORES, format!("snapshot {}: {what}", snapshot.id));
    let number = number_of(snapshot).ok_or_else(|| broken("nobody's".to_owned()))?;
    let target = MapTarget::default();
    let (options, observer) = (RestoreOptions::default(), Arc::new(()));
    let restored = repository.restore(&snapshot.id, Arc::new(target.clone()), options, observer);
    match block_on(restored) {
        Ok(report) if report.is_complete() => ledger.compare(number, &target.take()),
        // What lost bits may be lost; it must only be said.
        _ if setup.profile.loses_packs() => {}
        Ok(report) => return Err(broken(format!("{:?} {:?}", report.lost, report.stopped))),
        Err(error) => return Err(broken(format!("{error:?}"))),
    }
    Ok(())
}
