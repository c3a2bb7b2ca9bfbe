//! Things that belong together, from one moment.

use std::time::Duration;

use strongroom::Time;

use crate::choose::Point;

/// Points of several resources, one each, of about the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsistentPoint {
    /// Resource and point, in the order in which resources were given.
    pub points: Vec<(String, Point)>,
    /// How far apart they are.
    pub spread: Duration,
}

/// Chooses a point of each resource so that none is further than `tolerance` from another: of all such choices the one whose oldest
/// member is newest, and of those the one that is closest together. `None` when there is none, or a resource has no point.
///
/// Two databases that refer to each other, and are restored as of different moments, refer to what is not there. Points are comparable
/// by when their capture began; how long it took is for the consistency of each alone.
#[must_use]
pub fn consistent_point(
    members: &[(String, Vec<Point>)],
    tolerance: Duration,
) -> Option<ConsistentPoint> {
    let mut best: Option<ConsistentPoint> = None;
    let anchors = members.iter().flat_map(|(_, points)| points);
    for anchor in anchors {
        // The oldest member: of each resource the first point from there on.
        let after = |(name, points): &(String, Vec<Point>)| {
            let later = points
                .iter()
                .filter(|point| point.captured >= anchor.captured);
            let first = later.min_by_key(|point| (point.captured, point.snapshot))?;
            Some((name.clone(), *first))
        };
        let Some(points) = members.iter().map(after).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let newest = points.iter().map(|(_, point)| point.captured).max();
        let spread = newest.map_or(Duration::ZERO, |newest| between(anchor.captured, newest));
        let is_better = best.as_ref().is_none_or(|best| {
            let key =
                |points: &[(String, Point)]| points.iter().map(|(_, point)| point.captured).min();
            (key(&points), best.spread) > (key(&best.points), spread)
        });
        if spread <= tolerance && is_better {
            best = Some(ConsistentPoint { points, spread });
        }
    }
    best
}

fn between(from: Time, to: Time) -> Duration {
    let seconds = to.seconds.saturating_sub(from.seconds);
    let whole = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let nanos = |time: Time| Duration::from_nanos(u64::from(time.nanos));
    (whole + nanos(to)).saturating_sub(nanos(from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strongroom::Id;

    use super::*;

    fn member(name: &str, times: &[i64]) -> (String, Vec<Point>) {
        let point = |time: &i64| Point {
            snapshot: Id::from_bytes([u8::try_from(*time % 256).unwrap(); 32]),
            captured: Time::new(*time, 0),
        };
        (name.to_owned(), times.iter().map(point).collect())
    }

    fn chosen(members: &[(String, Vec<Point>)], tolerance: u64) -> Option<(Vec<i64>, u64)> {
        let found = consistent_point(members, Duration::from_secs(tolerance))?;
        let times = found.points.iter().map(|(_, point)| point.captured.seconds);
        Some((times.collect(), found.spread.as_secs()))
    }

    #[test]
    fn the_newest_moment_that_all_have_is_chosen() {
        let members = [
            member("orders", &[100, 200, 300]),
            member("stock", &[103, 204]),
        ];
        assert_eq!(chosen(&members, 10), Some((vec![200, 204], 4)));
        assert_eq!(chosen(&members, 3), Some((vec![100, 103], 3)));
        assert_eq!(chosen(&members, 1), None);
        assert_eq!(chosen(&[member("a", &[1]), member("b", &[])], 10), None);
        assert_eq!(chosen(&[member("a", &[5, 9])], 0), Some((vec![9], 0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_choice_is_newer_and_as_close(
            a in proptest::collection::vec(0..60_i64, 1..8),
            b in proptest::collection::vec(0..60_i64, 1..8),
            tolerance in 0..20_u64,
        ) {
            let found = chosen(&[member("a", &a), member("b", &b)], tolerance);
            let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (*a, *b)));
            let close = pairs.filter(|(a, b)| a.abs_diff(*b) <= tolerance);
            let best = close.map(|(a, b)| (a.min(b), -(i64::try_from(a.abs_diff(b)).unwrap()))).max();
            let got = found.map(|(times, spread)| (*times.iter().min().unwrap(), -i64::try_from(spread).unwrap()));
            prop_assert_eq!(got, best);
        }
    }
}
