//! Finds the end of the journal in O(log n) requests.

use strongroom_format::object_name;

use crate::context::is_there;
use crate::edge::Remote;
use crate::error::Result;

/// Returns the number of the first entry from `from` on that is missing, given that entries are dense.
///
/// Entries are found by doubling steps and then halving them: `2·log2` of the distance, and one request when
/// `from` itself is missing. Where the journal has a hole, the answer may be the hole or the end.
pub(super) fn end_of_journal(remote: &Remote, from: u64) -> Result<u64> {
    first_missing(from, |n| is_there(remote, &object_name::journal(n)))
}

pub(crate) fn first_missing(
    from: u64,
    mut is_there: impl FnMut(u64) -> Result<bool>,
) -> Result<u64> {
    if !is_there(from)? {
        return Ok(from);
    }
    let mut present = from;
    let mut step = 1;
    let mut missing = loop {
        let probe = present.saturating_add(step);
        if !is_there(probe)? {
            break probe;
        }
        present = probe;
        step = step.saturating_mul(2);
    };
    while missing - present > 1 {
        let middle = present + (missing - present) / 2;
        if is_there(middle)? {
            present = middle;
        } else {
            missing = middle;
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests_to_find(from: u64, end: u64) -> u64 {
        let mut requests = 0;
        let found = first_missing(from, |n| {
            requests += 1;
            Ok(n < end)
        });
        assert_eq!(found.unwrap(), end.max(from));
        requests
    }

    #[test]
    fn every_end_is_found() {
        for end in 0..300 {
            for from in [0, 1, 7, 64] {
                requests_to_find(from, end);
            }
        }
    }

    #[test]
    fn requests_grow_with_the_logarithm() {
        assert_eq!(requests_to_find(5, 5), 1);
        assert_eq!(requests_to_find(5, 6), 2);
        assert!(requests_to_find(0, 1_000) <= 22);
        assert!(requests_to_find(0, 1_000_000) <= 42);
    }
}
