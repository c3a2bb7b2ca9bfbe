//! The worlds that are explored, and the one in which each mutant is caught.

use super::{Config, I1, I2, I3, I4, I5, I6, I7, Mutant, Set};

const PAGE_AND_CHILD: Set = Set::of(&[0, 1]);

/// Worlds that are explored whenever the tests run: all of them together take seconds.
pub fn quick() -> Vec<Config> {
    vec![
        two_and_one(),
        two_and_two(),
        merging(),
        damage(),
        holds(),
        epochs(),
        sleepers(),
        twins(),
        history(),
    ]
}

/// Larger worlds, which take minutes each.
pub fn slow() -> Vec<Config> {
    vec![
        Config {
            name: "2 writers, 2 pruners, 1 crash",
            sessions: 2,
            crashes: 1,
            ..two_and_two()
        },
        Config {
            name: "2 writers, 2 pruners, 1 crash, 1 lost entry, late packs",
            sessions: 2,
            crashes: 1,
            losses: 1,
            late_packs: true,
            ..two_and_two()
        },
        Config {
            name: "2 writers, 2 pruners, 2 packs a Tombstone",
            drops: 2,
            ..two_and_two()
        },
        Config {
            name: "2 writers, 1 pruner of 2 rounds, 1 crash",
            rounds: 2,
            sessions: 2,
            crashes: 1,
            ..two_and_one()
        },
        Config {
            name: "2 writers, 1 pruner, merger of 2 rounds, 1 crash",
            merges: 2,
            crashes: 1,
            sessions: 2,
            ..merging()
        },
        Config {
            name: "1 writer, 2 pruners, Condemn, 2 Damaged",
            damages: 2,
            pruners: 2,
            ..damage()
        },
        Config {
            name: "2 writers, 2 pruners, holds",
            pruners: 2,
            ..holds()
        },
        Config {
            name: "2 writers, 2 pruners, epochs",
            pruners: 2,
            ..epochs()
        },
        Config {
            name: "2 writers, 2 pruners, announcing and sleeping, 1 crash",
            pruners: 2,
            ..sleepers()
        },
        Config {
            name: "2 writers, 1 pruner, whole journal, 1 lost or doubled entry",
            losses: 1,
            ..history()
        },
    ]
}

fn two_and_one() -> Config {
    Config {
        targets: vec![Set::of(&[0, 1, 2]), Set::of(&[0, 1, 3])],
        sessions: 2,
        crashes: 1,
        losses: 1,
        late_packs: true,
        ..Config::new("2 writers, 1 pruner, 1 crash, 1 lost entry, late packs")
    }
}

fn two_and_two() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[0, 1, 2])],
        pruners: 2,
        ..Config::new("2 writers, 2 pruners")
    }
}

fn merging() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[0, 1, 2])],
        merges: 1,
        segments: true,
        ..Config::new("2 writers, 1 pruner, 1 merger")
    }
}

fn damage() -> Config {
    Config {
        initial: vec![Set::of(&[0]), Set::of(&[1]), Set::of(&[1])],
        condemns: 1,
        damages: 1,
        uploads: 3,
        sessions: 2,
        crashes: 1,
        ..Config::new("1 writer, 1 pruner, Condemn, Damaged, 1 crash")
    }
}

fn holds() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[0, 1, 2])],
        holds: 2,
        forgets: 2,
        ..Config::new("2 writers, 1 pruner, holds")
    }
}

fn epochs() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[0, 1, 2])],
        epochs: true,
        rounds: 2,
        ..Config::new("2 writers, 1 pruner, epochs")
    }
}

fn sleepers() -> Config {
    Config {
        targets: vec![Set::of(&[0, 1, 2]), Set::of(&[2])],
        announces: true,
        ends_sessions: true,
        sessions: 2,
        crashes: 1,
        ..Config::new("2 writers, 1 pruner, announcing and sleeping, 1 crash")
    }
}

fn twins() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[0, 1, 2])],
        twins: true,
        announces: true,
        ends_sessions: true,
        ..Config::new("2 writers of one identity, 1 pruner")
    }
}

fn history() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[2])],
        journal: true,
        ..Config::new("2 writers, 1 pruner, whole journal")
    }
}

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
        Mutant::SilenceIsSuccess | Mutant::CommitsDroppedPack | Mutant::CommitsEndedSession => {
            vec![I2]
        }
        Mutant::ForgetIgnoresHolds => vec![I7],
        Mutant::CommitBeforePack | Mutant::CommitBeforeSegment => vec![I1, I5],
        Mutant::DeletesBeforeTombstone
        | Mutant::DeletesOrphansWithoutTombstone
        | Mutant::DeletesSleepersPacks
        | Mutant::PrunerTakesSilenceForSuccess
        | Mutant::PrunerAddsDroppedPack
        | Mutant::CondemnedIsDropped => vec![I1, I4],
        _ => vec![I1, I6],
    }
}

fn world_of(mutant: Mutant) -> Config {
    let small = Config::new("1 writer, 1 pruner");
    let copies = |small| Config {
        initial: vec![PAGE_AND_CHILD, PAGE_AND_CHILD],
        targets: Vec::new(),
        ..small
    };
    match mutant {
        Mutant::DeletesSleepersPacks => Config {
            announces: true,
            ..small
        },
        Mutant::DamagedParentTrusted | Mutant::DamagedCopyCounts => Config {
            damages: 1,
            ..small
        },
        Mutant::PutReplaces => history(),
        Mutant::StaleCacheTrusted => Config {
            crashes: 1,
            ..small
        },
        Mutant::CommitsEndedSession => Config {
            ends_sessions: true,
            ..small
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
        Mutant::MergeDropsMappings
        | Mutant::MergeAddsDroppedSegment
        | Mutant::TombstoneForgetsMappings => Config { merges: 1, ..small },
        Mutant::PrunerKeepsDamagedCopy => Config {
            damages: 1,
            ..copies(small)
        },
        Mutant::RefersToRetiredEpoch
        | Mutant::AddsUnderRetiredEpoch
        | Mutant::RetiresWithoutSurvivors => Config {
            epochs: true,
            ..small
        },
        Mutant::ForgetIgnoresHolds => Config { holds: 1, ..small },
        Mutant::AnnouncedIsKept => Config {
            targets: vec![Set::of(&[2]), Set::of(&[2])],
            announces: true,
            ..small
        },
        Mutant::CondemnedIsDropped => Config {
            condemns: 1,
            ..small
        },
        _ => small,
    }
}
