//! The protocol is explored exhaustively, and so is every protocol with one rule less.

use strongroom_sim::model;

#[test]
fn quick_worlds_keep_every_invariant() {
    for config in model::quick() {
        let outcome = model::check(&config, 1);
        println!("{outcome}");
        assert!(
            outcome.is_exhausted && outcome.missing.is_empty(),
            "{outcome}"
        );
    }
}

#[test]
#[ignore = "13 worlds of 80 million states: half an hour and a few GiB, run by hand as the README says"]
fn slow_worlds_keep_every_invariant() {
    for config in model::slow() {
        let outcome = model::check(&config, 2);
        println!("{outcome}");
        assert!(
            outcome.is_exhausted && outcome.missing.is_empty(),
            "{outcome}"
        );
    }
}

#[test]
fn every_mutant_is_caught_and_without_it_the_same_world_holds() {
    let mut sound = Vec::new();
    for (mutant, config, invariants) in model::mutants() {
        for invariant in invariants {
            let broken = model::find(&config, invariant)
                .unwrap_or_else(|| panic!("{mutant:?} does not break {invariant}"));
            println!("{mutant:?} in {}: {broken}\n", config.name);
        }
        let mut world = config.clone();
        world.mutant = None;
        if !sound.contains(&world) {
            let outcome = model::check(&world, 1);
            assert!(outcome.is_exhausted, "{outcome}");
            sound.push(world);
        }
    }
}
