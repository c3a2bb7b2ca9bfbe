//! Any value of a setting, for tests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::bytes::ByteCount;
use crate::key::Key;
use crate::level::Level;
use crate::period::Period;
use crate::share::Share;
use crate::value::{Kind, Value};

/// Any value that a setting takes, but for names, which must be defined.
pub(crate) fn value(key: Key) -> BoxedStrategy<Option<Value>> {
    let text = "[a-zA-Z \"\\\\\t#%ä]{0,12}[a-z]";
    let ages = prop::collection::btree_map(0_usize..7, 1_u64..5, 0..3).prop_map(|ages| {
        let level = |index: usize| Level::ALL.get(index).copied().unwrap_or(Level::L0);
        let ages = ages
            .into_iter()
            .map(|(at, days)| (level(at), Period::days(days)));
        Value::Ages(ages.collect::<BTreeMap<_, _>>())
    });
    match key.spec().kind {
        Kind::Period => (0_u64..9_999_999)
            .prop_map(|seconds| Some(Period::seconds(seconds).into()))
            .boxed(),
        Kind::Count => (0_u64..9).prop_map(|count| Some(count.into())).boxed(),
        Kind::Flag => any::<bool>().prop_map(|flag| Some(flag.into())).boxed(),
        Kind::Share => (0_u32..=1_000_000)
            .prop_map(|share| Some(Share::millionths(share).into()))
            .boxed(),
        Kind::Bytes => any::<u64>()
            .prop_map(|bytes| Some(ByteCount::new(bytes).into()))
            .boxed(),
        Kind::Text => text.prop_map(|text| Some(text.into())).boxed(),
        Kind::Lines => prop::collection::vec(prop::sample::select(LINES), 0..4)
            .prop_map(|lines| Some(Value::List(lines.into_iter().map(str::to_owned).collect())))
            .boxed(),
        Kind::Words => prop::collection::btree_set(text, 0..3)
            .prop_map(|set| Some(set.into()))
            .boxed(),
        Kind::Choices(words) => prop::collection::btree_set(prop::sample::select(words), 0..4)
            .prop_map(|set| Some(Value::Set(set.into_iter().map(str::to_owned).collect())))
            .boxed(),
        Kind::Choice(words) => prop::sample::select(words)
            .prop_map(|word| Some(word.into()))
            .boxed(),
        Kind::When => prop::sample::select(TIMES)
            .prop_map(|text| text.parse().ok().map(Value::When))
            .boxed(),
        Kind::Keep => prop::sample::select(KEPT)
            .prop_map(|text| text.parse().ok().map(Value::Keep))
            .boxed(),
        Kind::Ages => ages.prop_map(Some).boxed(),
        Kind::Zone => prop::sample::select(&["UTC", "Europe/Berlin"][..])
            .prop_map(|name| name.parse().ok().map(Value::Zone))
            .boxed(),
        Kind::Windows => Just(
            "22:00-06:00"
                .parse()
                .ok()
                .map(|one| Value::Windows(vec![one])),
        )
        .boxed(),
        Kind::Name(_) | Kind::Names(_) => Just(None).boxed(),
    }
}

/// A setting and two of its values.
pub(crate) fn two_values() -> impl Strategy<Value = (Key, Option<Value>, Option<Value>)> {
    let key = prop::sample::select(Key::ALL);
    key.prop_flat_map(|key| (Just(key), value(key), value(key)))
}

const LINES: &[&str] = &["*.tmp", "*.t*", "/srv", "/srv/a/", "# x", "!keep", "cache/"];
const TIMES: &[&str] = &[
    "daily 02:30",
    "every 7h",
    "weekly sun 01:15",
    "cron */20 * * * *",
];
const KEPT: &[&str] = &[
    "daily=7",
    "daily=40 weekly=2",
    "last=3",
    "within=2m",
    "everything",
    "weekly=4 tag=a",
];
