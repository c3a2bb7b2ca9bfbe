//! The worlds that are explored.

use super::{Config, Set};

pub(super) const PAGE_AND_CHILD: Set = Set::of(&[0, 1]);

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
        reading(),
    ]
}

/// Larger worlds, which take minutes each.
pub fn slow() -> Vec<Config> {
    [large_races(), large_maintenance(), large_sessions()].concat()
}

fn large_races() -> Vec<Config> {
    vec![
        Config {
            name: "2 writers, 2 pruners, 1 crash",
            sessions: 2,
            crashes: 1,
            ..two_and_two()
        },
        Config {
            name: "2 writers, 2 pruners, 1 lost entry, late packs",
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
            losses: 0,
            late_packs: false,
            ..two_and_one()
        },
        Config {
            name: "2 writers of 2 backups, 1 pruner of 2 rounds",
            rounds: 2,
            crashes: 0,
            losses: 0,
            backups: 2,
            ..two_and_one()
        },
        Config {
            name: "2 writers, 1 pruner, whole journal, 1 lost or doubled entry",
            losses: 1,
            ..history()
        },
    ]
}

fn large_maintenance() -> Vec<Config> {
    vec![
        Config {
            name: "2 writers, 1 pruner, 1 merger, 1 crash",
            sessions: 2,
            crashes: 1,
            ..merging()
        },
        Config {
            name: "2 writers, 1 pruner, merger of 2 rounds",
            merges: 2,
            ..merging()
        },
        Config {
            name: "1 writer, 2 pruners, Condemn, 2 Damaged",
            damages: 2,
            pruners: 2,
            crashes: 0,
            ..damage()
        },
        Config {
            name: "2 writers, 2 pruners, holds",
            pruners: 2,
            ..holds()
        },
        Config {
            name: "2 writers, 1 pruner of 2 rounds, epochs",
            drops: 1,
            rounds: 2,
            ..epochs()
        },
    ]
}

fn large_sessions() -> Vec<Config> {
    vec![
        Config {
            name: "2 writers, 1 pruner that ends sessions, announcing and sleeping, 1 crash",
            ends_sessions: true,
            ..sleepers()
        },
        Config {
            name: "2 writers, 2 pruners, announcing and sleeping",
            pruners: 2,
            sessions: 1,
            crashes: 0,
            ..sleepers()
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
        drops: 2,
        ..Config::new("2 writers, 1 pruner, epochs")
    }
}

fn sleepers() -> Config {
    Config {
        targets: vec![Set::of(&[0, 1, 2]), Set::of(&[2])],
        announces: true,
        sessions: 2,
        crashes: 1,
        ..Config::new("2 writers, 1 pruner, announcing and sleeping, 1 crash")
    }
}

fn reading() -> Config {
    Config {
        reader: true,
        drops: 2,
        drops_segments: true,
        ..Config::new("1 writer, 1 pruner that drops segments too, 1 reader")
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

pub(super) fn history() -> Config {
    Config {
        targets: vec![PAGE_AND_CHILD, Set::of(&[2])],
        journal: true,
        ..Config::new("2 writers, 1 pruner, whole journal")
    }
}
