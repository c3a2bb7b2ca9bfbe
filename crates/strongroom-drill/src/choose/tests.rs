use std::collections::BTreeSet;

use proptest::prelude::*;
use strongroom_format::ObjectHash;

use super::*;

fn head(n: u64) -> Head {
    Head {
        n,
        hash: ObjectHash::of(&n.to_le_bytes()),
    }
}

fn point(number: u16, day: i64) -> Point {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Point {
        snapshot: Id::from_bytes(bytes),
        captured: Time::new(day * 86_400, 0),
    }
}

const ALL: [Rule; 5] = [
    Rule::Latest,
    Rule::Random,
    Rule::Stratified,
    Rule::NeverTested,
    Rule::Oldest,
];

fn ids(choices: &[Choice]) -> Vec<Id> {
    choices.iter().map(|choice| choice.snapshot).collect()
}

#[test]
fn words_are_those_of_policies() {
    for rule in ALL {
        assert_eq!(rule.as_str().parse(), Ok(rule));
    }
    assert_eq!("newest".parse::<Rule>(), Err(UnknownRule));
    let words = ["latest", "random", "stratified", "never-tested", "oldest"];
    assert_eq!(ALL.map(Rule::as_str).as_slice(), words);
}

#[test]
fn the_position_is_the_documented_one() {
    // Computed by another implementation of BLAKE3 from the sentences of this module's documentation.
    let seed = Seed::new(
        "strongroom v1 drill random",
        &Head {
            n: 20_852,
            hash: ObjectHash::from_bytes([1; 32]),
        },
    );
    assert_eq!(seed.position(&[9; 32]), GOLDEN);
}

#[test]
fn each_age_is_tried_before_one_is_tried_twice() {
    let points: Vec<_> = (0..500).map(|day| point(day, i64::from(day))).collect();
    let chosen = choose(&points, &Tested::new(), Rule::Stratified, &head(3), 5);
    let ages: BTreeSet<_> = chosen
        .iter()
        .filter_map(|choice| match choice.because.as_slice() {
            [Because::Stratified { age, .. }] => Some(*age),
            _ => None,
        })
        .collect();
    assert_eq!(ages.len(), 5);
}

#[test]
fn what_was_proven_comes_last_and_the_oldest_proof_first() {
    let points: Vec<_> = (0..4).map(|number| point(number, 0)).collect();
    let proven = |number: u16, at| (point(number, 0).snapshot, Time::new(at, 0));
    let tested = Tested::from([proven(0, 50), proven(1, 20), proven(3, 30)]);
    let chosen = choose(&points, &tested, Rule::NeverTested, &head(1), 3);
    let expected = [2, 1, 3].map(|number| point(number, 0).snapshot);
    assert_eq!(ids(&chosen), expected);
    assert_eq!(
        chosen[1].because,
        [Because::TestedLongestAgo {
            at: Time::new(20, 0)
        }]
    );
}

#[test]
fn a_point_that_several_rules_choose_is_restored_once() {
    let points = [point(1, 1)];
    let chosen = choose_all(&points, &Tested::new(), &ALL, &head(1), 3);
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0].because.len(), ALL.len());
    assert!(
        chosen[0]
            .to_string()
            .starts_with("latest; random: seed = journal head 1, position ")
    );
}

#[test]
fn no_point_is_preferred_over_many_heads() {
    let points: Vec<_> = (0..10).map(|number| point(number, 0)).collect();
    let mut counts = [0_u32; 10];
    for n in 0..2_000 {
        let chosen = choose(&points, &Tested::new(), Rule::Random, &head(n), 1);
        let at = points
            .iter()
            .position(|point| point.snapshot == chosen[0].snapshot);
        counts[at.unwrap()] += 1;
    }
    // 200 each is expected; the standard deviation is 13.4.
    assert!(
        counts.iter().all(|count| (140..=260).contains(count)),
        "{counts:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_choice_is_a_part_of_the_points_and_follows_from_them_and_the_head_alone(
        numbers in proptest::collection::vec((0..200_u16, 0..800_i64), 0..40),
        rule in proptest::sample::select(ALL.as_slice()),
        n in 0..50_usize,
        seed in any::<u64>(),
        proven in proptest::collection::btree_set(0..200_u16, 0..40),
    ) {
        let mut points: Vec<Point> = Vec::new();
        for (number, day) in numbers {
            if !points.iter().any(|known| known.snapshot == point(number, 0).snapshot) {
                points.push(point(number, day));
            }
        }
        let proven = proven.iter().map(|number| (point(*number, 0).snapshot, Time::new(i64::from(*number), 0)));
        let tested: Tested = proven.collect();
        let chosen = choose(&points, &tested, rule, &head(seed), n);
        prop_assert_eq!(chosen.len(), n.min(points.len()));
        let distinct: BTreeSet<_> = ids(&chosen).into_iter().collect();
        prop_assert_eq!(distinct.len(), chosen.len());
        let known: BTreeSet<_> = points.iter().map(|point| point.snapshot).collect();
        prop_assert!(distinct.is_subset(&known));
        let mut turned = points.clone();
        turned.reverse();
        prop_assert_eq!(&chosen, &choose(&turned, &tested, rule, &head(seed), n));
        // Asking for more changes nothing about the first.
        let more = choose(&points, &tested, rule, &head(seed), n + 3);
        prop_assert_eq!(&more[..chosen.len()], chosen.as_slice());
    }
}

const GOLDEN: u64 = 2_377_572_141_058_511_673;
