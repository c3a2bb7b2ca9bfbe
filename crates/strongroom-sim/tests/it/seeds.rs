//! Seeds that once broke a promise, by what went wrong.

use strongroom_sim::{Profile, Simulator};

/// Name, seed and kind of world.
const SEEDS: &[(&str, u64, Profile)] = &[
    (
        "a prune asks for ever about an orphan that was announced and dropped",
        350,
        Profile::Quiet,
    ),
    (
        "a segment that others delete is called damaged",
        689,
        Profile::Sleepers,
    ),
    (
        "a pack that others delete is called damaged",
        1549,
        Profile::Sleepers,
    ),
    (
        "a page that others move is called damaged",
        2007,
        Profile::Rot,
    ),
    (
        "a flipped bit in a pack's preamble is called a later version",
        8217,
        Profile::RottenPacks,
    ),
    (
        "a prune relies on a copy whose segment others drop",
        14_565,
        Profile::Sleepers,
    ),
];

#[test]
fn what_once_went_wrong_does_not_any_more() {
    let scratch = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("seeds");
    let mut simulator = Simulator::new(Some(scratch));
    for (name, seed, profile) in SEEDS {
        let outcome = simulator.run(*seed, Some(*profile));
        assert!(outcome.violations.is_empty(), "{name}: {outcome}");
    }
}
