//! The laws of `Retention`, on made-up histories.

use std::collections::BTreeSet;

use proptest::prelude::*;
use strongroom_retain::{KeepEverything, KeepRules, Moment, SnapshotInfo, conformance};

use crate::history::{histories, kept, rule, some_rules};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn keep_rules_obey_the_laws((snapshots, now) in histories(), rules in some_rules()) {
        conformance::check(&rules, &snapshots, now);
    }

    #[test]
    fn no_rules_keep_everything((snapshots, now) in histories()) {
        conformance::law_4_no_rules_keep_everything(&KeepRules::new(), &snapshots, now);
        conformance::law_4_no_rules_keep_everything(&KeepEverything, &snapshots, now);
        conformance::check(&KeepRules::new(), &snapshots, now);
        conformance::check(&KeepEverything, &snapshots, now);
    }

    #[test]
    fn more_rules_never_forget_more(
        (snapshots, now) in histories(),
        rules in some_rules(),
        one_more in rule(),
    ) {
        let more = rules.clone().with(one_more);
        conformance::law_5_more_rules_never_forget_more(&rules, &more, &snapshots, now);
    }

    /// Longer counts and spans are more too. (They may find a complete snapshot for a period that had
    /// only an incomplete one, so they are tried on what is complete.)
    #[test]
    fn larger_rules_never_forget_more((snapshots, now) in histories(), n in 1..9_u32) {
        let snapshots: Vec<_> = snapshots.into_iter().filter(|one| one.complete).collect();
        for name in ["last", "hourly", "daily", "weekly", "monthly", "quarterly", "yearly"] {
            let less: KeepRules = format!("{name}={n}").parse().unwrap();
            let more: KeepRules = format!("{name}={}", n + 1).parse().unwrap();
            conformance::law_5_more_rules_never_forget_more(&less, &more, &snapshots, now);
        }
        for name in ["within", "within-daily", "within-monthly"] {
            let less: KeepRules = format!("{name}={n}d").parse().unwrap();
            let more: KeepRules = format!("{name}={}d", n + 1).parse().unwrap();
            conformance::law_5_more_rules_never_forget_more(&less, &more, &snapshots, now);
        }
    }

    /// The newest complete snapshot is kept by every rule that keeps anything complete by its age.
    #[test]
    fn the_newest_complete_one_is_never_the_price((snapshots, now) in histories(), rule in rule()) {
        let present = |one: &&SnapshotInfo<u32>| one.moment.unix_seconds <= now.unix_seconds;
        let complete = snapshots.iter().filter(present).filter(|one| one.complete);
        let newest = complete.max_by_key(|one| (one.moment.unix_seconds, one.id));
        if let (Some(newest), false) = (newest, rule.to_string().starts_with("tag")) {
            let rules = KeepRules::new().with(rule);
            prop_assert!(kept(&rules, &snapshots, now).contains(&newest.id));
        }
    }

    #[test]
    fn any_number_is_a_time(
        times in prop::collection::vec((any::<i64>(), any::<i32>()), 0..12),
        now in any::<i64>(),
        rules in some_rules(),
    ) {
        let moment = |(unix_seconds, utc_offset_seconds)| Moment { unix_seconds, utc_offset_seconds };
        let times = times.into_iter().chain([(i64::MIN, i32::MIN), (i64::MAX, i32::MAX)]);
        let snapshots: Vec<_> =
            times.zip(0..).map(|(time, id)| SnapshotInfo::new(id, moment(time))).collect();
        conformance::check(&rules, &snapshots, Moment::utc(now));
        conformance::check(&rules, &snapshots, Moment::utc(i64::MAX));
        for verdict in strongroom_retain::Retention::decide(&rules, &snapshots, Moment::utc(now)) {
            let text = format!("{verdict:?}");
            prop_assert!(!text.is_empty());
        }
    }
}

#[test]
#[should_panic(expected = "law 8")]
fn the_laws_notice_a_policy_that_measures_from_the_future() {
    let snapshots = [
        SnapshotInfo::new(1, Moment::utc(10)),
        SnapshotInfo::new(2, Moment::utc(20)),
    ];
    conformance::check(&LastOne, &snapshots, Moment::utc(15));
}

/// Keeps the newest, wherever that is: what a careless author writes.
#[derive(Debug)]
struct LastOne;

impl strongroom_retain::Retention<u32> for LastOne {
    fn decide(
        &self,
        snapshots: &[SnapshotInfo<u32>],
        _now: Moment,
    ) -> Vec<strongroom_retain::Verdict> {
        use strongroom_retain::{Reason, Verdict};
        let newest = snapshots.iter().map(|one| one.moment).max();
        let verdict = |one: &SnapshotInfo<u32>| match Some(one.moment) == newest {
            true => Verdict::Keep(vec![Reason::Other("newest".into())]),
            false => Verdict::Forget(Vec::new()),
        };
        snapshots.iter().map(verdict).collect()
    }
}

#[test]
fn what_a_rule_keeps_is_kept_for_its_reason() {
    let snapshots: Vec<_> = (0..48)
        .map(|hour| SnapshotInfo::new(hour, Moment::utc(i64::from(hour) * 3600)))
        .collect();
    let now = Moment::utc(48 * 3600);
    let all: BTreeSet<u32> = ["last=3", "daily=2", "within=5h"]
        .iter()
        .flat_map(|rule| kept(&rule.parse::<KeepRules>().unwrap(), &snapshots, now))
        .collect();
    let together: KeepRules = "last=3 daily=2 within=5h".parse().unwrap();
    assert_eq!(
        kept(&together, &snapshots, now),
        all.into_iter().collect::<Vec<_>>()
    );
}
