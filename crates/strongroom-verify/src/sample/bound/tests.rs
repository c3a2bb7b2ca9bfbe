use proptest::prelude::*;

use super::*;

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

#[test]
fn the_examples_of_clopper_and_pearson() {
    for (seen, read, percent) in [
        (0, 299, 0.997),
        (1, 299, 1.58),
        (0, 2_995, 0.100),
        (3, 2_995, 0.26),
    ] {
        let bound = 100.0 * upper_share(seen, read, share("95%"));
        let digits = if percent == 1.58 || percent == 0.26 {
            100.0
        } else {
            1_000.0
        };
        assert!(
            (bound - percent).abs() <= 0.5 / digits + 1e-9,
            "{seen}/{read}: {bound}"
        );
    }
}

#[test]
fn the_edges_of_shares() {
    assert_eq!(upper_share(0, 0, share("95%")), 1.0);
    assert_eq!(upper_share(5, 5, share("95%")), 1.0);
    assert_eq!(upper_share(0, 5, Share::ALL), 1.0);
    assert!(upper_share(0, 1_000_000_000, share("95%")) < 3e-9);
    assert!(upper_share(999_999, 1_000_000, share("95%")) < 1.0);
}

#[test]
fn what_was_read_is_known() {
    for confidence in ["50%", "95%", "99.9999999%"].map(share) {
        for seen in [0, 1, 7, 100] {
            assert_eq!(upper_count(seen, 100, 100, confidence), seen);
        }
        assert_eq!(upper_count(0, 0, 100, confidence), 100);
    }
    assert_eq!(upper_count(0, 10, 100, Share::ALL), 90);
    assert_eq!(upper_count(3, 10, 100, Share::ALL), 93);
    assert_eq!(upper_count(0, 0, 0, share("95%")), 0);
    // Three of which one is among the unread hundredth have a chance of 3 %, four of which two are of 0.06 %.
    assert_eq!(upper_count(2, 990_000_000, 1_000_000_000, share("99%")), 3);
}

#[test]
fn a_plan_and_what_it_proves_agree() {
    for population in [1, 2, 10, 1_000, 10_000, 812_000, 1_000_000_000] {
        for (confidence, below) in [("95%", "1%"), ("99%", "0.1%"), ("90%", "5%")] {
            let (confidence, below) = (share(confidence), share(below));
            let read = super::super::size::sample_size(population, confidence, below);
            assert!(upper_count(0, read, population, confidence) < below.of(population));
            if read > 0 {
                let less = upper_count(0, read - 1, population, confidence);
                assert!(less >= below.of(population), "{population}");
            }
        }
    }
}

#[test]
fn a_finite_bound_tends_to_that_of_clopper_and_pearson() {
    for (seen, read) in [(0, 299), (1, 299), (3, 2_995), (40, 500)] {
        let many = 1_000_000_000;
        let finite = float(upper_count(seen, read, many, share("95%"))) / float(many);
        let endless = upper_share(seen, read, share("95%"));
        assert!((finite / endless - 1.0).abs() < 1e-4, "{finite} {endless}");
        assert!(upper_count(seen, read, 2 * read, share("95%")) * 2 < read * 4);
    }
}

/// The definition, tried for every number of damaged units.
fn by_definition(seen: u64, read: u64, population: u64, confidence: Share) -> u64 {
    let most = population - (read - seen);
    let is_possible = |damaged: &u64| {
        let urn = Urn {
            population,
            damaged: *damaged,
            read,
        };
        urn.at_most(seen) > confidence.complement().as_f64() * (1.0 + 1e-11)
    };
    (seen..=most).filter(is_possible).max().unwrap_or(seen)
}

/// The greatest chance over all ways to spread the damage, by trying them.
fn worst(strata: &[Drawn], damaged: u64) -> f64 {
    let Some((first, rest)) = strata.split_first() else {
        return if damaged == 0 { 0.0 } else { f64::NEG_INFINITY };
    };
    (0..=damaged.min(first.population))
        .map(|here| first.ln_none(here) + worst(rest, damaged - here))
        .fold(f64::NEG_INFINITY, f64::max)
}

fn strata() -> impl Strategy<Value = Vec<Drawn>> {
    let one = (1_u64..25, 0_u64..25).prop_map(|(population, read)| Drawn {
        population,
        read: read.min(population),
    });
    prop::collection::vec(one, 1..4)
}

/// The chance of seeing at most `seen`, for damage spread like this.
fn at_most(strata: &[(Drawn, u64)], seen: u64) -> f64 {
    let Some(((one, damaged), rest)) = strata.split_first() else {
        return 1.0;
    };
    let urn = Urn {
        population: one.population,
        damaged: *damaged,
        read: one.read,
    };
    let exactly = |k: u64| urn.at_most(k) - if k == 0 { 0.0 } else { urn.at_most(k - 1) };
    (0..=seen)
        .map(|k| exactly(k) * at_most(rest, seen - k))
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_bound_equals_its_definition(population in 1_u64..120, read in 0_u64..120, seen in 0_u64..6, confidence in 1_u32..1_000) {
        let read = read.min(population);
        let seen = seen.min(read);
        let confidence = Share::from_billionths(confidence * 1_000_000 - 1).unwrap();
        let found = upper_count(seen, read, population, confidence);
        prop_assert_eq!(found, by_definition(seen, read, population, confidence));
    }

    #[test]
    fn the_worst_spread_is_found(strata in strata(), damaged in 0_u64..40) {
        let open = Strata::new(strata.iter().copied());
        let (found, expected) = (open.ln_none(damaged), worst(&open.0, damaged));
        prop_assert!(
            found == expected || (found - expected).abs() < 1e-9,
            "{strata:?} {damaged}: {found} {expected}"
        );
    }

    #[test]
    fn the_bound_of_strata_is_never_too_low(strata in strata(), damaged in prop::collection::vec(0_u64..25, 3), seen in 0_u64..5) {
        let spread: Vec<_> = strata.iter().zip(damaged).map(|(one, damaged)| (*one, damaged.min(one.population))).collect();
        let open: Vec<_> = spread.iter().filter(|(one, _)| one.read < one.population).copied().collect();
        let total: u64 = open.iter().map(|(_, damaged)| damaged).sum();
        let bound = Strata::new(strata.iter().copied()).upper_count(seen, share("90%"));
        // When the bound is below the truth, what was seen must have been as unlikely as was said.
        prop_assert!(bound >= total || at_most(&open, seen) <= 0.1 + 1e-9, "{spread:?} {seen}: {bound}");
    }

    #[test]
    fn more_seen_or_less_read_bounds_less(population in 1_u64..1_000_000_000, read in 1_u64..100_000, seen in 0_u64..50) {
        let read = read.min(population);
        let seen = seen.min(read - 1);
        let sure = share("99%");
        prop_assert!(upper_count(seen, read, population, sure) <= upper_count(seen + 1, read, population, sure));
        prop_assert!(upper_count(seen, read, population, sure) <= upper_count(seen.min(read - 1), read - 1, population, sure).max(seen));
        prop_assert!(upper_share(seen, read, sure) <= upper_share(seen + 1, read, sure));
        prop_assert!(upper_count(seen, read, population, sure) <= upper_count(seen, read, population, share("99.9%")));
    }
}
