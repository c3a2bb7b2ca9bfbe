//! The real engine keeps its promises, whatever goes wrong.

use std::path::PathBuf;

use strongroom_sim::{Profile, Simulator};

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn every_kind_of_world_keeps_the_promises() {
    let mut simulator = Simulator::new(Some(scratch("worlds")));
    for seed in 0..12 {
        for profile in Profile::ALL {
            let outcome = simulator.run(seed, Some(profile));
            assert!(outcome.violations.is_empty(), "{outcome}");
        }
    }
}

#[test]
fn one_seed_decides_the_engine_too() {
    let mut simulator = Simulator::new(Some(scratch("twice"))).with_events();
    for seed in 0..15 {
        let first = simulator.run(seed, None);
        let second = simulator.run(seed, None);
        let differs = first
            .events
            .iter()
            .zip(&second.events)
            .find(|(one, other)| one != other);
        assert!(
            differs.is_none(),
            "seed {seed} ({}): {differs:#?}",
            first.profile
        );
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
    }
}
