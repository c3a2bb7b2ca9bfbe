//! What must always be true, and what must be possible.

use stateright::{Model as _, Property};

use super::config::{MAX_WRITERS, PAGE};
use super::journal::Ledger;
use super::objects::Objects;
use super::state::{State, Work};
use super::{Config, Protocol, Set};

/// No dangling reference.
pub const I1: &str = "I1 every blob of every snapshot that is not forgotten has a durable good pack in force, mapped by a segment in force";
/// An acknowledged commit is in the journal.
pub const I2: &str = "I2 what was acknowledged is in the journal";
/// One entry for each slot, chained.
pub const I3: &str = "I3 the journal is one unbroken chain, and what was written stays";
/// Only what was dropped is deleted.
pub const I4: &str = "I4 only what a Tombstone or Index entry dropped is deleted";
/// The index names only what is there.
pub const I5: &str =
    "I5 packs and segments in force are durable, and segments map no pack that was never there";
/// Every snapshot restores.
pub const I6: &str = "I6 every snapshot that is not forgotten restores";
/// A hold holds.
pub const I7: &str = "I7 a held snapshot is not forgotten";
/// A restore that meets a deleted pack goes on.
pub const I8: &str = "I8 a reader finds every blob of a snapshot that is not forgotten, if need be by reading the journal again";
/// Garbage can be freed.
pub const L1: &str =
    "L1 at rest one more prune may free all garbage, and nothing that was dropped is left";
/// A writer that is left alone commits.
pub const L2: &str = "L2 a writer that is left alone is done soon";

/// The properties that a model is checked for.
pub(super) fn properties(config: &Config) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        always(I1, |model, state| nothing_dangles(state, &model.config)),
        always(I2, |model, state| {
            state
                .acknowledged
                .within(state.ledger(&model.config).committed)
        }),
        always(I3, |_, state| is_chain(state)),
        always(I4, |model, state| {
            only_dropped_is_deleted(state, &model.config)
        }),
        always(I5, |model, state| index_is_durable(state, &model.config)),
        always(I6, |model, state| everything_restores(state, &model.config)),
        always(I7, |_, state| state.robbed.is_empty()),
        always(I8, |_, state| !state.reader.failed),
        always(L1, |model, state| {
            !is_at_rest(model, state) || garbage_can_go(state, &model.config)
        }),
        always(L2, lone_writers_finish),
    ];
    if config.mutant.is_none() {
        properties.extend(super::reach::properties(config));
    }
    properties
}

fn always(name: &'static str, holds: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::always(name, holds)
}

fn nothing_dangles(state: &State, config: &Config) -> bool {
    let ledger = state.ledger(config);
    let durable = Ledger {
        packs: ledger.packs.and(state.objects.packs),
        segments: ledger.segments.and(state.objects.segments),
        ..ledger
    };
    let good = durable.available(&state.objects);
    let owed = ledger.snapshots.minus(ledger.hurt);
    owed.iter()
        .all(|snapshot| config.snapshot_blobs(snapshot).within(good))
}

fn is_chain(state: &State) -> bool {
    if state.wrong.replaced {
        return false;
    }
    let mut previous = 0;
    for entry in &state.log {
        if entry.previous != previous {
            return false;
        }
        previous = entry.attempt;
    }
    true
}

fn only_dropped_is_deleted(state: &State, config: &Config) -> bool {
    let ledger = state.ledger(config);
    state.objects.deleted_packs.within(ledger.dropped_packs)
        && state
            .objects
            .deleted_segments
            .within(ledger.dropped_segments)
}

fn index_is_durable(state: &State, config: &Config) -> bool {
    let ledger = state.ledger(config);
    let packs = state.objects.packs;
    ledger.packs.within(packs)
        && ledger.segments.within(state.objects.segments)
        && state
            .objects
            .mapped(ledger.segments)
            .within(packs.or(ledger.dropped_packs))
}

/// Restores as a reader does: it reads the journal as far as the chain goes, the segments that are there, and every copy that
/// they lead to, from the root of each snapshot downwards.
fn everything_restores(state: &State, config: &Config) -> bool {
    let ledger = state.ledger(config);
    ledger.snapshots.minus(ledger.hurt).iter().all(|snapshot| {
        let blobs = config.snapshot_blobs(snapshot);
        let roots = blobs.minus(Set::one(PAGE + 1));
        let children = if blobs.has(PAGE) {
            Set::one(PAGE + 1)
        } else {
            Set::EMPTY
        };
        roots
            .or(children)
            .iter()
            .all(|blob| reads(&ledger, &state.objects, blob))
    })
}

fn reads(ledger: &Ledger, objects: &Objects, blob: u8) -> bool {
    let segments = ledger.segments.and(objects.segments);
    segments
        .iter()
        .flat_map(|segment| objects.mapped_by(segment).iter())
        .any(|pack| {
            let there = objects.packs.has(pack) && objects.blobs_of(pack).has(blob);
            let sealed_away = ledger.retired && !objects.new_epoch.has(pack);
            there && !sealed_away && !ledger.damaged.has(pack)
        })
}

/// Whether nobody has anything to do any more.
pub(super) fn is_at_rest(model: &Protocol, state: &State) -> bool {
    let writers = state.writers.iter().all(|writer| writer.work.is_over());
    let pruners = state.pruners.iter().all(|pruner| pruner.work.is_over());
    if !writers || !pruners || !state.merger.work.is_over() || !state.messages.is_empty() {
        return false;
    }
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    actions.is_empty()
}

/// Prunes once more, with everything that nothing needs, and looks at what is left.
fn garbage_can_go(state: &State, config: &Config) -> bool {
    let ledger = state.ledger(config);
    let nothing_left = state.objects.packs.and(ledger.dropped_packs).is_empty()
        && state
            .objects
            .segments
            .and(ledger.dropped_segments)
            .is_empty();
    if !ledger.hurt.is_empty() {
        return nothing_left;
    }
    let owed = ledger.live(config);
    let mut after = ledger;
    for pack in ledger.packs.iter() {
        let without = Ledger {
            packs: after.packs.minus(Set::one(pack)),
            ..after
        };
        if owed.within(without.available(&state.objects)) {
            after = without;
        }
    }
    nothing_left
        && owed.within(after.available(&state.objects))
        && after.packs.count() <= owed.count()
}

/// From here on one writer alone acts. It must be done in few steps, unless the model's own budget has stopped it before.
fn lone_writers_finish(model: &Protocol, state: &State) -> bool {
    (0..MAX_WRITERS).all(|writer| finishes_alone(model, state, writer))
}

fn finishes_alone(model: &Protocol, state: &State, writer: u8) -> bool {
    const MANY: usize = 24;
    let was_stopped = state.writer(writer).work == Work::Stopped;
    let mut state = state.clone();
    for _ in 0..MANY {
        match state.writer(writer).work {
            Work::Done => return true,
            Work::Stopped => return was_stopped,
            _ => {}
        }
        let Some(action) = super::writer::next_alone(&state, writer) else {
            return false;
        };
        action.apply(&mut state, &model.alone);
    }
    false
}
