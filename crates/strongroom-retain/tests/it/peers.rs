//! What went wrong in other tools (D12 to D14 of the survey of peers), each as a test.

use std::sync::Arc;

use std::collections::BTreeSet;

use proptest::prelude::*;
use strongroom_retain::{Count, ErrorKind, GroupBy, KeepRules, Rule, Span, Tags, plan};

use crate::history::{all_at, at, histories, kept, moment, rules, some_rules};

/// restic#2565: a negative number forgot what should stay.
#[test]
fn d12_an_invalid_number_is_an_error_and_no_policy() {
    let texts = [
        "-1",
        "-7",
        "0",
        "+3",
        "",
        " ",
        "7 ",
        "1.5",
        "0x7",
        "٣",
        "4294967296",
        "99999999999999999999",
        "1e3",
        "unlimited ",
        "Unlimited",
        "--",
        "nan",
    ];
    for text in texts {
        let error = text.parse::<Count>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
        for name in [
            "last",
            "hourly",
            "daily",
            "weekly",
            "monthly",
            "half-yearly",
            "yearly",
        ] {
            let rule = format!("{name}={text}");
            assert_eq!(
                rule.parse::<Rule>().unwrap_err().kind(),
                ErrorKind::Invalid,
                "{rule:?}"
            );
        }
    }
    assert_eq!(Count::new(0).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn d12_an_invalid_span_is_an_error_and_no_policy() {
    let texts = [
        "",
        " ",
        "d",
        "14",
        "-1d",
        "1d-2h",
        "0d",
        "0y0m",
        "1x",
        "1D",
        "1d1d",
        "1 d",
        "1.5d",
        "d1",
        "4294967296d",
        "99999999999999999999y",
        "4294967295w",
        "1dé",
        "٣d",
        "+1d",
        "1s",
        "1w4294967290d",
    ];
    for text in texts {
        let error = text.parse::<Span>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
        for name in ["within", "within-daily", "within-half-yearly"] {
            let rule = format!("{name}={text}");
            assert_eq!(
                rule.parse::<Rule>().unwrap_err().kind(),
                ErrorKind::Invalid,
                "{rule:?}"
            );
        }
    }
    assert!(Span::days(0).is_err());
    let longest = Span::days(u32::MAX).unwrap();
    assert!(longest.and(Span::days(1).unwrap()).is_err());
}

#[test]
fn d12_what_is_no_rule_is_an_error_and_no_policy() {
    let texts = [
        "",
        " ",
        "=",
        "daily",
        "daily=",
        "=7",
        "secondly=3",
        "dayly=3",
        "daily=7,weekly=3",
        "tag=",
        "tag=a++b",
        "tag=+",
        "tag=%",
        "tag=%G1",
        "tag=a b=1",
        "within-=3d",
        "within-last=3d",
        "daily==7",
        "Daily=7",
        "daily=7 weekly",
        "everything daily=7",
        "tag=%FF",
    ];
    for text in texts {
        let error = text.parse::<KeepRules>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
        assert!(
            !error.to_string().contains('\n') && error.to_string().len() < 200,
            "{error}"
        );
    }
    assert!(Tags::new(Vec::<String>::new()).is_err());
    assert!(Tags::new(["prod", ""]).is_err());
}

proptest! {
    /// Whatever somebody types: if it is a policy, then one that keeps something of any history that
    /// has the tags it asks for.
    #[test]
    fn d12_no_text_is_a_policy_that_keeps_nothing(text in "[a-z0-9= +.%-]{0,20}|(daily|within|last|tag)=.{0,12}") {
        if let Ok(rules) = text.parse::<KeepRules>() {
            let mut snapshots = all_at(&["2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"]);
            for rule in rules.iter() {
                if let Rule::Tagged(tags) = rule {
                    Arc::make_mut(&mut snapshots[1].tags).extend(tags.iter().map(String::from));
                }
            }
            prop_assert!(kept(&rules, &snapshots, moment("2026-11-22T00:00:00Z")).contains(&1));
            prop_assert_eq!(rules.to_string().parse(), Ok(rules));
        }
    }

    /// plakar 1.1.3: grouping and rules were merged wrongly, and too much was deleted.
    #[test]
    fn d14_a_plan_never_forgets_more_than_the_union_of_single_rules_would(
        (snapshots, now) in histories(),
        rules in some_rules(),
        by in prop::sample::select(vec!["*", "tags", "series,host", "host"]),
    ) {
        let mut snapshots = snapshots;
        for (nth, one) in snapshots.iter_mut().enumerate() {
            one.series = if nth % 3 == 0 { "a".into() } else { "b".into() };
            if nth % 2 == 0 {
                Arc::make_mut(&mut one.labels).insert("host".into(), format!("h{}", nth % 4));
            }
        }
        let by: GroupBy = by.parse().unwrap();
        let groups: Vec<_> = snapshots.iter().map(|one| by.key(one)).collect();
        let plan = plan(&snapshots, &by, &rules, now, &groups).unwrap();
        let kept_ids: BTreeSet<u32> = plan.kept_ids().copied().collect();
        let mut union = BTreeSet::new();
        for group in groups.iter().collect::<BTreeSet<_>>() {
            let of_group = snapshots.iter().filter(|one| by.key(one) == *group);
            let members: Vec<_> = of_group.cloned().collect();
            for rule in rules.iter() {
                union.extend(kept(&KeepRules::new().with(rule.clone()), &members, now));
            }
        }
        prop_assert_eq!(kept_ids, union);
    }
}

/// restic#4568: `--keep-tag` with a mistyped tag removed all snapshots.
#[test]
fn d13_a_mistyped_tag_does_not_empty_a_group() {
    let mut snapshots = all_at(&[
        "2026-11-20T10:00:00Z",
        "2026-11-21T10:00:00Z",
        "2026-11-21T11:00:00Z",
    ]);
    for (one, host) in snapshots.iter_mut().zip(["web1", "web1", "web2"]) {
        Arc::make_mut(&mut one.labels).insert("host".into(), host.into());
        Arc::make_mut(&mut one.tags).insert("prod".into());
    }
    let (by, now) = ("host".parse().unwrap(), moment("2026-11-22T00:00:00Z"));
    let typed = plan(&snapshots, &by, &rules("tag=prod"), now, &[]).unwrap();
    assert!(typed.is_empty());

    let error = plan(&snapshots, &by, &rules("tag=prdo"), now, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EmptiesGroup);
    let names: Vec<_> = error.groups().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["host=web1", "host=web2"]);
    assert!(
        error.to_string().contains("host=web1, host=web2"),
        "{error}"
    );

    // Naming one group does not allow another.
    let web1 = "host=web1".parse().unwrap();
    let error = plan(&snapshots, &by, &rules("tag=prdo"), now, &[web1]).unwrap_err();
    assert_eq!(error.groups(), ["host=web2".parse().unwrap()]);
    let everything = error
        .groups()
        .iter()
        .cloned()
        .chain(["host=web1".parse().unwrap()]);
    let named = everything.collect::<Vec<_>>();
    let allowed = plan(&snapshots, &by, &rules("tag=prdo"), now, &named).unwrap();
    assert_eq!(allowed.forgotten_ids().count(), 3);
    assert_eq!(allowed.emptied().count(), 2);
}

#[test]
fn d13_a_group_that_has_a_complete_snapshot_keeps_one() {
    let snapshots = [
        at(1, "2026-11-20T10:00:00Z"),
        at(2, "2026-11-21T10:00:00Z").incomplete().with_tag("prod"),
    ];
    let (by, now) = (GroupBy::nothing(), moment("2026-11-22T00:00:00Z"));
    let error = plan(&snapshots, &by, &rules("tag=prod"), now, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EmptiesGroup);
    assert_eq!(error.groups(), ["*".parse().unwrap()]);
    let partial = &snapshots[1..];
    assert!(plan(partial, &by, &rules("tag=prod"), now, &[]).is_ok());
}
