//! Made-up histories and rules.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_retain::{
    Count, KeepRules, Moment, Retention, Rule, SnapshotInfo, Span, Tags, Unit,
};

pub(crate) type Snapshot = SnapshotInfo<u32>;

/// Returns a snapshot of this time.
pub(crate) fn at(id: u32, time: &str) -> Snapshot {
    SnapshotInfo::new(id, moment(time))
}

/// Returns snapshots of these times, with ids from 0.
pub(crate) fn all_at(times: &[&str]) -> Vec<Snapshot> {
    times
        .iter()
        .zip(0..)
        .map(|(time, id)| at(id, time))
        .collect()
}

pub(crate) fn moment(text: &str) -> Moment {
    text.parse().expect("a good one")
}

pub(crate) fn rules(text: &str) -> KeepRules {
    text.parse().expect("a good one")
}

/// Returns the ids of what is kept.
pub(crate) fn kept(policy: &dyn Retention<u32>, snapshots: &[Snapshot], now: Moment) -> Vec<u32> {
    let verdicts = policy.decide(snapshots, now);
    let pairs = snapshots.iter().zip(&verdicts);
    pairs
        .filter(|(_, verdict)| verdict.is_keep())
        .map(|(one, _)| one.id)
        .collect()
}

/// Histories of up to 24 snapshots at the scale of minutes to months, on clocks of several zones, with
/// equal times, incomplete, pinned, held and tagged ones, and some clocks that were wrong.
pub(crate) fn histories() -> impl Strategy<Value = (Vec<Snapshot>, Moment)> {
    let scale = prop_oneof![
        Just(600_i64),
        Just(3_600),
        Just(40_000),
        Just(300_000),
        Just(3_000_000)
    ];
    let base = 1_600_000_000_i64..1_800_000_000;
    (scale, base, offsets(), 0..4_u8).prop_flat_map(|(scale, base, home, mixed)| {
        let snapshot = (0..24 * scale, clock(), offsets(), 0..256_u32, any::<bool>());
        let snapshots = vec(snapshot, 0..24).prop_map(move |made| {
            let make = |((age, clock, offset, flags, round), id): ((i64, _, _, u32, bool), u32)| {
                let age = if round { age - age % scale } else { age };
                let moment = Moment {
                    unix_seconds: Option::unwrap_or(clock, base - age),
                    utc_offset_seconds: if mixed == 0 { offset } else { home },
                };
                // Ids in no order, so that equal times are told apart by them and not by chance.
                flagged(
                    SnapshotInfo::new(id.wrapping_mul(0x9E37_79B1), moment),
                    flags,
                    mixed == 1,
                )
            };
            made.into_iter().zip(0..).map(make).collect()
        });
        let now =
            prop_oneof![8 => Just(base), 1 => base - 24 * scale..base, 1 => Just(4_000_000_000)];
        (snapshots, now.prop_map(Moment::utc))
    })
}

fn flagged(mut snapshot: Snapshot, flags: u32, often_incomplete: bool) -> Snapshot {
    snapshot.complete = flags & if often_incomplete { 1 } else { 7 } != 0;
    snapshot.pinned = flags % 17 == 3;
    snapshot.held = flags % 19 == 3;
    if flags & 64 != 0 {
        Arc::make_mut(&mut snapshot.tags).insert("prod".into());
    }
    if flags & 144 == 144 {
        Arc::make_mut(&mut snapshot.tags).insert("eu".into());
    }
    snapshot
}

/// Mostly no fault; otherwise what a clock shows that lost its battery, or was set by hand.
fn clock() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        40 => Just(None),
        1 => (0..1_000_000_i64).prop_map(Some),
        1 => (4_070_908_800..4_071_908_800_i64).prop_map(Some),
    ]
}

fn offsets() -> impl Strategy<Value = i32> {
    prop_oneof![
        3 => Just(0),
        3 => Just(3_600),
        3 => Just(7_200),
        1 => Just(-36_000),
        1 => Just(50_400),
        1 => Just(20_700),
        1 => -50_000..50_000,
    ]
}

/// One to four rules.
pub(crate) fn some_rules() -> impl Strategy<Value = KeepRules> {
    vec(rule(), 1..5).prop_map(|rules| rules.into_iter().collect())
}

pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    let unit = prop::sample::select(Unit::ALL.to_vec());
    prop_oneof![
        1 => count().prop_map(Rule::Last),
        4 => (unit.clone(), count()).prop_map(|(unit, count)| Rule::Every(unit, count)),
        1 => span().prop_map(Rule::Within),
        2 => (unit, span()).prop_map(|(unit, span)| Rule::EveryWithin(unit, span)),
        1 => tags().prop_map(Rule::Tagged),
    ]
}

fn count() -> impl Strategy<Value = Count> {
    prop_oneof![
        9 => (1..9_u32).prop_map(|count| Count::new(count).expect("a good one")),
        1 => Just(Count::UNLIMITED),
    ]
}

pub(crate) fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        (1..100_u32).prop_map(|n| Span::hours(n).expect("a good one")),
        (1..40_u32).prop_map(|n| Span::days(n).expect("a good one")),
        (1..20_u32).prop_map(|n| Span::months(n).expect("a good one")),
        (1..4_u32, 1..70_u32).prop_map(|(years, days)| {
            Span::years(years)
                .and_then(|span| span.and(Span::days(days)?))
                .expect("a good one")
        }),
    ]
}

fn tags() -> impl Strategy<Value = Tags> {
    prop::sample::select(vec!["prod", "eu", "prod+eu", "other"])
        .prop_map(|text| text.parse().expect("a good one"))
}
