//! What happens beside backing up and pruning: forgetting, holds, damage, epochs, deleting, and what lands late.

use super::journal::{Entry, Kind, Ledger};
use super::state::State;
use super::{Action, Config, Mutant, Set};

/// What may happen next.
pub(super) fn actions(state: &State, config: &Config, actions: &mut Vec<Action>) {
    let ledger = state.ledger(config);
    deletes(state, &ledger, actions);
    actions.extend(state.objects.late_packs.iter().map(Action::PackLands));
    actions.extend(state.objects.late_segments.iter().map(Action::SegmentLands));
    if state.budget.forgets > 0 {
        let spared = if config.breaks(Mutant::ForgetIgnoresHolds) {
            Set::EMPTY
        } else {
            ledger.held
        };
        actions.extend(ledger.snapshots.minus(spared).iter().map(Action::Forget));
    }
    if state.budget.condemns > 0 {
        actions.extend(
            ledger
                .packs
                .minus(ledger.condemned)
                .iter()
                .map(Action::Condemn),
        );
    }
    if state.budget.damages > 0 {
        actions.extend(
            state
                .objects
                .packs
                .minus(ledger.damaged)
                .minus(ledger.dropped_packs)
                .iter()
                .map(Action::Damage),
        );
    }
    if state.budget.holds > 0 {
        actions.extend(ledger.snapshots.minus(ledger.held).iter().map(Action::Hold));
        actions.extend(ledger.held.iter().map(Action::Release));
    }
    if config.breaks(Mutant::CondemnedIsDropped) {
        actions.push(Action::BelieveDropped(
            ledger.condemned.minus(state.wrong.believed_dropped),
        ));
    }
    let lost = ledger.dropped_packs.minus(ledger.packs);
    if config.breaks(Mutant::TombstoneRevoked)
        && !lost.is_empty()
        && lost.within(state.objects.packs)
    {
        actions.push(Action::Revoke);
    }
    if config.epochs && !ledger.closed {
        actions.push(Action::CloseEpoch);
    }
    if config.epochs && ledger.closed && !ledger.retired && may_retire(state, &ledger, config) {
        actions.push(Action::RetireEpoch);
    }
}

/// Anybody deletes what was dropped, one object at a time, as often as it is there.
fn deletes(state: &State, ledger: &Ledger, actions: &mut Vec<Action>) {
    let packs = ledger
        .dropped_packs
        .or(state.wrong.believed_dropped)
        .and(state.objects.packs);
    actions.extend(packs.iter().map(Action::DeletePack));
    let segments = ledger.dropped_segments.and(state.objects.segments);
    actions.extend(segments.minus(packs).iter().map(Action::DeleteSegment));
}

/// The precondition of retiring epoch 0: every live blob has a good copy under epoch 1.
fn may_retire(state: &State, ledger: &Ledger, config: &Config) -> bool {
    let after = Ledger {
        retired: true,
        ..*ledger
    };
    config.breaks(Mutant::RetiresWithoutSurvivors)
        || ledger.live(config).within(after.available(&state.objects))
}

/// Deletes a pack, and its segment if that was dropped with it.
pub(super) fn delete_pack(state: &mut State, pack: u8, config: &Config) {
    let pack = Set::one(pack);
    let segment = pack
        .and(state.ledger(config).dropped_segments)
        .and(state.objects.segments);
    state.objects.packs = state.objects.packs.minus(pack);
    state.objects.deleted_packs = state.objects.deleted_packs.or(pack);
    delete_segments(state, segment);
}

/// Deletes segments.
pub(super) fn delete_segments(state: &mut State, segments: Set) {
    state.objects.segments = state.objects.segments.minus(segments);
    state.objects.deleted_segments = state.objects.deleted_segments.or(segments);
}

/// A pack lands that was sent long ago, with its segment where that is no step of its own.
pub(super) fn pack_lands(state: &mut State, pack: u8, config: &Config) {
    let pack = Set::one(pack);
    state.objects.late_packs = state.objects.late_packs.minus(pack);
    state.objects.packs = state.objects.packs.or(pack);
    if !config.segments {
        state.objects.segments = state.objects.segments.or(pack);
    }
}

/// A segment lands that was sent long ago.
pub(super) fn segment_lands(state: &mut State, segment: u8) {
    let segment = Set::one(segment);
    state.objects.late_segments = state.objects.late_segments.minus(segment);
    state.objects.segments = state.objects.segments.or(segment);
}

/// Brings back what was dropped, which nobody may do: another may be about to delete it.
pub(super) fn revoke(state: &mut State, config: &Config) {
    let ledger = state.ledger(config);
    let entry = Entry {
        kind: Kind::Revoke,
        snapshots: ledger.committed,
        marked: ledger.dropped_packs.and(state.objects.packs),
        ..Entry::default()
    };
    state.append(entry, config);
}

/// An entry of one who needs nothing but the state before it.
pub(super) fn entry(action: Action) -> Option<Entry> {
    let of = |kind| Entry {
        kind,
        ..Entry::default()
    };
    let snapshot = |kind, snapshot| Entry {
        snapshots: Set::one(snapshot),
        ..of(kind)
    };
    let marked = |kind, pack| Entry {
        marked: Set::one(pack),
        ..of(kind)
    };
    match action {
        Action::Forget(id) => Some(snapshot(Kind::Forget, id)),
        Action::Hold(id) => Some(snapshot(Kind::Hold, id)),
        Action::Release(id) => Some(snapshot(Kind::Release, id)),
        Action::Condemn(pack) => Some(marked(Kind::Condemn, pack)),
        Action::Damage(pack) => Some(marked(Kind::Damaged, pack)),
        Action::CloseEpoch => Some(of(Kind::Close)),
        Action::RetireEpoch => Some(of(Kind::Retire)),
        _ => None,
    }
}

/// Appends such an entry and pays for it.
pub(super) fn append(state: &mut State, entry: Entry, config: &Config) {
    let budget = &mut state.budget;
    let paid = match entry.kind {
        Kind::Forget => &mut budget.forgets,
        Kind::Condemn => &mut budget.condemns,
        Kind::Damaged => &mut budget.damages,
        Kind::Hold | Kind::Release => &mut budget.holds,
        _ => return state.append(entry, config),
    };
    *paid = paid.saturating_sub(1);
    state.append(entry, config);
}
