//! What each mutant breaks, and in which world.

use super::presets::{PAGE_AND_CHILD, history};
use super::{Config, I1, I2, I3, I4, I5, I6, I7, I8, Mutant, Set};

/// Every mutant, with a small world in which it breaks the invariants that stand beside it.
pub fn mutants() -> Vec<(Mutant, Config, Vec<&'static str>)> {
    Mutant::ALL
        .into_iter()
        .map(|mutant| (mutant, world_of(mutant), breaks(mutant)))
        .map(|(mutant, config, invariants)| (mutant, config.with_mutant(mutant), invariants))
        .collect()
}

fn breaks(mutant: Mutant) -> Vec<&'static str> {
    match mutant {
        Mutant::PutReplaces => vec![I2, I3],
        Mutant::SilenceIsSuccess
        | Mutant::CommitsDroppedSegment
        | Mutant::CommitsDroppedPack
        | Mutant::CommitsEndedSession => {
            vec![I2]
        }
        Mutant::ForgetIgnoresHolds => vec![I7],
        Mutant::ReaderGivesUp => vec![I8],
        Mutant::CommitBeforePack
        | Mutant::CommitBeforeSegment
        | Mutant::TombstoneBeforePack
        | Mutant::IndexBeforeSegment => vec![I1, I5],
        Mutant::DeletesBeforeTombstone
        | Mutant::DeletesOrphansWithoutTombstone
        | Mutant::DeletesSleepersPacks
        | Mutant::PrunerTakesSilenceForSuccess
        | Mutant::PrunerAddsDroppedPack
        | Mutant::PrunerAddsDroppedSegment
        | Mutant::CondemnedIsDropped => vec![I1, I4],
        _ => vec![I1, I6],
    }
}

/// The smallest worlds that have what a mutant needs.
fn world_of(mutant: Mutant) -> Config {
    let small = Config::new("a small world");
    match mutant {
        Mutant::PutReplaces => history(),
        Mutant::StaleCacheTrusted => Config {
            crashes: 1,
            ..small
        },
        Mutant::CommitsEndedSession => Config {
            ends_sessions: true,
            ..small
        },
        Mutant::ReaderGivesUp => Config {
            reader: true,
            ..small
        },
        Mutant::ForgetIgnoresHolds => Config { holds: 1, ..small },
        Mutant::CondemnedIsDropped => Config {
            condemns: 1,
            ..small
        },
        Mutant::DeletesSleepersPacks => Config {
            announces: true,
            ..small
        },
        Mutant::AnnouncedIsKept => Config {
            targets: vec![Set::of(&[2]), Set::of(&[2])],
            announces: true,
            ..small
        },
        Mutant::SegmentsGoUnnoticed
        | Mutant::CommitsDroppedSegment
        | Mutant::UnmappedPackCounts => Config {
            drops_segments: true,
            ..small
        },
        _ => world_of_maintenance(mutant, small),
    }
}

fn world_of_maintenance(mutant: Mutant, small: Config) -> Config {
    let copies = |small| Config {
        initial: vec![PAGE_AND_CHILD, PAGE_AND_CHILD],
        targets: Vec::new(),
        ..small
    };
    match mutant {
        Mutant::DamagedParentTrusted
        | Mutant::DamagedCopyCounts
        | Mutant::DamageGoesUnnoticed
        | Mutant::PrunerDropsDamagedCopy => Config {
            damages: 1,
            ..small
        },
        Mutant::PrunerKeepsDamagedCopy => Config {
            damages: 1,
            ..copies(small)
        },
        Mutant::PrunerIgnoresOtherTombstones => Config {
            pruners: 2,
            ..copies(small)
        },
        Mutant::PrunerAddsDroppedPack => Config {
            pruners: 2,
            targets: Vec::new(),
            ..small
        },
        Mutant::PrunerAddsDroppedSegment => Config {
            drops_segments: true,
            pruners: 2,
            targets: Vec::new(),
            ..small
        },
        Mutant::MergeDropsMappings
        | Mutant::IndexBeforeSegment
        | Mutant::MergeAddsDroppedSegment
        | Mutant::TombstoneForgetsMappings => Config { merges: 1, ..small },
        Mutant::RefersToRetiredEpoch
        | Mutant::AddsUnderRetiredEpoch
        | Mutant::RetirementGoesUnnoticed
        | Mutant::RetiresWithoutSurvivors => Config {
            epochs: true,
            ..small
        },
        _ => small,
    }
}
