//! After a run: what was promised is there, by the engine's word and by the objects themselves.
//!
//! The second reading shares the format's decoders with the engine and nothing else: it walks the journal, the packs,
//! the segments and the pages of trees as `docs/format.md` says they are. Its properties have the numbers of the protocol's
//! invariants: I1 nothing that is referred to is missing, I2 what was acknowledged is in the journal, I3 the chain is dense, I4
//! what was deleted had been dropped before, I5 the index names what is there, I6 every snapshot restores.

mod garbage;
mod journal;
mod locks;
mod objects;
mod opened;
mod promises;
pub(super) mod trees;

use std::collections::BTreeMap;

use bytes::Bytes;
use strongroom_format::object_name;

pub(super) use self::journal::{Journal, Signatures};
pub(super) use self::objects::Inventory;
pub(super) use self::opened::Opened;
pub(super) use self::promises::restore_all;
use super::ledger::Ledger;
use super::setup::Setup;
use crate::world::World;

/// The objects of a store by their names.
pub(super) type Objects = BTreeMap<String, Bytes>;

/// A property and how it was broken.
pub(super) type Broken = (&'static str, String);

/// Checks everything, and frees the garbage in between.
pub(super) fn audit(world: &World, setup: &Setup, ledger: &Ledger) {
    let outcome = look(world, setup, ledger)
        .and_then(|()| locks::check(world, setup))
        .and_then(|()| garbage::free(world, setup, ledger))
        .and_then(|()| promises::keep(world, setup, ledger));
    if let Err((property, what)) = outcome {
        ledger.violate(property, what);
    }
}

/// Reads the store without the engine.
fn look(world: &World, setup: &Setup, ledger: &Ledger) -> Result<(), Broken> {
    let objects = world.objects();
    let (opened, journal) = read(&objects, setup, Signatures::Verified)?;
    journal.check_acknowledged(ledger)?;
    journal.check_deletions(&world.deletions())?;
    // A probe replaces what it made up for the occasion, whose names are no object's.
    let mut replaced = world.replacements().into_iter();
    if let Some(key) = replaced.find(|key| object_name::parse(key.as_str()).is_some()) {
        return Err(("I3: nothing is overwritten", key.to_string()));
    }
    if setup.profile.loses_packs() {
        return Ok(());
    }
    let inventory = Inventory::take(&objects, &opened, &journal)?;
    trees::check(&opened, &journal, &inventory).map(drop)
}

/// Opens the repository and walks its journal.
pub(super) fn read(
    objects: &Objects,
    setup: &Setup,
    signatures: Signatures,
) -> Result<(Opened, Journal), Broken> {
    let opened = Opened::open(objects, setup.credential(), &setup.random(0xa0d17))?;
    let journal = Journal::walk(objects, &opened, signatures)?;
    Ok((opened, journal))
}
