//! Groups and their names.

use proptest::prelude::*;
use strongroom_retain::{ErrorKind, GroupBy, GroupField, GroupKey, Moment, SnapshotInfo, plan};

use crate::history::{at, moment, rules};

fn snapshot() -> SnapshotInfo<u32> {
    SnapshotInfo::new(1, Moment::utc(0))
}

fn check(by: &str, snapshot: &SnapshotInfo<u32>, name: &str) {
    let by: GroupBy = by.parse().expect("a grouping");
    let key = by.key(snapshot);
    assert_eq!(key.to_string(), name);
    assert_eq!(name.parse(), Ok(key));
    assert_eq!(by.to_string().parse(), Ok(by));
}

#[test]
fn groups_have_names() {
    let plain = snapshot()
        .with_series("home")
        .with_label("host", "web1")
        .with_tag("b")
        .with_tag("a");
    check("*", &plain, "*");
    check("series", &plain, "series=home");
    check("host,series", &plain, "series=home,host=web1");
    check("tags", &plain, "tags=a+b");
    check("department", &plain, "department");
    check("series,tags", &snapshot(), "series=,tags=");
}

#[test]
fn names_of_groups_survive_any_text() {
    let odd = snapshot()
        .with_series("/srv/a b, c=d*")
        .with_label("series", "shadowed")
        .with_label("label:x", "100%")
        .with_label("*", "")
        .with_tag("é+ü");
    check("series", &odd, "series=/srv/a%20b%2C%20c%3Dd%2A");
    check("label:series", &odd, "label:series=shadowed");
    check("label:label:x", &odd, "label:label:x=100%25");
    check("%2A", &odd, "%2A=");
    check("tags", &odd, "tags=é%2Bü");
    // A label that is empty is not one that is missing.
    check("%2A,other", &odd, "%2A=,other");
}

#[test]
fn what_is_no_grouping_is_refused() {
    for text in [
        "",
        ",",
        "host,",
        "host,host",
        "host,label:host",
        "a b",
        "label:",
        "a=b",
        "%",
        "**",
    ] {
        let error = text.parse::<GroupBy>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
    }
    for text in [
        "",
        ",",
        "series",
        "tags",
        "host=a,host=b",
        "host=a,,",
        "host=a=b",
        "*,host=a",
        "tags=a b",
        "tags=a++b",
        "tags=+",
    ] {
        let error = text.parse::<GroupKey>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
    }
}

#[test]
fn keys_can_be_taken_apart() {
    let key: GroupKey = "series=home,host,tags=a+b".parse().unwrap();
    let parts: Vec<_> = key.iter().collect();
    assert_eq!(
        parts,
        [
            (&GroupField::Series, Some("home".into())),
            (&GroupField::Label("host".into()), None),
            (&GroupField::Tags, Some("a+b".into())),
        ]
    );
}

#[test]
fn groups_come_in_a_fixed_order() {
    let host = |id, host: &str| at(id, "2026-11-21T10:00:00Z").with_label("host", host);
    let snapshots = [
        host(1, "c"),
        host(2, "a"),
        at(3, "2026-11-21T10:00:00Z"),
        host(4, "b"),
        host(5, "a"),
    ];
    let by = "host".parse().unwrap();
    let now = moment("2026-11-22T00:00:00Z");
    let plan = plan(&snapshots, &by, &rules("last=1"), now, &[]).unwrap();
    let keys: Vec<_> = plan
        .groups()
        .iter()
        .map(|group| group.key().to_string())
        .collect();
    assert_eq!(keys, ["host", "host=a", "host=b", "host=c"]);
    assert_eq!(plan.forgotten_ids().collect::<Vec<_>>(), [&2]);
}

proptest! {
    #[test]
    fn any_key_can_be_read_again(
        series in ".{0,8}",
        labels in prop::collection::btree_map(".{1,6}", ".{0,6}", 0..3),
        tags in prop::collection::btree_set(".{0,6}", 0..3),
        other in ".{1,6}",
    ) {
        let mut by = GroupBy::nothing().and(GroupField::Series).and(GroupField::Tags);
        by = by.and(GroupField::Label(other));
        for name in labels.keys() {
            by = by.and(GroupField::Label(name.clone()));
        }
        let mut one = snapshot().with_series(series);
        one.labels = labels.into();
        one.tags = tags.into();
        let key = by.key(&one);
        prop_assert_eq!(key.to_string().parse(), Ok(key));
        prop_assert_eq!(by.to_string().parse(), Ok(by));
    }
}
