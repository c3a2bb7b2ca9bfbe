//! Ten thousand damaged populations: what is stated holds as often as is stated.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_format::{ObjectHash, Stratum};

use super::bound::{Drawn, Strata};
use super::chance::{Urn, float};
use super::position::{Purpose, Seed};
use super::strata::{allot, divide, draw, stratum_of};
use super::testing::{Chance, Diary, day, head, units};
use super::{PackSelection, Sampling, Share, Statement, Unit, sample_size};

/// Populations of the tests that state one number.
const TRIALS: u64 = 10_000;
/// Populations of each variant of the others.
const FEWER: u64 = 2_500;

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

/// Four and a half standard deviations: one such test in 300,000 fails without a reason, and these have fixed seeds.
fn margin(trials: u64, chance: f64) -> f64 {
    4.5 * (float(trials) * chance * (1.0 - chance)).sqrt()
}

/// Asserts that something happened as often as it must.
fn assert_as_often(count: u64, chance: f64) {
    let expected = float(TRIALS) * chance;
    let difference = (float(count) - expected).abs();
    assert!(
        difference <= margin(TRIALS, chance),
        "{count} times, not {expected}"
    );
}

/// Asserts that something happened no more often than it may.
fn assert_at_most(count: u64, chance: f64) {
    let most = float(FEWER) * chance + margin(FEWER, chance);
    assert!(float(count) <= most, "{count} times, not at most {most}");
}

#[test]
fn an_ideal_draw_misses_as_often_as_is_computed() {
    let (population, confidence, below) = (200, share("95%"), share("2.5%"));
    let read = sample_size(population, confidence, below);
    let damaged = below.of(population);
    let mut chance = Chance::new(1);
    let mut deck: Vec<u64> = (0..population).collect();
    let mut misses = 0;
    for _ in 0..TRIALS {
        let mut is_missed = true;
        for at in 0..read {
            let other = at + chance.below(population - at);
            deck.swap(
                usize::try_from(at).unwrap(),
                usize::try_from(other).unwrap(),
            );
            is_missed &= deck[usize::try_from(at).unwrap()] >= damaged;
        }
        misses += u64::from(is_missed);
    }
    let urn = Urn {
        population,
        damaged,
        read,
    };
    assert!(urn.ln_none().exp() <= 0.05);
    assert_as_often(misses, urn.ln_none().exp());
}

/// Draws from the same packs at ever other heads, and says of each draw how many of the damaged packs it has.
fn draws(
    trials: u64,
    packs: &[Unit],
    strata: &[Stratum],
    mut damage: impl FnMut(u64) -> BTreeSet<ObjectHash>,
    mut seen: impl FnMut(&[u64], u64),
) {
    let mut strata = strata.to_vec();
    for trial in 0..trials {
        let seed = Seed::new(Purpose::Sample, &head(trial));
        let damaged = damage(trial);
        let mut counts = vec![0; strata.len()];
        for unit in draw(&mut strata, packs, &seed) {
            if damaged.contains(&unit.name) {
                counts[stratum_of(&strata, unit).unwrap()] += 1;
            }
        }
        seen(&counts, damaged.len() as u64);
    }
}

/// Neighbours, from a random one on.
fn cluster(packs: &[Unit], size: u64, chance: &mut Chance) -> BTreeSet<ObjectHash> {
    let from = usize::try_from(chance.below(packs.len() as u64)).unwrap();
    let around = packs.iter().cycle().skip(from);
    around
        .take(usize::try_from(size).unwrap())
        .map(|unit| unit.name)
        .collect()
}

#[test]
fn a_real_draw_finds_clustered_damage_as_often_as_is_stated() {
    let packs = units(120);
    let sampling = Sampling::proving(share("95%"), share("5%"));
    let mut strata = divide(&packs, day(0));
    allot(&mut strata, &sampling);
    assert_eq!(strata.len(), 1);
    assert_eq!(strata[0].drawn, sample_size(120, share("95%"), share("5%")));
    let (mut chance, mut misses) = (Chance::new(2), 0);
    draws(
        TRIALS,
        &packs,
        &strata,
        |_| cluster(&packs, 6, &mut chance),
        |counts, _| misses += u64::from(counts == [0]),
    );
    let urn = Urn {
        population: 120,
        damaged: 6,
        read: strata[0].drawn,
    };
    assert_as_often(misses, urn.ln_none().exp());
}

/// Packs of three writers.
fn of_writers(sizes: [u64; 3]) -> Vec<Unit> {
    let mut packs = units(sizes.iter().sum());
    let mut writer = 0;
    let mut left = sizes;
    for pack in &mut packs {
        while left[writer] == 0 {
            writer += 1;
        }
        left[writer] -= 1;
        pack.writer = [u8::try_from(writer).unwrap(); 32];
        pack.time = day(-1);
    }
    packs
}

#[test]
fn strata_state_no_more_than_holds_for_the_worst_spread() {
    let packs = of_writers([80, 70, 64]);
    let sampling = Sampling::proving(share("90%"), share("4%"));
    let mut strata = divide(&packs, day(0));
    allot(&mut strata, &sampling);
    strata.retain(|stratum| stratum.population > 0);
    assert_eq!(strata.len(), 3);
    let damaged = share("4%").of(214);
    // All the damage with one writer, and spread evenly.
    for step in [1, 23] {
        let (mut chance, mut misses) = (Chance::new(3), 0);
        draws(
            FEWER,
            &packs,
            &strata,
            |_| {
                let from = chance.below(214);
                let at = |i| usize::try_from((from + i * step) % 214).unwrap();
                (0..damaged).map(|i| packs[at(i)].name).collect()
            },
            |counts, _| misses += u64::from(counts.iter().sum::<u64>() == 0),
        );
        assert_at_most(misses, 0.1);
        assert!(misses > FEWER / 20, "far more was read than is needed");
    }
}

#[test]
fn a_bound_after_damage_was_seen_is_too_low_no_more_often_than_is_stated() {
    for (packs, least) in [(units(120), 1), (of_writers([80, 70, 64]), 3)] {
        let sampling = Sampling::share(share("25%")).with_confidence(share("90%"));
        let mut strata = divide(&packs, day(0));
        allot(&mut strata, &sampling);
        assert!(strata.len() >= least);
        let drawn = Strata::new(strata.iter().map(|stratum| Drawn {
            population: stratum.population,
            read: stratum.drawn,
        }));
        let mut bounds = BTreeMap::new();
        let (mut chance, mut sizes, mut wrong) = (Chance::new(4), Chance::new(5), 0);
        draws(
            FEWER,
            &packs,
            &strata,
            |_| cluster(&packs, sizes.below(packs.len() as u64 / 2), &mut chance),
            |counts, damaged| {
                let seen = counts.iter().sum();
                let bound = *bounds
                    .entry(seen)
                    .or_insert_with(|| drawn.upper_count(seen, share("90%")));
                wrong += u64::from(bound < damaged);
            },
        );
        assert_at_most(wrong, 0.1);
    }
}

#[test]
fn reading_on_where_damage_was_seen_proves_no_more_than_it_may() {
    let packs = of_writers([80, 70, 64]);
    let sampling = Sampling::share(share("10%")).with_confidence(share("80%"));
    let selection = PackSelection::sample(sampling);
    let mut chance = Chance::new(6);
    let (mut wrong, trials) = (0_u32, 400);
    for trial in 0..trials {
        // A little damage with each writer: some of them will look intact.
        let damaged: BTreeSet<_> = (0..12)
            .map(|_| packs[usize::try_from(chance.below(214)).unwrap()].name)
            .collect();
        let mut diary = Diary::new(1_000 + trial);
        let (chosen, statements) = diary.check(&packs, &selection, day(0), &damaged);
        let Statement::Sampled(whole) = &statements[0] else {
            panic!("{statements:?}");
        };
        wrong += u32::from(whole.at_most < damaged.len() as u64);
        for statement in &statements[1..] {
            let Statement::Sampled(bound) = statement else {
                continue;
            };
            let stratum = bound.stratum.unwrap();
            if bound.seen > 0 {
                // All of it was read.
                let of = |unit: &&Unit| stratum.writer == Some(unit.writer);
                assert!(
                    packs
                        .iter()
                        .filter(of)
                        .all(|unit| chosen.packs().contains(&unit.name))
                );
                assert_eq!(bound.at_most, bound.found);
            }
        }
    }
    assert!(f64::from(wrong) <= 0.2 * 400.0 + 4.5 * 8.0, "{wrong}");
}

#[test]
fn a_round_finds_every_damaged_pack_and_reads_each_once() {
    let month = std::time::Duration::from_secs(30 * 86_400);
    for seed in 0..10 {
        let packs = units(300);
        let mut chance = Chance::new(seed);
        let damaged = cluster(&packs, 1 + seed, &mut chance);
        let mut diary = Diary::new(1_000 + 100 * seed);
        let mut turns = BTreeMap::<ObjectHash, u32>::new();
        let mut found = BTreeSet::new();
        let mut now = 0;
        let mut part = None;
        // Whenever somebody gets round to it.
        while part != Some(Share::ALL) {
            let (chosen, statements) =
                diary.check(&packs, &PackSelection::rolling(month), day(now), &damaged);
            for name in chosen.packs() {
                *turns.entry(*name).or_default() += 1;
                found.extend(damaged.get(name).copied());
            }
            part = statements.iter().find_map(|statement| match statement {
                Statement::Round(round) => Some(round.done),
                _ => None,
            });
            now += i64::try_from(chance.below(5)).unwrap();
        }
        assert!(now <= 35, "{now}");
        assert_eq!(found, damaged);
        assert_eq!(turns.len(), packs.len());
        assert!(turns.values().all(|count| *count == 1));
    }
}
