use strongroom_format::ObjectHash;

use super::*;
use crate::Head;

fn bound() -> Bound {
    Bound {
        stratum: None,
        confidence: "99%".parse().unwrap(),
        at_most: 811,
        below: Some("0.1%".parse().unwrap()),
        level: Level::Decoded,
        population: 812_000,
        drawn: 4_603,
        seen: 0,
        found: 0,
        origin: Origin::Journal(Head {
            n: 20_852,
            hash: ObjectHash::of(b"entry"),
        }),
    }
}

fn check(statement: impl fmt::Display, expected: &str) {
    assert_eq!(statement.to_string(), expected);
}

#[test]
fn a_sample_says_what_it_proves() {
    check(
        Statement::Sampled(bound()),
        "99 % sure that fewer than 0.1 % of packs are damaged: 4,603 of 812,000 read at L3 decoded, seed = journal head 20852",
    );
    let seen = Bound {
        at_most: 2_111,
        below: None,
        seen: 3,
        found: 17,
        ..bound()
    };
    check(
        seen,
        "99 % sure that at most 0.26 % of packs are damaged, 2,111 of them: 4,603 of 812,000 read at L3 decoded and 3 of \
         these damaged, 17 found in all, seed = journal head 20852",
    );
    let little = Bound {
        below: None,
        at_most: 8_599,
        ..bound()
    };
    check(
        little,
        "99 % sure that fewer than 1.06 % of packs are damaged: 4,603 of 812,000 read at L3 decoded, seed = journal head 20852",
    );
    let nothing = Bound {
        at_most: 812_000,
        below: None,
        drawn: 0,
        ..bound()
    };
    check(
        nothing,
        "nothing is known about how many packs are damaged: 0 of 812,000 read at L3 decoded, seed = journal head 20852",
    );
    let stratum = Bound {
        stratum: Some(Stratum {
            added: (12, 400),
            writer: Some([0xAB; 32]),
            population: 1_000,
            drawn: 258,
            last: 1,
        }),
        confidence: "95%".parse().unwrap(),
        at_most: 9,
        below: None,
        population: 1_000,
        drawn: 258,
        ..bound()
    };
    check(
        stratum,
        "of packs added by entries 12 to 400 of writer abababab: 95 % sure that fewer than 1 % of packs are damaged: \
         258 of 1,000 read at L3 decoded, seed = journal head 20852",
    );
}

#[test]
fn evidence_says_how_old_it_is() {
    let day = Duration::from_secs(86_400);
    let age = Age {
        level: Level::Decoded,
        packs: 812_000,
        never: 0,
        within: Some(30 * day),
        late: 0,
        oldest: Some(29 * day + day / 2),
    };
    check(
        Statement::Age(age.clone()),
        "every pack was read at L3 decoded within the last 30 days (oldest 29 d)",
    );
    check(
        Age {
            within: None,
            ..age
        },
        "every pack was read at L3 decoded (oldest 29 d ago)",
    );
    check(
        Age {
            never: 12,
            late: 800,
            ..age
        },
        "812 of 812,000 packs were not read at L3 decoded within the last 30 days, 12 of them never, or are damaged",
    );
    check(
        Age { late: 1, ..age },
        "1 of 812,000 packs were not read at L3 decoded within the last 30 days",
    );
}

#[test]
fn a_round_says_how_far_it_is() {
    let round = Round {
        began: 20_000,
        done: "36.6%".parse().unwrap(),
        age: Duration::from_secs(11 * 86_400),
        period: Duration::from_secs(30 * 86_400),
    };
    check(
        Statement::Round(round),
        "36.6 % of a round of 30 days is read, which began 11 d ago, seed = journal head 20000",
    );
}

#[test]
fn a_full_reading_says_so() {
    let census = Census {
        level: Level::Hashed,
        packs: 1_000,
        damaged: 0,
        unread: 0,
    };
    check(
        Statement::Read(census.clone()),
        "every pack was read at L1 hashed: none of 1,000 is damaged",
    );
    check(
        Census {
            damaged: 3,
            unread: 2,
            ..census
        },
        "every pack but 2 was read at L1 hashed: 3 of 1,000 damaged",
    );
    check(
        Census {
            level: Level::Listed,
            ..census
        },
        "every pack was looked for at L0 listed, and none read: none of 1,000 is damaged",
    );
}

#[test]
fn lengths_of_time_are_short() {
    for (seconds, words, brief) in [
        (0, "0 seconds", "0 s"),
        (60, "minute", "60 s"),
        (7_200, "2 hours", "2 h"),
        (86_400, "day", "24 h"),
        (2_592_000, "30 days", "30 d"),
        (90_061, "90061 seconds", "25 h"),
    ] {
        let time = Duration::from_secs(seconds);
        assert_eq!(
            (in_words(time).as_str(), short(time).as_str()),
            (words, brief)
        );
    }
}
