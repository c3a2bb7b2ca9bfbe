//! Organisations without problems: what they are alarmed of nevertheless.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Fleet;
use super::tests::{YEARS, is_slow, noon};
use crate::{History, Severity, assess};

/// How often it is judged: findings about single nights stay for 30 days.
const EVERY: i64 = 28;
/// Everything is new in the first weeks.
const LEARNT: i64 = 120;

#[derive(Default)]
struct Rates {
    /// How often a finding of a rule began, by severity.
    begun: BTreeMap<(Severity, String), u64>,
    resource_days: i64,
    judged: u32,
    took: Duration,
    critical: Vec<String>,
    /// The first finding of each.
    first: BTreeMap<(Severity, String), String>,
}

impl Rates {
    fn add(&mut self, seed: u64, count: usize, days: i64) {
        let mut fleet = Fleet::clean(seed, count);
        let mut history = History::default();
        let policy = fleet.policy(0);
        let mut before: BTreeSet<String> = BTreeSet::new();
        let mut day = LEARNT;
        history.extend(&fleet.until(day - EVERY));
        while day <= days {
            history.extend(&fleet.until(day));
            let clock = Instant::now();
            let seen = assess(&history, &policy, &[], noon(day));
            self.took += clock.elapsed();
            self.judged += 1;
            let mut now = BTreeSet::new();
            for one in &seen.findings {
                now.insert(one.key.clone());
                if one.severity == Severity::Critical {
                    self.critical.push(format!("seed {seed}, day {day}: {one}"));
                }
                if !before.contains(&one.key) {
                    let rule = (one.severity, one.rule.clone());
                    self.first.entry(rule).or_insert_with(|| one.to_string());
                    *self
                        .begun
                        .entry((one.severity, one.rule.clone()))
                        .or_default() += 1;
                }
            }
            before = now;
            self.resource_days += EVERY * i64::try_from(count).unwrap();
            day += EVERY;
        }
    }

    fn print(&self) {
        #[expect(clippy::cast_precision_loss, reason = "rates for people")]
        let years = self.resource_days as f64 / 365.0;
        println!(
            "{years:.0} resource-years, {} assessments, {:.3} s each",
            self.judged,
            self.took.as_secs_f64() / f64::from(self.judged)
        );
        for ((severity, rule), count) in &self.begun {
            #[expect(clippy::cast_precision_loss, reason = "rates for people")]
            let rate = *count as f64 / years;
            let first = &self.first[&(*severity, rule.clone())];
            println!("{severity} {rule}: {count}, {rate:.4} a resource-year; {first}");
        }
    }
}

#[test]
fn fifty_clean_organisations_have_no_critical_finding() {
    let (count, days) = if is_slow() {
        (200, YEARS)
    } else {
        (4, LEARNT + EVERY)
    };
    let mut rates = Rates::default();
    for seed in 0..organisations() {
        rates.add(1_000 + seed, count, days);
    }
    rates.print();
    assert!(rates.critical.is_empty(), "{}", rates.critical.join("\n"));
}

/// How many there are: 50, or what is asked for, because 50 of 200 resources and three years take long.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a test may take is no setting of the library"
)]
fn organisations() -> u64 {
    let asked = std::env::var("STRONGROOM_ORGANISATIONS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(50)
}
