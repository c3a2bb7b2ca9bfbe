//! What is locked, and what the journal says of it.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_repo::{Error, LockOptions};
use strongroom_store::Retention;

use super::Broken;
use crate::engine::setup::Setup;
use crate::world::World;

const LOCKED: &str = "what is put is locked";
const CLAIMED: &str = "the journal claims no lock that is not there";

/// Checks that everything is locked that should be, and that nobody believes in locks that are not.
pub(super) fn check(world: &World, setup: &Setup) -> Result<(), Broken> {
    if !setup.profile.locks() {
        return Ok(());
    }
    for (name, locked) in world.locks() {
        // A probe locks something for minutes, to see whether the store lets it be deleted.
        if name.contains("/probe-") {
            continue;
        }
        // The probe of a store tries locks for a minute or two.
        if name.starts_with("session/probe-") {
            continue;
        }
        let is_fleeting = matches!(
            object_name::parse(&name),
            Some(ObjectName::Checkpoint(_) | ObjectName::Session(_) | ObjectName::Parity(_)) | None
        );
        // Entries of those who maintain without the engine are not.
        let is_anybodys = name.starts_with("journal/") && locked.is_none();
        if is_fleeting == locked.is_some() && !is_anybodys {
            return Err((LOCKED, format!("{name}: {locked:?}")));
        }
    }
    let failed = |error: Error| (CLAIMED, format!("{error:?}"));
    let repository = setup.open_as_bystander(world, 3).map_err(failed)?;
    let everything = LockOptions::default().with_everything(true);
    let plan = block_on(repository.plan_extend_locks(everything)).map_err(failed)?;
    let locks = world.locks();
    let now = world.time_of(None).seconds;
    for one in plan.objects() {
        let found = locks.get(&one.object).copied().flatten();
        // A lock that has ended is none, whatever its date was.
        let is_true = |known: Retention| {
            known.until <= now || found.is_some_and(|found| found.covers(&known))
        };
        if !one.known.is_none_or(is_true) {
            let (object, known) = (&one.object, one.known);
            return Err((
                CLAIMED,
                format!("{object}: {known:?}, and it has {found:?}"),
            ));
        }
    }
    block_on(repository.extend_locks(plan, Arc::new(()))).map_err(failed)?;
    let audit = block_on(repository.audit_locks(Default::default(), Arc::new(())));
    let audit = audit.map_err(failed)?;
    match audit.is_kept() {
        true => Ok(()),
        false => Err((
            LOCKED,
            format!("{audit}: {:?} {:?}", audit.short, audit.unknown),
        )),
    }
}
