//! Seeds that once broke a promise, by what went wrong.

use strongroom_sim::{Profile, Simulator};

/// Name, seed and kind of world.
const SEEDS: &[(&str, u64, Profile)] = &[];

#[test]
fn what_once_went_wrong_does_not_any_more() {
    let scratch = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("seeds");
    let mut simulator = Simulator::new(Some(scratch));
    for (name, seed, profile) in SEEDS {
        let outcome = simulator.run(*seed, Some(*profile));
        assert!(outcome.violations.is_empty(), "{name}: {outcome}");
    }
}
