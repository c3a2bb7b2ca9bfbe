use proptest::prelude::*;

use super::*;
use crate::arbitrary::two_values;

fn lost(old: &str, new: &str) -> Vec<String> {
    lost_rules(&old.parse().unwrap(), &new.parse().unwrap())
}

#[test]
fn rules_that_keep_as_much_are_recognised() {
    for (old, new) in [
        ("daily=7", "daily=7"),
        ("daily=7", "daily=14 weekly=4"),
        ("weekly=4", "daily=28"),
        ("monthly=12", "daily=372"),
        ("yearly=2", "monthly=24"),
        ("daily=7", "hourly=175"),
        ("last=3", "last=5"),
        ("within=14d", "within=1m"),
        ("within-weekly=1y", "within-daily=1y"),
        ("within-daily=1m", "within=31d"),
        ("tag=prod+eu", "tag=prod"),
        ("daily=unlimited", "daily=unlimited"),
        ("daily=7", "everything"),
    ] {
        assert!(
            lost(old, new).is_empty(),
            "{old} → {new}: {:?}",
            lost(old, new)
        );
    }
}

#[test]
fn rules_that_keep_less_are_named() {
    for (old, new, wanted) in [
        ("daily=7 weekly=4", "daily=7", "weekly=4"),
        ("daily=7", "daily=6", "daily=7"),
        ("daily=unlimited", "daily=9999", "daily=unlimited"),
        ("weekly=4", "daily=27", "weekly=4"),
        ("last=3", "daily=365", "last=3"),
        ("within=1y", "within=365d", "within=1y"),
        ("tag=prod", "tag=prod+eu", "tag=prod"),
        ("everything", "daily=9999", "everything"),
    ] {
        assert_eq!(lost(old, new), [wanted], "{old} → {new}");
    }
}

#[test]
fn a_wider_exclusion_is_recognised() {
    let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (old, new, wider) in [
        (&["*.tmp"][..], &["*.tmp"][..], &[][..]),
        (&["*.tmp"], &[], &[]),
        (&["*.tmp"], &["*.tmp", "*.log"], &["*.log"]),
        (&["*.tmp"], &["*.t*"], &["*.t*"]),
        (&["*.t*"], &["*.tmp"], &[]),
        (&["*.tmp"], &["cache.tmp"], &[]),
        (&["/srv/cache"], &["/srv"], &["/srv"]),
        (&["/srv"], &["/srv/cache", "/srv/log/*.gz"], &[]),
        (&["/srv/"], &["/srv/cache"], &[]),
        (&["/srv/*"], &["/srv/**"], &["/srv/**"]),
        (&["/srv/**"], &["/srv/*", "/srv/a/b"], &[]),
        (&["/srv/*.gz"], &["/srv/a/b.gz"], &["/srv/a/b.gz"]),
        (&["cache/"], &["cache"], &["cache"]),
        (&["cache"], &["cache/"], &[]),
        (&["a?"], &["a*"], &["a*"]),
        (&["[ab]"], &["a"], &["a"]),
        (&["*.tmp"], &["# a comment", "*.tmp"], &[]),
        (
            &["*.tmp", "!keep.tmp"],
            &["*.tmp"],
            &["lines with ! that are gone or moved"],
        ),
        (
            &["*.tmp"],
            &["*.tmp", "!keep.tmp", "*.log"],
            &["!keep.tmp", "*.log"],
        ),
    ] {
        let (old, new) = (lines(old), lines(new));
        assert_eq!(widened(&old, &new), wider, "{old:?} → {new:?}");
    }
}

#[test]
fn levels_are_as_deep_and_as_often() {
    let ages = |text: &[(Level, u64)]| text.iter().map(|(l, d)| (*l, Period::days(*d))).collect();
    for (old, new, direction) in [
        (
            &[(Level::L2, 7)][..],
            &[(Level::L3, 7)][..],
            Direction::Stronger,
        ),
        (&[(Level::L2, 7)], &[(Level::L2, 8)], Direction::Weaker),
        (&[(Level::L3, 7)], &[(Level::L2, 1)], Direction::Weaker),
        (
            &[(Level::L2, 7), (Level::L4, 90)],
            &[(Level::L2, 7)],
            Direction::Weaker,
        ),
        (
            &[(Level::L2, 7), (Level::L4, 90)],
            &[(Level::L4, 7)],
            Direction::Stronger,
        ),
    ] {
        let (old, new) = (Value::Ages(ages(old)), Value::Ages(ages(new)));
        assert_eq!(
            compare(Key::Verify, Some(&old), Some(&new)),
            Some(direction)
        );
    }
}

#[test]
fn not_to_set_is_a_value_too() {
    let day = Value::Period(Period::days(1));
    for (key, old, new, direction) in [
        (Key::Rpo, Some(&day), None, Direction::Weaker),
        (Key::LockFor, Some(&day), None, Direction::Weaker),
        (Key::LockFor, None, Some(&day), Direction::Stronger),
        (Key::KeepMaximum, None, Some(&day), Direction::Stronger),
    ] {
        assert_eq!(compare(key, old, new), Some(direction), "{key}");
    }
    let size = Value::Bytes(crate::ByteCount::new(1 << 30));
    assert_eq!(
        compare(Key::MaxFileSize, None, Some(&size)),
        Some(Direction::Weaker)
    );
    let eu = Value::Set(BTreeSet::from(["eu".to_owned()]));
    assert_eq!(
        compare(Key::Regions, Some(&eu), None),
        Some(Direction::Weaker)
    );
    let off = Value::Flag(false);
    assert_eq!(
        compare(Key::Heartbeat, None, Some(&off)),
        Some(Direction::Different)
    );
    assert_eq!(
        compare(Key::When, None, Some(&day)),
        Some(Direction::Different)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Who goes one way and back is where they were: what is stronger there is weaker back.
    #[test]
    fn the_way_back_is_the_other_way((key, old, new) in two_values()) {
        let there = compare(key, old.as_ref(), new.as_ref());
        let back = compare(key, new.as_ref(), old.as_ref());
        match there {
            None => prop_assert_eq!(back, None),
            Some(Direction::Stronger) => prop_assert_eq!(back, Some(Direction::Weaker)),
            Some(Direction::Different) => prop_assert_eq!(back, Some(Direction::Different)),
            // What gives and takes at once is weaker both ways.
            Some(Direction::Weaker) => prop_assert_ne!(back, Some(Direction::Different)),
        }
        if let (Some(old), Some(new)) = (&old, &new) {
            prop_assert_eq!(meets(key, Some(new), old), there != Some(Direction::Weaker));
        }
    }
}
