//! Which frames fill a pack best.

/// Of so many lengths every choice is looked at: two halves of a thousand sums each.
pub(super) const MOST: usize = 20;

/// Chooses among the first [`MOST`] lengths those whose sum comes closest to `room` and is not above it. Returns their positions, ascending.
pub(super) fn closest(lens: &[usize], room: usize) -> Vec<usize> {
    let lens = lens.get(..MOST).unwrap_or(lens);
    let (left, right) = lens.split_at(lens.len() / 2);
    let left = sums(left);
    let mut right = sums(right);
    right.sort_unstable();
    let mut best = (0, 0, 0);
    for &(sum, chosen) in &left {
        let Some(rest) = room.checked_sub(sum) else {
            continue;
        };
        let fitting = right.partition_point(|(sum, _)| *sum <= rest);
        let Some(&(more, others)) = fitting.checked_sub(1).and_then(|at| right.get(at)) else {
            continue;
        };
        if sum + more > best.0 {
            best = (sum + more, chosen, others);
        }
    }
    let (_, chosen, others) = best;
    let middle = lens.len() / 2;
    let chosen = chosen | others << middle;
    (0..lens.len()).filter(|at| chosen >> at & 1 == 1).collect()
}

/// Returns the sum of every choice among `lens`, and the choice as bits.
fn sums(lens: &[usize]) -> Vec<(usize, u32)> {
    let mut sums = vec![(0, 0)];
    for (at, len) in lens.iter().enumerate() {
        for choice in 0..sums.len() {
            if let Some(&(sum, chosen)) = sums.get(choice) {
                sums.push((sum + len, chosen | 1 << at));
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_gap_of_a_full_pack_is_small() {
        // As many frames of very different sizes as are about when a pack of 16 MiB is closed.
        let lens: Vec<usize> = (1_u64..=14)
            .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 43) as usize + 100_000)
            .collect();
        let room = lens.iter().sum::<usize>() / 2;
        let chosen = closest(&lens, room);
        let gap = room - chosen.iter().map(|at| lens[*at]).sum::<usize>();
        assert!(gap < 4_096, "{gap}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_other_choice_comes_closer(
            lens in proptest::collection::vec(1_usize..50, 0..9),
            room in 0_usize..200,
        ) {
            let chosen = closest(&lens, room);
            let sum: usize = chosen.iter().map(|at| lens[*at]).sum();
            prop_assert!(sum <= room && chosen.is_sorted());
            let best = (0..1_usize << lens.len())
                .map(|choice| (0..lens.len()).filter(|at| choice >> at & 1 == 1).map(|at| lens[at]).sum())
                .filter(|sum: &usize| *sum <= room)
                .max();
            prop_assert_eq!(best, Some(sum));
        }
    }
}
