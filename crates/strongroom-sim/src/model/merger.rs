//! What a client does that merges index segments.

use super::config::FIRST_MERGED;
use super::journal::{Entry, Kind};
use super::state::{Fate, Merger, Sender, State, Work};
use super::{Action, Config, Mutant, Set};

/// What the merger may do next.
pub(super) fn actions(state: &State, config: &Config, actions: &mut Vec<Action>) {
    match state.merger.work {
        Work::Idle => {
            let segments = state.ledger(config).segments;
            if segments.count() > 2 {
                actions.push(Action::Merge(segments));
            }
            for first in segments.iter() {
                for second in segments.iter().filter(|second| *second > first) {
                    actions.push(Action::Merge(Set::of(&[first, second])));
                }
            }
            return;
        }
        Work::Uploading => actions.push(Action::PutMerged),
        Work::Ready => actions.push(Action::ReplaceSegments),
        Work::Sending => {
            if state
                .message_of(Sender::Merger)
                .is_some_and(|message| message.fate != Fate::Flying)
            {
                actions.push(Action::MergerLearns);
            }
        }
        _ => return,
    }
    if state.budget.crashes > 0 {
        actions.push(Action::MergerCrashes);
    }
}

/// Decides what to merge, and makes the merged segment.
pub(super) fn merge(state: &mut State, removes: Set, config: &Config) {
    let ledger = state.ledger(config);
    let mut maps = state.objects.mapped(removes).and(ledger.packs);
    if config.breaks(Mutant::MergeDropsMappings)
        && let Some(last) = maps.last()
    {
        maps = maps.minus(Set::one(last));
    }
    let segment = FIRST_MERGED + state.merger.round;
    state.objects.map(segment, maps);
    state.merger.removes = removes;
    state.merger.work = Work::Uploading;
    if config.breaks(Mutant::IndexBeforeSegment) {
        state.objects.late_segments = state.objects.late_segments.or(Set::one(segment));
        state.merger.work = Work::Ready;
    }
}

/// Puts the merged segment.
pub(super) fn put(state: &mut State) {
    let segment = FIRST_MERGED + state.merger.round;
    state.objects.segments = state.objects.segments.or(Set::one(segment));
    state.merger.work = Work::Ready;
}

/// Validates against the whole journal, then sends the Index entry, or gives the merge up.
pub(super) fn replace(state: &mut State, config: &Config) {
    let ledger = state.ledger(config);
    let merged = Set::one(FIRST_MERGED + state.merger.round);
    let is_gone = !merged.and(ledger.dropped_segments).is_empty()
        && !config.breaks(Mutant::MergeAddsDroppedSegment);
    let must_map = state.objects.mapped(state.merger.removes).and(ledger.packs);
    let maps_all =
        must_map.within(state.objects.mapped(merged)) || config.breaks(Mutant::MergeDropsMappings);
    if is_gone || !maps_all {
        return next_round(state, config);
    }
    let entry = Entry {
        kind: Kind::Index,
        add_segments: merged,
        drop_segments: state.merger.removes,
        ..Entry::default()
    };
    state.merger.work = Work::Sending;
    state.send(Sender::Merger, entry, config);
}

/// Learns what became of the Index entry.
pub(super) fn learn(state: &mut State, config: &Config) {
    let Some(message) = state.message_of(Sender::Merger) else {
        return;
    };
    if message.fate == Fate::Lost && usize::from(message.slot) == state.log.len() {
        return state.resend(Sender::Merger);
    }
    state.take_message(Sender::Merger);
    if message.fate == Fate::Won {
        return next_round(state, config);
    }
    state.merger.work = Work::Ready;
}

/// Dies at any point.
pub(super) fn crash(state: &mut State, config: &Config) {
    state.budget.crashes = state.budget.crashes.saturating_sub(1);
    state.abandon_message(Sender::Merger);
    next_round(state, config);
}

fn next_round(state: &mut State, config: &Config) {
    let round = state.merger.round + 1;
    let work = if round < config.merges {
        Work::Idle
    } else {
        Work::Done
    };
    state.merger = Merger {
        work,
        round: round.min(config.merges),
        removes: Set::EMPTY,
    };
}
