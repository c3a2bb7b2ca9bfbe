//! The damage matrix: everything that may happen to every object.

use std::collections::BTreeMap;

use strongroom_crypt::Suite;
use strongroom_verify::testing::Damage;

use crate::lab::{Lab, folder};

/// Whether to take long.
fn is_slow() -> bool {
    std::env::var_os("STRONGROOM_SLOW").is_some_and(|value| value == "1")
}

/// Returns every damage; every `step`-th when it is to be fast.
pub(crate) fn chosen(lab: &Lab, step: usize) -> Vec<&Damage> {
    let step = if is_slow() { 1 } else { step };
    lab.damages.iter().step_by(step).collect()
}

#[test]
fn every_damage_costs_only_what_it_must() {
    let mut wrong = Vec::new();
    let mut verdicts: BTreeMap<(String, &str, &str), u32> = BTreeMap::new();
    for suite in [Suite::None, Suite::Aes256Gcm] {
        let lab = Lab::new(suite, 16);
        let chosen = chosen(&lab, 89);
        println!(
            "{suite:?}: {} of {} damages",
            chosen.len(),
            lab.damages.len()
        );
        for damage in chosen {
            let store = lab.damaged(damage);
            match lab.judge_cost(damage, &store) {
                Ok(verdict) => {
                    let of = (
                        folder(&damage.object).to_owned(),
                        damage.harm.sort(),
                        verdict,
                    );
                    *verdicts.entry(of).or_default() += 1;
                }
                Err(what) => wrong.push(format!("{suite:?} {damage}: {what}")),
            }
        }
    }
    for ((folder, sort, verdict), count) in &verdicts {
        println!("{folder:<12}{sort:<12}{verdict:<20}{count:>7}");
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
