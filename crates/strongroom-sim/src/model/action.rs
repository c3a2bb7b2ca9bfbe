//! One step of somebody.

use super::config::{MAX_PRUNERS, MAX_WRITERS};
use super::state::{Fate, State};
use super::{Config, Set, merger, outside, pruner, reader, writer};

/// One step. Numbers are those of writers, pruners, packs, segments, snapshots or messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each is described by the function of the same name"
)]
pub enum Action {
    Begin(u8),
    Upload(u8),
    PutSegment(u8),
    Announce(u8),
    Commit(u8),
    WriterLearns(u8),
    WriterDoubts(u8),
    WriterTrustsSilence(u8),
    WriterCrashes(u8),
    Plan {
        pruner: u8,
        packs: Set,
        segments: Set,
        ends: Set,
    },
    Copy(u8),
    Tombstone(u8),
    PrunerLearns(u8),
    PrunerTrustsSilence(u8),
    PrunerCrashes(u8),
    Merge(Set),
    PutMerged,
    ReplaceSegments,
    MergerLearns,
    MergerCrashes,
    Land(u8),
    LandTwice(u8),
    Lose(u8),
    PackLands(u8),
    SegmentLands(u8),
    DeletePack(u8),
    DeleteSegment(u8),
    BelieveDropped(Set),
    Forget(u8),
    Condemn(u8),
    Damage(u8),
    Hold(u8),
    Release(u8),
    CloseEpoch,
    RetireEpoch,
    Revoke,
    Open(u8),
    Read,
}

/// Everything that may happen next.
pub(super) fn actions(state: &State, config: &Config, actions: &mut Vec<Action>) {
    for number in 0..MAX_WRITERS {
        writer::actions(state, number, config, actions);
    }
    for number in 0..MAX_PRUNERS {
        pruner::actions(state, number, config, actions);
    }
    merger::actions(state, config, actions);
    reader::actions(state, config, actions);
    for (number, message) in (0..).zip(&state.messages) {
        if message.fate == Fate::Flying {
            actions.push(Action::Land(number));
            if state.budget.losses > 0 {
                actions.push(Action::Lose(number));
                if config.journal {
                    actions.push(Action::LandTwice(number));
                }
            }
        }
    }
    outside::actions(state, config, actions);
    actions.retain(|action| !matches!(action, Action::BelieveDropped(packs) if packs.is_empty()));
}

impl Action {
    /// Does it.
    pub(super) fn apply(self, state: &mut State, config: &Config) {
        if let Some(entry) = outside::entry(self) {
            return outside::append(state, entry, config);
        }
        match self {
            Self::Begin(number) => writer::begin(state, number, config),
            Self::Upload(number) => writer::upload(state, number, config),
            Self::PutSegment(number) => writer::put_segment(state, number),
            Self::Announce(number) => writer::announce(state, number, config),
            Self::Commit(number) => writer::commit(state, number, config),
            Self::WriterLearns(number) => writer::learn(state, number, config),
            Self::WriterDoubts(number) => writer::doubt(state, number),
            Self::WriterTrustsSilence(number) => writer::trust_silence(state, number),
            Self::WriterCrashes(number) => writer::crash(state, number, config),
            Self::Plan {
                pruner,
                packs,
                segments,
                ends,
            } => pruner::plan(state, pruner, packs, segments, ends, config),
            Self::Copy(number) => pruner::copy(state, number, config),
            Self::Tombstone(number) => pruner::tombstone(state, number, config),
            Self::PrunerLearns(number) => pruner::learn(state, number, config),
            Self::PrunerTrustsSilence(number) => pruner::trust_silence(state, number, config),
            Self::PrunerCrashes(number) => pruner::crash(state, number, config),
            Self::Merge(segments) => merger::merge(state, segments, config),
            Self::PutMerged => merger::put(state),
            Self::ReplaceSegments => merger::replace(state, config),
            Self::MergerLearns => merger::learn(state, config),
            Self::MergerCrashes => merger::crash(state, config),
            Self::Land(message) => state.land(usize::from(message), config),
            Self::LandTwice(message) => state.duplicate(usize::from(message), config),
            Self::Lose(message) => state.lose(usize::from(message)),
            Self::PackLands(pack) => outside::pack_lands(state, pack, config),
            Self::SegmentLands(segment) => outside::segment_lands(state, segment),
            Self::DeletePack(pack) => outside::delete_pack(state, pack, config),
            Self::DeleteSegment(segment) => outside::delete_segments(state, Set::one(segment)),
            Self::BelieveDropped(packs) => {
                state.wrong.believed_dropped = state.wrong.believed_dropped.or(packs);
            }
            Self::Forget(_)
            | Self::Condemn(_)
            | Self::Damage(_)
            | Self::Hold(_)
            | Self::Release(_)
            | Self::CloseEpoch
            | Self::RetireEpoch => {}
            Self::Open(snapshot) => reader::open(state, snapshot, config),
            Self::Read => reader::read(state, config),
            Self::Revoke => outside::revoke(state, config),
        }
    }
}
