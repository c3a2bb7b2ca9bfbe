//! Rounds that read every pack once.

use std::time::Duration;

use strongroom_format::{PackClasses, Rolling, Time};

use crate::Head;

/// How far a round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The part that was read last.
    pub(crate) part: Rolling,
    /// When.
    pub(crate) time: Time,
}

/// Returns the part of a round that is due, `None` if none is.
///
/// The round goes on where the last part ended. A part ends where it must so that, if the next one comes after as much time as has passed since the last,
/// the round ends within its period. Nothing is known about the first part of all: as if it were one a day.
pub(crate) fn next(
    place: Option<&Place>,
    period: Duration,
    classes: PackClasses,
    head: &Head,
    now: Time,
) -> Option<Rolling> {
    let period_s = period.as_secs().max(1);
    let gap = place.map_or(DAY.min(period_s), |place| seconds(place.time, now));
    let (began, time, first) = match place {
        Some(Place { part, .. }) if part.last < u64::MAX => (part.began, part.time, part.last + 1),
        _ => ((head.n, head.hash), now, 0),
    };
    let due = u128::from(seconds(time, now)) + u128::from(gap);
    // Of 2^64 positions, as many as the part of the period that will have passed by then.
    let end = (due << 64) / u128::from(period_s);
    let last = match end.checked_sub(1) {
        Some(last) => u64::try_from(last).unwrap_or(u64::MAX),
        None => return None,
    };
    (first <= last).then_some(Rolling {
        classes,
        began,
        time,
        period_s,
        first,
        last,
    })
}

/// Seconds from one time to another; none if the clock went back.
fn seconds(from: Time, to: Time) -> u64 {
    let passed = to.seconds.saturating_sub(from.seconds);
    u64::try_from(passed).unwrap_or_default().min(LONGEST)
}

const DAY: u64 = 86_400;
/// Nobody waits longer than 2^40 seconds.
const LONGEST: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use strongroom_format::ObjectHash;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(30 * DAY);

    fn head(n: u64) -> Head {
        Head {
            n,
            hash: ObjectHash::of(&n.to_le_bytes()),
        }
    }

    fn day(day: i64) -> Time {
        Time::new(1_800_000_000 + day * 86_400, 0)
    }

    fn part(place: Option<&Place>, at: i64) -> Option<Rolling> {
        let n = u64::try_from(at).unwrap();
        next(place, PERIOD, PackClasses::DATA, &head(n), day(at))
    }

    /// Parts at these days, each after the one before.
    fn parts(days: impl IntoIterator<Item = i64>) -> Vec<Rolling> {
        let (mut place, mut parts) = (None, Vec::new());
        for at in days {
            if let Some(part) = part(place.as_ref(), at) {
                place = Some(Place {
                    part,
                    time: day(at),
                });
                parts.push(part);
            }
        }
        parts
    }

    #[test]
    fn a_daily_round_takes_its_period_and_the_next_follows() {
        let parts = parts(0..60);
        assert_eq!(parts.len(), 60);
        for round in parts.chunks(30) {
            assert!(round.iter().all(|part| part.began == round[0].began));
            assert_eq!(round[0].first, 0);
            assert_eq!(round[29].last, u64::MAX);
            assert!(round.windows(2).all(|two| two[0].last + 1 == two[1].first));
            for part in round {
                let share = (part.last - part.first) as f64 / 2_f64.powi(64);
                assert!((share * 30.0 - 1.0).abs() < 1e-6, "{share}");
            }
        }
        assert_ne!(parts[0].began, parts[30].began);
    }

    #[test]
    fn whatever_the_days_every_position_has_its_turn_once() {
        for days in [
            vec![0, 1, 9, 10, 20, 21],
            vec![0, 7, 14, 21, 28],
            vec![0, 0, 0, 3, 3, 29],
            vec![0, 45],
        ] {
            let parts = parts(days.clone());
            let round: Vec<_> = parts
                .iter()
                .filter(|part| part.began == parts[0].began)
                .collect();
            assert_eq!(round[0].first, 0);
            assert!(round.windows(2).all(|two| two[0].last + 1 == two[1].first));
            assert_eq!(round.last().unwrap().last, u64::MAX, "{days:?}");
        }
    }

    #[test]
    fn a_second_run_at_once_reads_nothing() {
        let first = part(None, 0).unwrap();
        let place = Place {
            part: first,
            time: day(0),
        };
        assert_eq!(part(Some(&place), 0), None);
        // Nor does one whose clock went back.
        let earlier = next(Some(&place), PERIOD, PackClasses::DATA, &head(1), day(-400));
        assert_eq!(earlier, None);
    }

    #[test]
    fn a_period_that_is_over_is_made_up_for_at_once() {
        let first = part(None, 0).unwrap();
        let place = Place {
            part: first,
            time: day(0),
        };
        assert_eq!(part(Some(&place), 31).unwrap().last, u64::MAX);
        let at_once = next(None, Duration::ZERO, PackClasses::DATA, &head(0), day(0));
        assert_eq!(at_once.unwrap().last, u64::MAX);
    }
}
