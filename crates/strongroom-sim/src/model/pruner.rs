//! What a client does that tombstones.

use super::config::FIRST_MERGED;
use super::journal::{Entry, Kind, Ledger};
use super::state::{Fate, Pruner, Sender, State, Work};
use super::{Action, Config, Mutant, Set};

/// What a pruner may do next.
pub(super) fn actions(state: &State, number: u8, config: &Config, actions: &mut Vec<Action>) {
    let pruner = state.pruner(number);
    match pruner.work {
        Work::Idle => return plans(state, number, config, actions),
        Work::Uploading => actions.push(Action::Copy(number)),
        Work::Ready => actions.push(Action::Tombstone(number)),
        Work::Sending => match state
            .message_of(Sender::Pruner(number))
            .map(|message| message.fate)
        {
            Some(Fate::Flying) if config.breaks(Mutant::PrunerTakesSilenceForSuccess) => {
                actions.push(Action::PrunerTrustsSilence(number));
            }
            Some(Fate::Flying) => {}
            Some(_) => actions.push(Action::PrunerLearns(number)),
            None => {}
        },
        _ => return,
    }
    if state.budget.crashes > 0 {
        actions.push(Action::PrunerCrashes(number));
    }
    if config.breaks(Mutant::DeletesBeforeTombstone) {
        actions.push(Action::BelieveDropped(
            pruner.drop_packs.minus(state.wrong.believed_dropped),
        ));
    }
}

/// Every choice of a few packs, reasonable or not, that could be dropped now.
fn plans(state: &State, number: u8, config: &Config, actions: &mut Vec<Action>) {
    let ledger = state.ledger(config);
    let orphans = state
        .objects
        .packs
        .minus(ledger.packs)
        .minus(ledger.dropped_packs);
    let candidates = if config.reclaim {
        ledger.packs.or(orphans)
    } else {
        ledger.packs
    };
    for first in candidates.iter() {
        plan_choice(state, &ledger, number, Set::one(first), config, actions);
        for second in candidates
            .iter()
            .filter(|second| config.drops > 1 && *second > first)
        {
            plan_choice(
                state,
                &ledger,
                number,
                Set::of(&[first, second]),
                config,
                actions,
            );
        }
    }
    for segment in loose_segments(state, &ledger, config).iter() {
        actions.push(Action::Plan {
            pruner: number,
            packs: Set::EMPTY,
            segments: Set::one(segment),
            ends: Set::EMPTY,
        });
    }
    if config.breaks(Mutant::DeletesOrphansWithoutTombstone) {
        actions.push(Action::BelieveDropped(
            orphans.minus(state.wrong.believed_dropped),
        ));
    }
    if config.breaks(Mutant::DeletesSleepersPacks) {
        actions.push(Action::BelieveDropped(
            ledger.announced.minus(state.wrong.believed_dropped),
        ));
    }
}

/// The segments that may be dropped by themselves.
fn loose_segments(state: &State, ledger: &Ledger, config: &Config) -> Set {
    let mut orphans = state
        .objects
        .segments
        .minus(ledger.segments)
        .minus(ledger.dropped_segments);
    if !config.drops_segments {
        orphans = orphans.minus(Set::below(FIRST_MERGED));
    }
    let orphans = if config.reclaim { orphans } else { Set::EMPTY };
    let is_needless = |segment: &u8| {
        let after = Ledger {
            segments: ledger.segments.minus(Set::one(*segment)),
            ..*ledger
        };
        let owed = ledger.live(config).and(ledger.available(&state.objects));
        owed.within(after.available(&state.objects))
    };
    let in_force = if config.drops_segments {
        ledger.segments
    } else {
        Set::EMPTY
    };
    in_force
        .iter()
        .filter(is_needless)
        .fold(orphans, |loose, one| loose.or(Set::one(one)))
}

fn plan_choice(
    state: &State,
    ledger: &Ledger,
    number: u8,
    packs: Set,
    config: &Config,
    actions: &mut Vec<Action>,
) {
    let needs_copy = !copied(state, ledger, packs, config).is_empty();
    if needs_copy && !config.repack || loses_damaged(state, ledger, packs, config) {
        return;
    }
    let plan = |ends| Action::Plan {
        pruner: number,
        packs,
        segments: Set::EMPTY,
        ends,
    };
    actions.push(plan(Set::EMPTY));
    let ends = packs
        .iter()
        .filter_map(|pack| config.session_of(pack))
        .fold(Set::EMPTY, |ends, one| ends.or(Set::one(one)));
    if config.ends_sessions && !ends.minus(ledger.ended).is_empty() {
        actions.push(plan(ends));
    }
}

/// The live blobs that have no good copy outside `packs`, and have one now.
fn copied(state: &State, ledger: &Ledger, packs: Set, config: &Config) -> Set {
    let mut after = *ledger;
    after.packs = ledger.packs.minus(packs);
    if config.breaks(Mutant::PrunerKeepsDamagedCopy) {
        after.damaged = Set::EMPTY;
    }
    ledger
        .live(config)
        .and(ledger.available(&state.objects))
        .minus(after.available(&state.objects))
}

/// Whether the last copies of a live blob, none of them good, are among `packs`. They may still be read by luck.
fn loses_damaged(state: &State, ledger: &Ledger, packs: Set, config: &Config) -> bool {
    if ledger.hurt.is_empty() || config.breaks(Mutant::PrunerDropsDamagedCopy) {
        return false;
    }
    let bad = ledger.live(config).minus(ledger.available(&state.objects));
    let kept = state.objects.blobs(ledger.packs.minus(packs));
    !bad.and(state.objects.blobs(packs.and(ledger.packs)))
        .within(kept)
}

/// Decides what to drop, and what has to be copied first.
pub(super) fn plan(
    state: &mut State,
    number: u8,
    packs: Set,
    segments: Set,
    ends: Set,
    config: &Config,
) {
    let ledger = state.ledger(config);
    let copied = copied(state, &ledger, packs, config);
    let mut pruner = Pruner {
        round: state.pruner(number).round,
        work: Work::Ready,
        ..Pruner::default()
    };
    pruner.drop_packs = packs;
    pruner.drop_segments = segments;
    pruner.ends = ends;
    if config.breaks(Mutant::PrunerIgnoresNewCommits) {
        pruner.live_then = ledger.live(config);
    }
    if config.breaks(Mutant::PrunerIgnoresOtherTombstones) {
        pruner.packs_then = ledger.packs;
    }
    if !copied.is_empty() {
        let fresh = config.repacked(number, pruner.round);
        state.objects.fill(fresh, copied);
        if ledger.closed {
            state.objects.new_epoch = state.objects.new_epoch.or(Set::one(fresh));
        }
        pruner.repacked = true;
        pruner.work = Work::Uploading;
        if config.breaks(Mutant::TombstoneBeforePack) {
            let fresh = Set::one(fresh);
            state.objects.late_packs = state.objects.late_packs.or(fresh);
            state.objects.segments = state.objects.segments.or(fresh);
            pruner.work = Work::Ready;
        }
    }
    state.set_pruner(number, pruner);
}

/// Puts the new pack and its segment.
pub(super) fn copy(state: &mut State, number: u8, config: &Config) {
    let mut pruner = state.pruner(number);
    let fresh = Set::one(config.repacked(number, pruner.round));
    state.objects.packs = state.objects.packs.or(fresh);
    state.objects.segments = state.objects.segments.or(fresh);
    pruner.work = Work::Ready;
    state.set_pruner(number, pruner);
}

/// Validates against the whole journal, then sends the Tombstone, or gives the plan up.
pub(super) fn tombstone(state: &mut State, number: u8, config: &Config) {
    let ledger = state.ledger(config);
    let mut pruner = state.pruner(number);
    let fresh = if pruner.repacked {
        Set::one(config.repacked(number, pruner.round))
    } else {
        Set::EMPTY
    };
    let entry = compose(state, &ledger, &pruner, fresh, config);
    if is_stale(state, &ledger, &pruner, &entry, config) {
        return next_round(state, number, config);
    }
    pruner.work = Work::Sending;
    state.set_pruner(number, pruner);
    state.send(Sender::Pruner(number), entry, config);
}

fn compose(state: &State, ledger: &Ledger, pruner: &Pruner, fresh: Set, config: &Config) -> Entry {
    let kept = ledger.packs.minus(pruner.drop_packs).or(fresh);
    let mut unneeded = pruner.drop_segments.or(pruner.drop_packs);
    for segment in ledger.segments.iter() {
        let mapped = state.objects.mapped_by(segment);
        let useless = mapped.and(kept).is_empty();
        let touched = config.breaks(Mutant::TombstoneForgetsMappings)
            && !mapped.and(pruner.drop_packs).is_empty();
        if useless || touched {
            unneeded = unneeded.or(Set::one(segment));
        }
    }
    Entry {
        kind: Kind::Tombstone,
        sessions: pruner.ends,
        add_packs: fresh,
        add_segments: fresh,
        drop_packs: pruner.drop_packs,
        drop_segments: unneeded,
        ..Entry::default()
    }
}

/// The precondition of a Tombstone: every live blob keeps a good copy that is mapped.
fn is_stale(
    state: &State,
    ledger: &Ledger,
    pruner: &Pruner,
    entry: &Entry,
    config: &Config,
) -> bool {
    let fresh = entry.add_packs;
    let pack_is_gone = !fresh.and(ledger.dropped_packs).is_empty()
        && !config.breaks(Mutant::PrunerAddsDroppedPack);
    let segment_is_gone = !fresh
        .and(ledger.dropped_segments.minus(ledger.dropped_packs))
        .is_empty()
        && !config.breaks(Mutant::PrunerAddsDroppedSegment);
    let fresh_is_bad = !fresh.and(ledger.damaged).is_empty()
        || ledger.retired && !fresh.within(state.objects.new_epoch);
    let mut now = *ledger;
    if config.breaks(Mutant::PrunerIgnoresOtherTombstones) {
        now.packs = pruner.packs_then.or(ledger.packs);
        now.segments = now.segments.or(pruner.packs_then);
    }
    if config.breaks(Mutant::PrunerKeepsDamagedCopy) {
        now.damaged = Set::EMPTY;
    }
    let live = if config.breaks(Mutant::PrunerIgnoresNewCommits) {
        pruner.live_then
    } else {
        ledger.live(config)
    };
    let owed = live.and(ledger.available(&state.objects));
    let mut after = now;
    after.packs = now.packs.or(fresh).minus(entry.drop_packs);
    if !config.breaks(Mutant::TombstoneForgetsMappings) {
        after.segments = now.segments.or(fresh).minus(entry.drop_segments);
    }
    let keeps = owed.within(after.available(&state.objects));
    pack_is_gone
        || segment_is_gone
        || fresh_is_bad
        || !keeps
        || loses_damaged(state, ledger, pruner.drop_packs, config)
}

/// Learns what became of the Tombstone.
pub(super) fn learn(state: &mut State, number: u8, config: &Config) {
    let sender = Sender::Pruner(number);
    let Some(message) = state.message_of(sender) else {
        return;
    };
    if message.fate == Fate::Lost && usize::from(message.slot) == state.log.len() {
        return state.resend(sender);
    }
    state.take_message(sender);
    if message.fate != Fate::Won {
        let pruner = Pruner {
            work: Work::Ready,
            ..state.pruner(number)
        };
        return state.set_pruner(number, pruner);
    }
    if config.breaks(Mutant::PrunerAddsDroppedPack)
        || config.breaks(Mutant::PrunerAddsDroppedSegment)
    {
        state.wrong.believed_dropped = state.wrong.believed_dropped.or(message.entry.drop_packs);
    }
    next_round(state, number, config);
}

/// Takes silence for success, and will delete.
pub(super) fn trust_silence(state: &mut State, number: u8, config: &Config) {
    state.wrong.believed_dropped = state
        .wrong
        .believed_dropped
        .or(state.pruner(number).drop_packs);
    state.abandon_message(Sender::Pruner(number));
    next_round(state, number, config);
}

/// Dies at any point.
pub(super) fn crash(state: &mut State, number: u8, config: &Config) {
    state.budget.crashes = state.budget.crashes.saturating_sub(1);
    state.abandon_message(Sender::Pruner(number));
    let pruner = state.pruner(number);
    if pruner.work == Work::Uploading && config.late_packs {
        let fresh = Set::one(config.repacked(number, pruner.round));
        state.objects.late_packs = state.objects.late_packs.or(fresh);
    }
    next_round(state, number, config);
}

fn next_round(state: &mut State, number: u8, config: &Config) {
    let round = state.pruner(number).round + 1;
    let work = if round < config.rounds {
        Work::Idle
    } else {
        Work::Done
    };
    let round = round.min(config.rounds);
    state.set_pruner(
        number,
        Pruner {
            work,
            round,
            ..Pruner::default()
        },
    );
}
