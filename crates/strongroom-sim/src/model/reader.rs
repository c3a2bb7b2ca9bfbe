//! What a client does that restores.

use super::state::{Reader, State, Work};
use super::{Action, Config, Mutant, Set};

/// What the reader may do next.
pub(super) fn actions(state: &State, config: &Config, actions: &mut Vec<Action>) {
    match state.reader.work {
        Work::Idle => {
            let ledger = state.ledger(config);
            actions.extend(ledger.snapshots.minus(ledger.hurt).iter().map(Action::Open));
        }
        Work::Ready => actions.push(Action::Read),
        _ => {}
    }
}

/// Reads the journal and the segments, and notes where every blob of a snapshot is.
pub(super) fn open(state: &mut State, snapshot: u8, config: &Config) {
    let ledger = state.ledger(config);
    state.reader = Reader {
        work: Work::Ready,
        snapshot,
        left: config.snapshot_blobs(snapshot),
        copies: ledger
            .good_packs(&state.objects)
            .and(state.objects.mapped(ledger.segments)),
        failed: false,
    };
}

/// Reads the next blob. When none of the copies it knows is there, it reads the journal again, and the blob.
pub(super) fn read(state: &mut State, config: &Config) {
    let mut reader = state.reader;
    let next = reader.left.iter().next().map_or(Set::EMPTY, Set::one);
    if !next.within(state.objects.blobs(reader.copies.and(state.objects.packs))) {
        let ledger = state.ledger(config);
        let gone = Set::one(reader.snapshot).minus(ledger.snapshots.minus(ledger.hurt));
        if !config.breaks(Mutant::ReaderGivesUp) && gone.is_empty() {
            reader.copies = ledger
                .good_packs(&state.objects)
                .and(state.objects.mapped(ledger.segments));
        }
        let found = next.within(state.objects.blobs(reader.copies.and(state.objects.packs)));
        if !found {
            state.reader = Reader {
                work: Work::Stopped,
                failed: gone.is_empty(),
                ..Reader::default()
            };
            return;
        }
    }
    reader.left = reader.left.minus(next);
    if reader.left.is_empty() {
        reader = Reader {
            work: Work::Done,
            ..Reader::default()
        };
    }
    state.reader = reader;
}
