//! Clocks that were wrong, as the order of entries shows.

use super::EntryRef;

/// An entry whose time cannot be right, because of those around it or because its author's clock was set.
///
/// The order of entries is certain, their times are not. The longest series of entries whose times never fall is believed;
/// whatever lies outside the times of its neighbours in that series is set to what is worst for the measures: the data of
/// such a run is as old as it can be, and was durable as late as it can have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skew {
    /// The entry.
    pub entry: EntryRef,
    /// What it says: Unix seconds.
    pub said_at: i64,
    /// The earliest time at which it can have been written.
    pub not_before: i64,
    /// The latest, if an entry that is believed follows.
    pub not_after: Option<i64>,
    /// By how many milliseconds the clock on the wall went faster than one that cannot be set, if that was measured and is
    /// why the entry is named here.
    pub drift_ms: Option<i64>,
}

impl Skew {
    /// Returns by how many seconds times of this entry are to be set back, so that what it says is not younger than it can be;
    /// 0 for a clock that was behind, or an entry that was written long after it was made: what is old stays old.
    #[must_use]
    pub fn ahead_seconds(&self) -> i64 {
        self.said_at.saturating_sub(self.not_before).max(0)
    }

    /// Says whether its time was found wrong by the order of entries.
    #[must_use]
    pub const fn is_out_of_order(&self) -> bool {
        self.drift_ms.is_none()
    }
}

/// Finds entries out of order among `(entry, time)` in the order of entries. Differences of up to [`TOLERANCE_SECONDS`] are
/// those of the clocks of different machines.
pub(super) fn out_of_order(times: &[(EntryRef, i64)]) -> Vec<Skew> {
    if times.is_sorted_by_key(|(_, at)| *at) {
        return Vec::new();
    }
    let believed = longest_rising(times);
    let mut found = Vec::new();
    let (mut before, mut next) = (None, 0);
    for (index, (entry, at)) in times.iter().enumerate() {
        if believed.get(next) == Some(&index) {
            before = Some(*at);
            next += 1;
            continue;
        }
        let after = believed.get(next).and_then(|index| times.get(*index));
        let after = after.map(|(_, at)| *at);
        let least = before.unwrap_or(i64::MIN);
        let is_early = *at < least.saturating_sub(TOLERANCE_SECONDS);
        let is_late = after.is_some_and(|after| *at > after.saturating_add(TOLERANCE_SECONDS));
        if is_early || is_late {
            found.push(Skew {
                entry: *entry,
                said_at: *at,
                // With nobody before, what follows is the only thing known.
                not_before: before.or(after).unwrap_or(*at),
                not_after: after,
                drift_ms: None,
            });
        }
    }
    found
}

/// Returns the indices of the longest series whose times never fall; of several that which stays lowest, because a clock that
/// was ahead once is likelier than two that were behind.
fn longest_rising(times: &[(EntryRef, i64)]) -> Vec<usize> {
    // Ends of the best series of each length, and for each index the one before it in its series.
    let mut ends: Vec<(i64, usize)> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(times.len());
    for (index, (_, at)) in times.iter().enumerate() {
        let place = ends.partition_point(|(end, _)| end <= at);
        let before = place.checked_sub(1).and_then(|before| ends.get(before));
        previous.push(before.map(|(_, index)| *index));
        match ends.get_mut(place) {
            Some(end) => *end = (*at, index),
            None => ends.push((*at, index)),
        }
    }
    let mut series = Vec::with_capacity(ends.len());
    let mut at = ends.last().map(|(_, index)| *index);
    while let Some(index) = at {
        series.push(index);
        at = previous.get(index).copied().flatten();
    }
    series.reverse();
    series
}

/// What the clocks of different machines may differ by.
pub(super) const TOLERANCE_SECONDS: i64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn skews(times: &[i64]) -> Vec<(u64, i64, Option<i64>)> {
        let times: Vec<(EntryRef, i64)> = (0..)
            .zip(times)
            .map(|(n, at)| (EntryRef::new(0, n), *at))
            .collect();
        out_of_order(&times)
            .iter()
            .map(|one| (one.entry.n, one.not_before, one.not_after))
            .collect()
    }

    #[test]
    fn one_that_is_ahead_or_behind_is_named_and_the_others_are_not() {
        let day = 86_400;
        assert_eq!(skews(&[0, day, 2 * day]), []);
        assert_eq!(
            skews(&[0, day, 12 * day, 3 * day, 4 * day]),
            [(2, day, Some(3 * day))]
        );
        assert_eq!(
            skews(&[0, day, -90 * day, 3 * day]),
            [(2, day, Some(3 * day))]
        );
        assert_eq!(skews(&[0, 100, 40, 200]), [], "clocks of two machines");
    }

    #[test]
    fn the_ends_of_time_are_only_numbers() {
        assert_eq!(
            skews(&[i64::MAX, 0, 500, i64::MIN, 1000]),
            [(0, 0, Some(0)), (3, 500, Some(1000))]
        );
        assert_eq!(skews(&[5000, 1000]), [(0, 1000, Some(1000))]);
    }
}
